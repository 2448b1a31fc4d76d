// Joins the DNS server with the forwarder: every name that is not a service's.
// Layer: app (may include all). Threads: the dns thread.
#pragma once

#include "dns_server/forwarding.hpp"
#include "forward/forwarder.hpp"

namespace taskdns::app {

class ForwardedNames final : public dns_server::Forwarding {
public:
    /// `servers` is not empty. `budget` outlives this.
    ForwardedNames(asio::any_io_executor executor, std::vector<SocketAddress> servers, const config::Config& config,
                   upstream::QueryBudget& budget)
        : forwarder_(std::move(executor), std::move(servers), forward::Settings{config.upstream, config.forward},
                     budget) {}

    std::size_t answer_now(std::span<std::uint8_t> buffer, const dns::Query& query,
                           dns_server::Transport transport) override {
        return forwarder_.answer_now(buffer, query, transport == dns_server::Transport::tcp);
    }
    void forward(std::span<const std::uint8_t> query, dns_server::Transport transport,
                 dns_server::Reply reply) override {
        forwarder_.forward(query, transport == dns_server::Transport::tcp, std::move(reply));
    }

    forward::Forwarder& forwarder() { return forwarder_; }
    const forward::Forwarder& forwarder() const { return forwarder_; }

private:
    forward::Forwarder forwarder_;
};

}  // namespace taskdns::app
