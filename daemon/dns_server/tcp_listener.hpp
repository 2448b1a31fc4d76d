// DNS over TCP: accepting, the bound on connections, and closing those that are idle.
// Layer: dns_server (may include base, view, Asio). Threads: the dns thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/alarm.hpp"
#include "base/task_group.hpp"
#include "dns_server/sockets.hpp"
#include "dns_server/tcp_connection.hpp"

namespace taskdns::dns_server {

/// The connections of all listeners.
class TcpConnections : public std::enable_shared_from_this<TcpConnections> {
public:
    TcpConnections(asio::io_context& context, std::shared_ptr<Responder> responder);

    /// Serves the connection; where there are too many, the longest idle makes room. Who may not ask is closed.
    void add(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& client);
    void stop();
    std::size_t size() const { return open_.size(); }

    TaskGroup& tasks() { return tasks_; }
    Responder& responder() { return *responder_; }

private:
    class Served;
    static asio::awaitable<void> serve(std::shared_ptr<TcpConnections> self,
                                       std::shared_ptr<TcpConnection> connection);
    void make_room();
    void close_idle();
    void check_later();

    std::shared_ptr<Responder> responder_;
    std::optional<Alarm> idle_check_;  // until we stop
    std::vector<std::shared_ptr<TcpConnection>> open_;
    TaskGroup tasks_;
};

class TcpListener : public std::enable_shared_from_this<TcpListener> {
public:
    TcpListener(asio::io_context& context, Descriptor socket, const SocketAddress& address,
                std::shared_ptr<TcpConnections> connections);

    void start();
    void stop();
    /// Serves the connections that have come already, then takes no more.
    void finish();

private:
    static asio::awaitable<void> accept(std::shared_ptr<TcpListener> self);
    bool take(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& client);
    void report(const boost::system::error_code& error);

    asio::ip::tcp::acceptor acceptor_;
    SocketAddress address_;
    std::shared_ptr<TcpConnections> connections_;
    asio::steady_timer pause_;
    bool failing_ = false;
    bool finishing_ = false;
};

}  // namespace taskdns::dns_server
