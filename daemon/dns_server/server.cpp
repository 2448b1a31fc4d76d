// The DNS listeners of the daemon, put together. Layer: dns_server.
#include "dns_server/server.hpp"

#include "dns_server/tcp_listener.hpp"
#include "dns_server/udp_listener.hpp"

namespace taskdns::dns_server {

struct Server::State {
    State(asio::io_context& c, view::Publisher& publisher, Settings settings, Forwarding* forwarding)
        : context(c),
          responder(std::make_shared<Responder>(c, publisher, std::move(settings), forwarding)),
          connections(std::make_shared<TcpConnections>(c, responder)) {}

    asio::io_context& context;
    std::shared_ptr<Responder> responder;
    std::shared_ptr<TcpConnections> connections;
    std::shared_ptr<UdpBatch> batch = make_udp_batch();
    std::vector<std::shared_ptr<UdpListener>> udp;
    std::vector<std::shared_ptr<TcpListener>> tcp;
    bool stopped = false;
};

Server::Server(asio::io_context& context, view::Publisher& publisher, Settings settings, Forwarding* forwarding)
    : state_(std::make_shared<State>(context, publisher, std::move(settings), forwarding)) {}

Server::~Server() { stop(); }

taskdns::Result<SocketAddress> Server::listen(const SocketAddress& address) {
    auto bound = bind_sockets(address);
    if (!bound) return bound.error();
    State& state = *state_;
    state.responder->add_listener(bound->address);
    state.udp.push_back(std::make_shared<UdpListener>(state.context, std::move(bound->udp), bound->address,
                                                      state.responder, state.batch));
    state.tcp.push_back(
        std::make_shared<TcpListener>(state.context, std::move(bound->tcp), bound->address, state.connections));
    return bound->address;
}

void Server::start() {
    for (const auto& listener : state_->udp) listener->start();
    for (const auto& listener : state_->tcp) listener->start();
}

void Server::on_published() { state_->responder->on_published(); }

void Server::stop() {
    if (state_->stopped) return;
    state_->stopped = true;
    state_->responder->stop();  // first: the held get their answer while there are sockets
    for (const auto& listener : state_->udp) listener->stop();
    for (const auto& listener : state_->tcp) listener->stop();
    state_->connections->stop();
}

const Counters& Server::counters() const { return state_->responder->counters(); }

}  // namespace taskdns::dns_server
