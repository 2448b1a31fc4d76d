// A response on its way out.
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
#pragma once

#include <memory>

#include "base/asio.hpp"
#include "http_server/connection.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

/// How a response is to be written.
struct Framing {
    unsigned version = 11;  ///< of the request
    bool head = false;      ///< without the body
    bool keep_alive = false;
};

/// False if the peer did not take it within `limit`.
asio::awaitable<bool> write(std::shared_ptr<Connection> connection, Response response, Framing framing,
                            milliseconds limit);
/// Only the header of a body that has no end: in chunks, or in HTTP/1.0 up to the end of the connection.
asio::awaitable<bool> write_endless(std::shared_ptr<Connection> connection, Response response, Framing framing,
                                    milliseconds limit);

}  // namespace taskdns::http_server
