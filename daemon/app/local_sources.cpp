// What the kernel would send from to each endpoint. Layer: app.
#include "app/local_sources.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_known = 200'000;  // of services with many tasks that come and go: then begin anew

std::optional<IpAddress> address_of(const sockaddr* address) {
    if (address == nullptr) return std::nullopt;
    if (address->sa_family == AF_INET) {
        IpAddress::V4Bytes bytes;
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, bytes.size());
        return IpAddress(bytes);
    }
    if (address->sa_family == AF_INET6) {
        IpAddress::V6Bytes bytes;
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, bytes.size());
        return IpAddress(bytes);
    }
    return std::nullopt;
}

/// `address` as the kernel takes it, with any port: what matters is the route.
socklen_t to_sockaddr(const IpAddress& address, sockaddr_storage& out) {
    constexpr std::uint16_t any_port = 53;
    out = {};
    if (address.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(out);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(any_port);
        std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
        return sizeof(v4);
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(any_port);
    std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
    return sizeof(v6);
}

unsigned set_bits(const IpAddress& mask) {
    unsigned bits = 0;
    for (const std::uint8_t octet : mask.bytes()) bits += static_cast<unsigned>(std::popcount(octet));
    return bits;
}

}  // namespace

std::optional<std::vector<LocalSources::Interface>> LocalSources::interfaces() {
    std::vector<Interface> out;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return std::nullopt;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(first, freeifaddrs);
    for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
        const auto address = address_of(at->ifa_addr);
        const auto mask = address_of(at->ifa_netmask);
        if (address && mask) out.push_back({*address, set_bits(*mask)});
    }
    return out;
}

view::LocalSource LocalSources::ask(const IpAddress& destination) const {
    sockaddr_storage address;
    socklen_t length = to_sockaddr(destination, address);
    const int socket = ::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return {};
    view::LocalSource out;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), length) == 0) {
        length = sizeof(address);
        if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
            out.address = address_of(reinterpret_cast<const sockaddr*>(&address));
        }
    }
    ::close(socket);
    if (!out.address) return out;
    const auto interface = std::ranges::find(interfaces_, *out.address, &Interface::address);
    const auto whole = static_cast<unsigned>(out.address->bytes().size() * 8);
    out.prefix_length = interface != interfaces_.end() ? interface->prefix_length : whole;
    return out;
}

view::LocalSource LocalSources::find(const IpAddress& destination) {
    if (known_.size() > most_known) known_.clear();
    const auto [entry, is_new] = known_.try_emplace(destination);
    if (is_new) entry->second = ask(destination);
    return entry->second;
}

bool LocalSources::changed() {
    std::optional<std::vector<Interface>> now = interfaces();
    if (now && *now != interfaces_) {
        interfaces_ = std::move(*now);
        known_.clear();
        return true;
    }
    bool found = false;
    for (auto& [destination, source] : known_) {
        if (source.address) continue;
        source = ask(destination);
        found = found || source.address.has_value();
    }
    return found;
}

}  // namespace taskdns::app
