// Where we listen, for DNS and for HTTP: new listeners are bound before old ones close, and one that resolv.conf may
// name answers until it is named no more.
// Layer: app (may include all). Threads: the control thread; what it does to the DNS server it posts to its thread.
#pragma once

#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/result.hpp"
#include "config/config.hpp"
#include "dns_server/server.hpp"
#include "dns_server/sockets.hpp"
#include "http_server/listener.hpp"
#include "task/bind_capability.hpp"

namespace taskdns::app {

class Listeners {
public:
    /// All outlive it.
    /// `at_start` is what this process had to bind with, before it gave up what it does not need.
    Listeners(asio::io_context& dns_context, dns_server::Server& dns, http_server::Server& http,
              const task::BindRights& at_start)
        : dns_context_(dns_context), dns_(dns), http_(http), at_start_(at_start) {}

    /// Binds what `wanted` has and we have not. Error: nothing is bound beyond what was, and the message has the
    /// mend.
    Result<void> bind(const config::Listen& wanted);
    /// Answers on those that `wanted`, the same, has, and closes the others, except those for DNS on port 53: they
    /// leave.
    void commit(const config::Listen& wanted);
    /// DNS listeners that answer although the configuration does not have them any more; a later one may again.
    std::vector<SocketAddress> leaving() const { return bound_addresses(leaving_); }
    void close_leaving(const SocketAddress& bound);

    /// As they are bound: with the port that the system gave where the configuration says 0. Without those that
    /// leave.
    std::vector<SocketAddress> dns() const { return bound_addresses(dns_listening_); }
    std::vector<SocketAddress> http() const { return bound_addresses(http_listening_); }

private:
    struct Listening {
        SocketAddress configured;
        SocketAddress bound;
    };
    static std::vector<SocketAddress> bound_addresses(const std::vector<Listening>& listening);
    Result<void> bind_dns(const config::Listen& wanted);
    Result<void> bind_http(const config::Listen& wanted);
    void forget_new();
    Error explained(Error error, const SocketAddress& wanted, const std::vector<SocketAddress>& ours,
                    std::string_view variable) const;
    std::vector<dns_server::BoundSockets> open_new();
    void take_back(const config::Listen& wanted);
    std::vector<SocketAddress> drop_unwanted(const config::Listen& wanted);
    /// Who may ask, and from a listener that leaves this host still, whatever the new configuration says.
    std::vector<Network> allowed() const;

    asio::io_context& dns_context_;
    dns_server::Server& dns_;
    http_server::Server& http_;
    const task::BindRights at_start_;
    std::vector<Listening> dns_listening_;
    std::vector<Listening> leaving_;
    std::vector<Network> allow_;
    std::vector<Listening> http_listening_;
    // Bound, not answered on yet.
    std::vector<std::pair<SocketAddress, dns_server::BoundSockets>> new_dns_;
    std::vector<Listening> new_http_;
};

}  // namespace taskdns::app
