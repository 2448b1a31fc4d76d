// Compiles Beast's out-of-line code once for the whole program (target `beast`).
#include <boost/beast/src.hpp>
