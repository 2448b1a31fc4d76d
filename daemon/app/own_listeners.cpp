// Is one of the upstream servers ourselves? Layer: app.
#include "app/own_listeners.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/reaches.hpp"

namespace taskdns::app {
namespace {

std::optional<IpAddress> address_of(const sockaddr* native) {
    if (native == nullptr) return std::nullopt;
    if (native->sa_family == AF_INET) {
        IpAddress::V4Bytes bytes{};
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(native)->sin_addr, bytes.size());
        return IpAddress(bytes);
    }
    if (native->sa_family == AF_INET6) {
        IpAddress::V6Bytes bytes{};
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(native)->sin6_addr, bytes.size());
        return IpAddress(bytes);
    }
    return std::nullopt;
}

}  // namespace

std::vector<IpAddress> local_addresses() {
    std::vector<IpAddress> out;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return out;  // the probes of daemon/forward find a loop all the same
    for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
        if (const auto address = address_of(at->ifa_addr)) out.push_back(*address);
    }
    freeifaddrs(first);
    return out;
}

std::vector<SocketAddress> heard_addresses(const std::vector<SocketAddress>& listeners,
                                           const std::vector<IpAddress>& local) {
    std::vector<SocketAddress> out = listeners;
    for (const SocketAddress& listener : listeners) {
        if (!listener.address.is_unspecified()) continue;
        for (const IpAddress& address : local) {
            if (address.is_v4() == listener.address.is_v4()) out.push_back({address, listener.port});
        }
    }
    return out;
}

std::optional<Error> find_own_listener(const config::Upstream& upstream, const std::vector<SocketAddress>& heard) {
    for (std::size_t i = 0; i < upstream.servers.size(); ++i) {
        const SocketAddress& server = upstream.servers[i];
        const auto own = std::find_if(heard.begin(), heard.end(),
                                      [&](const SocketAddress& listener) { return reaches(server, listener); });
        if (own == heard.end()) continue;
        const std::string place = i < upstream.places.size() ? upstream.places[i] + ": " : "";
        return Error{Errc::invalid_config, place + server.to_string() +
                                               " is an address of this host that listen.dns hears: a loop (name the "
                                               "VPC resolver, or write auto)"};
    }
    return std::nullopt;
}

}  // namespace taskdns::app
