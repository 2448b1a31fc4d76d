// Which of our listeners a resolv.conf can name. Layer: base.
#include "base/local_listener.hpp"

#include <algorithm>

namespace taskdns {

std::optional<IpAddress> find_local_listener(const std::vector<SocketAddress>& listeners) {
    std::optional<IpAddress> other;
    for (const SocketAddress& listener : listeners) {
        const IpAddress& address = listener.address;
        if (listener.port != resolv_conf_port) continue;
        if (address.is_unspecified()) return IpAddress::parse(address.is_v4() ? "127.0.0.1" : "::1");
        if (address.is_loopback()) return address;
        if (!other) other = address;
    }
    return other;
}

bool answers_its_own_host(const IpAddress& named, const std::vector<Network>& allow) {
    return named.is_loopback() ||
           std::any_of(allow.begin(), allow.end(), [&](const Network& network) { return network.contains(named); });
}

}  // namespace taskdns
