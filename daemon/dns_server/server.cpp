// The DNS listeners of the daemon, put together. Layer: dns_server.
#include "dns_server/server.hpp"

#include <utility>

#include "dns_server/tcp_listener.hpp"
#include "dns_server/udp_listener.hpp"

namespace taskdns::dns_server {

namespace {

struct Listener {
    SocketAddress address;
    std::shared_ptr<UdpListener> udp;
    std::shared_ptr<TcpListener> tcp;
    bool started = false;
};

}  // namespace

struct Server::State {
    State(asio::io_context& c, view::Publisher& publisher, Settings settings, Forwarding* forwarding)
        : context(c),
          responder(std::make_shared<Responder>(c, publisher, std::move(settings), forwarding)),
          connections(std::make_shared<TcpConnections>(c, responder)) {}

    asio::io_context& context;
    std::shared_ptr<Responder> responder;
    std::shared_ptr<TcpConnections> connections;
    std::shared_ptr<UdpBatch> batch = make_udp_batch();
    std::vector<Listener> listeners;
    bool stopped = false;
};

Server::Server(asio::io_context& context, view::Publisher& publisher, Settings settings, Forwarding* forwarding)
    : state_(std::make_shared<State>(context, publisher, std::move(settings), forwarding)) {}

Server::~Server() { stop(); }

void Server::add(BoundSockets sockets) {
    State& state = *state_;
    state.responder->add_listener(sockets.address);
    Listener& listener = state.listeners.emplace_back();
    listener.address = sockets.address;
    listener.udp = std::make_shared<UdpListener>(state.context, std::move(sockets.udp), sockets.address,
                                                 state.responder, state.batch);
    listener.tcp =
        std::make_shared<TcpListener>(state.context, std::move(sockets.tcp), sockets.address, state.connections);
}

void Server::start() {
    for (Listener& listener : state_->listeners) {
        if (std::exchange(listener.started, true)) continue;
        listener.udp->start();
        listener.tcp->start();
    }
}

void Server::remove(const SocketAddress& address) {
    std::erase_if(state_->listeners, [&](const Listener& listener) {
        if (listener.address != address) return false;
        listener.udp->finish();
        listener.tcp->finish();
        return true;
    });
    state_->responder->remove_listener(address);
}

void Server::set_allow(std::vector<Network> allow) { state_->responder->set_allow(std::move(allow)); }

void Server::set_identity(std::string identity) { state_->responder->set_identity(std::move(identity)); }

void Server::set_forwarding(Forwarding* forwarding) { state_->responder->set_forwarding(forwarding); }

void Server::on_published() { state_->responder->on_published(); }

void Server::stop() {
    if (state_->stopped) return;
    state_->stopped = true;
    state_->responder->stop();  // first: the held get their answer while there are sockets
    for (const Listener& listener : state_->listeners) {
        listener.udp->stop();
        listener.tcp->stop();
    }
    state_->connections->stop();
}

const Counters& Server::counters() const { return state_->responder->counters(); }

}  // namespace taskdns::dns_server
