// A connection's socket: operations under a time limit, and waiting that can be woken.
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
//
// Between two requests, and while it waits for a change, a connection holds no buffer and no parser.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "base/asio.hpp"
#include "base/time.hpp"

namespace taskdns::http_server {

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(asio::ip::tcp::socket accepted, std::size_t largest_buffer);

    asio::ip::tcp::socket socket;
    boost::beast::flat_buffer buffer;     ///< received, not parsed yet: pipelined requests wait here
    std::optional<TimePoint> idle_since;  ///< between two requests

    /// From now on: when `limit` has passed, what the socket waits for ends with operation_aborted. Replaces the
    /// limit before it.
    void limit_time(milliseconds limit);
    /// The last limit has passed.
    bool timed_out() const { return timed_out_; }
    /// Ends pause(), if that is what the connection does now.
    void wake();
    bool pausing() const { return pausing_; }
    void close();

    /// Until `limit` has passed, or wake(); false if the peer is gone. One that has only finished sending counts as
    /// gone: the two cannot be told apart; so does one that sends more than `buffer` holds, as what is behind that
    /// cannot be seen. What it sends meanwhile is kept.
    static asio::awaitable<bool> pause(std::shared_ptr<Connection> connection, milliseconds limit);
    /// Sends all of it; false if the peer is gone, or took nothing for `limit`. The caller keeps what the buffers
    /// point to.
    static asio::awaitable<bool> send(std::shared_ptr<Connection> connection, std::vector<asio::const_buffer> octets,
                                      milliseconds limit);

private:
    asio::steady_timer timer_;
    std::uint64_t limits_set_ = 0;  // a limit that has fired but is not handled yet must not hit its successor
    bool timed_out_ = false;
    bool pausing_ = false;
};

}  // namespace taskdns::http_server
