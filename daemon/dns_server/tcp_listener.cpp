// DNS over TCP. Layer: dns_server.
#include "dns_server/tcp_listener.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace taskdns::dns_server {
namespace {

/// After an accept that failed for want of descriptors or memory: at once it would only fail again.
constexpr milliseconds accept_pause{100};

}  // namespace

TcpConnections::TcpConnections(asio::io_context& context, std::shared_ptr<Responder> responder)
    : responder_(std::move(responder)), timer_(context), tasks_(context.get_executor()) {}

void TcpConnections::add(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& client) {
    if (!responder_->may_ask(from_asio(client.address()))) {
        responder_->counters().dropped_source.add();
        return;
    }
    responder_->counters().tcp_connections.add();
    make_room();
    auto connection = std::make_shared<TcpConnection>(std::move(socket), responder_);
    open_.push_back(connection);
    tasks_.spawn("dns_server connection", serve(shared_from_this(), std::move(connection)));
    arm_timer();
}

asio::awaitable<void> TcpConnections::serve(std::shared_ptr<TcpConnections> self,
                                            std::shared_ptr<TcpConnection> connection) {
    co_await TcpConnection::serve(connection);
    std::erase(self->open_, connection);
}

void TcpConnections::make_room() {
    if (open_.size() < responder_->settings().max_tcp_connections) return;
    // Who waits for an answer of ours is not idle: taken only if all do.
    const auto longest_idle = std::min_element(open_.begin(), open_.end(), [](const auto& left, const auto& right) {
        return std::pair(left->is_waiting_for_answers(), left->last_activity()) <
               std::pair(right->is_waiting_for_answers(), right->last_activity());
    });
    (*longest_idle)->close();
    open_.erase(longest_idle);
    responder_->counters().tcp_evictions.add();
}

void TcpConnections::arm_timer() {
    if (timer_armed_ || open_.empty()) return;
    timer_armed_ = true;
    // Looked at four times per idle limit: a connection is closed at most a quarter late, and no timer is armed per
    // query.
    timer_.expires_after(responder_->settings().tcp_idle / 4);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        self->timer_armed_ = false;
        if (error) return;
        self->close_idle();
        self->arm_timer();
    });
}

void TcpConnections::close_idle() {
    const TimePoint oldest = Clock::now() - responder_->settings().tcp_idle;
    for (const auto& connection : open_) {
        if (connection->is_waiting_for_answers() || connection->last_activity() > oldest) continue;
        connection->close();  // its coroutine takes it out of `open_`
        responder_->counters().tcp_timeouts.add();
    }
}

void TcpConnections::stop() {
    for (const auto& connection : open_) connection->close();
    timer_.cancel();
    tasks_.cancel_all();
}

TcpListener::TcpListener(asio::io_context& context, Descriptor socket, const SocketAddress& address,
                         std::shared_ptr<TcpConnections> connections)
    : acceptor_(context, address.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), socket.release()),
      address_(address),
      connections_(std::move(connections)),
      pause_(context) {}

void TcpListener::start() { connections_->tasks().spawn("dns_server accept", accept(shared_from_this())); }

void TcpListener::stop() {
    boost::system::error_code ignored;  // closing is all that can be done
    acceptor_.close(ignored);
    pause_.cancel();
}

void TcpListener::finish() {
    finishing_ = true;
    boost::system::error_code error;
    acceptor_.cancel(error);
    acceptor_.non_blocking(true, error);
    while (!error) {
        asio::ip::tcp::endpoint client;
        asio::ip::tcp::socket socket(acceptor_.get_executor());
        acceptor_.accept(socket, client, error);
        if (!error && !take(std::move(socket), client)) break;
    }
    stop();
}

asio::awaitable<void> TcpListener::accept(std::shared_ptr<TcpListener> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    asio::ip::tcp::endpoint client;
    while (self->acceptor_.is_open()) {
        auto [error, socket] = co_await self->acceptor_.async_accept(client, as_result);
        if (!self->acceptor_.is_open()) {
            if (!error && self->finishing_) self->take(std::move(socket), client);  // it came just before
            break;
        }
        self->report(error);
        if (!error && self->take(std::move(socket), client)) continue;
        self->pause_.expires_after(accept_pause);
        co_await self->pause_.async_wait(as_result);
    }
}

/// False: no memory for it. The connection is closed, the listener goes on after a pause.
bool TcpListener::take(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& client) {
    try {
        connections_->add(std::move(socket), client);
        return true;
    } catch (const std::exception&) {
        connections_->responder().counters().accept_failures.add();
        return false;
    }
}

void TcpListener::report(const boost::system::error_code& error) {
    const bool failing = static_cast<bool>(error);
    if (failing) connections_->responder().counters().accept_failures.add();
    if (failing == failing_) return;
    failing_ = failing;
    if (failing) {
        log::warning("dns_server", "cannot accept TCP connections",
                     {{"listener", address_.to_string()}, {"error", error.message()}});
    } else {
        log::info("dns_server", "accepts TCP connections again", {{"listener", address_.to_string()}});
    }
}

}  // namespace taskdns::dns_server
