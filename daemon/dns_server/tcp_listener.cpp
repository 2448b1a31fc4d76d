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
    : responder_(std::move(responder)),
      idle_check_(std::in_place, context.get_executor(), "close idle TCP connections", [this] { close_idle(); }),
      tasks_(context.get_executor()) {}

void TcpConnections::add(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& client) {
    if (!responder_->may_ask(from_asio(client.address()))) {
        responder_->counters().dropped_source.add();
        return;
    }
    responder_->counters().tcp_connections.add();
    make_room();
    auto connection = std::make_shared<TcpConnection>(std::move(socket), responder_);
    open_.push_back(connection);
    check_later();
    try {
        tasks_.spawn("dns_server connection", serve(shared_from_this(), connection));
    } catch (const std::exception&) {
        std::erase(open_, connection);
        throw;
    }
}

/// Open as long as it is served, whatever ends that.
class TcpConnections::Served {
public:
    Served(TcpConnections& all, const TcpConnection* one) : all_(all), one_(one) {}
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;
    ~Served() {
        std::erase_if(all_.open_, [this](const auto& connection) { return connection.get() == one_; });
    }

private:
    TcpConnections& all_;
    const TcpConnection* one_;
};

asio::awaitable<void> TcpConnections::serve(std::shared_ptr<TcpConnections> self,
                                            std::shared_ptr<TcpConnection> connection) {
    const Served served(*self, connection.get());
    co_await TcpConnection::serve(connection);
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

/// Looked at four times per idle limit: a connection is closed at most a quarter late, and no timer is armed per
/// query.
void TcpConnections::check_later() {
    if (!open_.empty() && idle_check_) idle_check_->set(Clock::now() + responder_->settings().tcp_idle / 4);
}

void TcpConnections::close_idle() {
    const TimePoint oldest = Clock::now() - responder_->settings().tcp_idle;
    for (const auto& connection : open_) {
        if (connection->is_waiting_for_answers() || connection->last_activity() > oldest) continue;
        connection->close();  // its coroutine takes it out of `open_`
        responder_->counters().tcp_timeouts.add();
    }
    check_later();
}

void TcpConnections::stop() {
    for (const auto& connection : open_) connection->close();
    idle_check_.reset();
    tasks_.cancel_all();
}

TcpListener::TcpListener(asio::io_context& context, Descriptor socket, const SocketAddress& address,
                         std::shared_ptr<TcpConnections> connections)
    : acceptor_(context, address.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), socket.release()),
      address_(address),
      connections_(std::move(connections)),
      pause_(context) {}

void TcpListener::start() {
    connections_->tasks().keep("dns_server accept", [self = weak_from_this()] { return accept(self.lock()); });
}

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
    while (self && self->acceptor_.is_open()) {
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
