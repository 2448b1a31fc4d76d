// One request from a connection, and every way in which it can be wrong (RFC 9112).
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
#pragma once

#include <memory>
#include <optional>

#include "base/asio.hpp"
#include "http_server/connection.hpp"
#include "http_server/limits.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

/// If there is neither a request nor a refusal, the connection is over.
struct Received {
    std::optional<Request> request;
    std::optional<Response> refusal;  ///< what the peer is told; where its next request begins is not known
    bool head = false;                ///< it asked for a header only, as far as it has been read
    bool keep_alive = false;
    bool broken = false;  ///< over by an error
};

/// Within limits.request_time. Nothing of the parser is left when it returns.
asio::awaitable<Received> receive(std::shared_ptr<Connection> connection, Limits limits);

}  // namespace taskdns::http_server
