// Compiles Asio's out-of-line TLS code once for the whole program (target `openssl`).
#include <boost/asio/ssl/impl/src.hpp>
