// One HTTP connection: requests in, plan(), responses out, each step under a deadline.
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
#pragma once

#include <memory>

#include "base/asio.hpp"
#include "http_server/connection.hpp"
#include "http_server/counters.hpp"
#include "http_server/event_log.hpp"
#include "http_server/limits.hpp"
#include "http_server/routes.hpp"
#include "http_server/watchers.hpp"

namespace taskdns::http_server {

/// What all sessions share; outlives them.
struct Shared {
    Model model;
    Limits limits;
    Counters counters;
    Watchers watchers;
    EventLog events;
    bool stopping = false;  ///< who waits is answered, and no connection is kept
};

/// Answers requests until the peer closes, breaks the rules, is too slow, or the connection is closed from outside. A
/// crowded one (Access::crowded) is closed after one request.
asio::awaitable<void> serve(std::shared_ptr<Connection> connection, Shared& shared, const Access& access);

}  // namespace taskdns::http_server
