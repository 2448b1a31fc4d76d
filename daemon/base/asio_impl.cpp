// Compiles Asio's out-of-line code once for the whole program (target `asio`).
#include <boost/asio/impl/src.hpp>
