// Where we listen. Layer: app.
#include "app/listeners.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/post.hpp>

#include "base/local_listener.hpp"
#include "base/log.hpp"

namespace taskdns::app {
namespace {

bool contains(const std::vector<SocketAddress>& addresses, const SocketAddress& address) {
    return std::ranges::find(addresses, address) != addresses.end();
}

/// One hears what comes to the other, so both cannot be bound at a time.
bool overlap(const SocketAddress& a, const SocketAddress& b) {
    return a.port == b.port && a.address.is_v4() == b.address.is_v4() &&
           (a.address.is_unspecified() || b.address.is_unspecified());
}

}  // namespace

/// A failure that is our own doing says so, and one of rights, which mends there are. `variable` sets another
/// address.
Error Listeners::explained(Error error, const SocketAddress& wanted, const std::vector<SocketAddress>& ours,
                           std::string_view variable) const {
    if (error.code == Errc::denied) {
        task::BindRights rights = task::read_bind_rights();
        rights.bounded = at_start_.bounded;  // these two we have given up ourselves since then
        rights.no_new_privileges = at_start_.no_new_privileges;
        error.message += task::explain_denied_port(rights, wanted.port, variable);
    }
    const auto other = std::ranges::find_if(ours, [&](const SocketAddress& own) { return overlap(own, wanted); });
    if (other != ours.end()) {
        error.message += " (our own listener " + other->to_string() +
                         " overlaps with it, and stays open until the new one is bound: restart, or reload once "
                         "without it, and again once the log says that it is closed)";
    }
    return error;
}

std::vector<SocketAddress> Listeners::bound_addresses(const std::vector<Listening>& listening) {
    std::vector<SocketAddress> out;
    out.reserve(listening.size());
    for (const Listening& one : listening) out.push_back(one.bound);
    return out;
}

Result<void> Listeners::bind(const config::Listen& wanted) {
    const task::BindCapability capability;
    Result<void> bound = bind_dns(wanted);
    if (bound) bound = bind_http(wanted);
    if (!bound) forget_new();
    return bound;
}

Result<void> Listeners::bind_dns(const config::Listen& wanted) {
    for (const SocketAddress& address : wanted.dns) {
        const auto same = [&](const Listening& one) { return one.configured == address; };
        if (std::ranges::any_of(dns_listening_, same) || std::ranges::any_of(leaving_, same)) continue;
        auto bound = dns_server::bind_sockets(address);
        if (bound) {
            new_dns_.emplace_back(address, std::move(*bound));
        } else if (wanted.dns_is_default && address.address.is_v6()) {
            log::warning("app", "no IPv6 listener",
                         {{"dns", address.to_string()}, {"reason", bound.error().message}});
        } else {
            std::vector<SocketAddress> ours = dns();
            for (const SocketAddress& one : leaving()) ours.push_back(one);
            return explained(bound.error(), address, ours, "TASKDNS_DNS_LISTEN");
        }
    }
    return {};
}

Result<void> Listeners::bind_http(const config::Listen& wanted) {
    for (const SocketAddress& address : wanted.http) {
        const auto same = [&](const Listening& one) { return one.configured == address; };
        if (std::ranges::any_of(http_listening_, same)) continue;
        const Result<SocketAddress> bound = http_.listen(address);
        if (!bound) return explained(bound.error(), address, http(), "TASKDNS_HTTP_LISTEN");
        new_http_.push_back({address, *bound});
    }
    return {};
}

void Listeners::forget_new() {
    new_dns_.clear();
    for (const Listening& one : new_http_) http_.close(one.bound);
    new_http_.clear();
}

void Listeners::commit(const config::Listen& wanted) {
    auto opened = std::make_shared<std::vector<dns_server::BoundSockets>>(open_new());
    take_back(wanted);
    const std::vector<SocketAddress> closed = drop_unwanted(wanted);
    allow_ = wanted.allow;
    asio::post(dns_context_, [&server = dns_, opened, closed, allow = allowed()] {
        server.set_allow(allow);
        for (dns_server::BoundSockets& sockets : *opened) server.add(std::move(sockets));
        server.start();
        for (const SocketAddress& address : closed) server.remove(address);
    });
}

std::vector<dns_server::BoundSockets> Listeners::open_new() {
    std::vector<dns_server::BoundSockets> opened;
    for (auto& [configured, sockets] : new_dns_) {
        log::info("app", "listening", {{"dns", sockets.address.to_string()}});
        dns_listening_.push_back({configured, sockets.address});
        opened.push_back(std::move(sockets));
    }
    new_dns_.clear();
    for (const Listening& one : new_http_) {
        log::info("app", "listening", {{"http", one.bound.to_string()}});
        http_listening_.push_back(one);
    }
    new_http_.clear();
    http_.start();
    return opened;
}

void Listeners::take_back(const config::Listen& wanted) {
    std::erase_if(leaving_, [&](const Listening& one) {
        if (!contains(wanted.dns, one.configured)) return false;
        log::info("app", "listening", {{"dns", one.bound.to_string()}});
        dns_listening_.push_back(one);
        return true;
    });
}

std::vector<SocketAddress> Listeners::drop_unwanted(const config::Listen& wanted) {
    std::vector<SocketAddress> closed;
    std::erase_if(dns_listening_, [&](const Listening& one) {
        if (contains(wanted.dns, one.configured)) return false;
        if (one.bound.port == resolv_conf_port) {
            log::info("app", "listening until resolv.conf names it no more", {{"dns", one.bound.to_string()}});
            leaving_.push_back(one);
            return true;
        }
        log::info("app", "listening no more", {{"dns", one.bound.to_string()}});
        closed.push_back(one.bound);
        return true;
    });
    std::erase_if(http_listening_, [&](const Listening& one) {
        if (contains(wanted.http, one.configured)) return false;
        log::info("app", "listening no more", {{"http", one.bound.to_string()}});
        http_.close(one.bound);
        return true;
    });
    return closed;
}

void Listeners::close_leaving(const SocketAddress& bound) {
    const auto same = [&](const Listening& one) { return one.bound == bound; };
    if (std::erase_if(leaving_, same) == 0) return;
    log::info("app", "listening no more", {{"dns", bound.to_string()}});
    asio::post(dns_context_, [&server = dns_, bound, allow = allowed()] {
        server.set_allow(allow);
        server.remove(bound);
    });
}

std::vector<Network> Listeners::allowed() const {
    std::vector<Network> out = allow_;
    for (const Listening& one : leaving_) {
        const IpAddress& address = one.bound.address;
        out.push_back({address, static_cast<unsigned>(8 * address.bytes().size())});
    }
    return out;
}

}  // namespace taskdns::app
