// A connection's socket. Layer: http_server.
#include "http_server/connection.hpp"

#include <algorithm>

namespace taskdns::http_server {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t read_ahead = 2048;  // of what comes while the connection waits for a change

}  // namespace

Connection::Connection(tcp::socket accepted, std::size_t largest_buffer)
    : socket(std::move(accepted)), buffer(largest_buffer), timer_(socket.get_executor()) {}

void Connection::limit_time(milliseconds limit) {
    timed_out_ = false;
    const std::uint64_t number = ++limits_set_;
    timer_.expires_after(limit);
    timer_.async_wait([self = weak_from_this(), number](const error_code& error) {
        const auto connection = self.lock();
        if (error || !connection || connection->limits_set_ != number) return;
        connection->timed_out_ = true;
        error_code ignored;
        connection->socket.cancel(ignored);
    });
}

void Connection::wake() {
    error_code ignored;
    if (pausing_) socket.cancel(ignored);
}

void Connection::close() {
    ++limits_set_;
    timer_.cancel();
    error_code ignored;
    socket.close(ignored);
}

asio::awaitable<bool> Connection::pause(std::shared_ptr<Connection> connection, milliseconds limit) {
    connection->limit_time(limit);
    const std::size_t room = connection->buffer.max_size() - connection->buffer.size();
    if (room == 0) co_return false;
    if (connection->buffer.size() == 0) connection->buffer.shrink_to_fit();
    connection->pausing_ = true;
    const auto [waited] = co_await connection->socket.async_wait(tcp::socket::wait_read, as_result);
    connection->pausing_ = false;
    if (waited) co_return connection->socket.is_open();
    const auto space = connection->buffer.prepare(std::min(room, read_ahead));
    const auto [error, size] = co_await connection->socket.async_read_some(space, as_result);
    connection->buffer.commit(size);
    co_return !error || (error == asio::error::operation_aborted && connection->socket.is_open());
}

asio::awaitable<bool> Connection::send(std::shared_ptr<Connection> connection, std::vector<asio::const_buffer> octets,
                                       milliseconds limit) {
    std::size_t first = 0;
    while (first < octets.size()) {
        connection->limit_time(limit);
        const auto [error, size] = co_await connection->socket.async_write_some(octets, as_result);
        if (error) co_return false;
        std::size_t sent = size;
        while (first < octets.size() && sent >= octets[first].size()) {
            sent -= octets[first].size();
            octets[first++] = {};  // an empty one is skipped by the next write
        }
        if (first < octets.size()) octets[first] += sent;
    }
    co_return true;
}

}  // namespace taskdns::http_server
