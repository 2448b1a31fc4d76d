// One blocking GET over one TCP connection, for the commands that ask the daemon here, and nobody else.
// Layer: app (this header: base only). Threads: blocks the caller, who has no event loop.
#pragma once

#include <string>
#include <string_view>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace taskdns::app {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
};

/// `timeout` bounds the whole: connecting, sending and receiving. `path`: origin form, such as "/readyz". The body
/// ends at its Content-Length, or where the connection closes; other codings, and answers beyond 16 MiB (a thousand
/// endpoints take one), are malformed. Error: the address and what happened.
Result<HttpAnswer> http_get(const SocketAddress& address, std::string_view path, milliseconds timeout,
                            std::string_view accept = "text/plain");

}  // namespace taskdns::app
