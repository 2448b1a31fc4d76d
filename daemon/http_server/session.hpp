// One HTTP connection: requests in, respond(), responses out, each step under a deadline.
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
//
// Between two requests a connection holds no buffer and no parser, only its socket and a timer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "base/asio.hpp"
#include "http_server/listener.hpp"

namespace taskdns::http_server {

/// A socket whose current operation can be given a time limit.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(asio::ip::tcp::socket accepted, std::size_t largest_buffer);

    asio::ip::tcp::socket socket;
    boost::beast::flat_buffer buffer;  ///< received, not parsed yet: pipelined requests wait here

    /// From now on: when `limit` has passed, what the socket waits for ends with operation_aborted. Replaces the
    /// limit before it.
    void limit_time(milliseconds limit);
    /// The last limit has passed.
    bool timed_out() const { return timed_out_; }
    void close();

private:
    asio::steady_timer timer_;
    std::uint64_t limits_set_ = 0;  // a limit that has fired but is not handled yet must not hit its successor
    bool timed_out_ = false;
};

/// What the sessions of one listener share; outlives them.
struct SessionContext {
    const Model& model;
    const Access& access;
    const Limits& limits;
    Counters& counters;
};

/// Answers requests until the peer closes, breaks the rules, is too slow, or the connection is closed from outside.
asio::awaitable<void> serve(std::shared_ptr<Connection> connection, SessionContext context);

/// Says 503 and closes: for a connection beyond the limit.
asio::awaitable<void> reject(std::shared_ptr<Connection> connection);

}  // namespace taskdns::http_server
