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

#include "base/asio.hpp"

namespace taskdns::app {
namespace {

constexpr std::size_t most_known = 200'000;  // without a route, of tasks that come and go: then begin anew

std::optional<IpAddress> address_of(const sockaddr* address) {
    if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) return std::nullopt;
    asio::ip::udp::endpoint endpoint;
    std::memcpy(endpoint.data(), address, address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    return from_asio(endpoint.address());
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
    constexpr std::uint16_t any_port = 53;  // what matters is the route
    const asio::ip::udp::endpoint remote = to_udp({destination, any_port});
    // Not Asio's socket: that would want an io_context, and so an epoll of its own.
    const int socket = ::socket(remote.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return {};
    view::LocalSource out;
    if (::connect(socket, remote.data(), static_cast<socklen_t>(remote.size())) == 0) {
        asio::ip::udp::endpoint local;
        auto length = static_cast<socklen_t>(local.capacity());
        if (::getsockname(socket, local.data(), &length) == 0) out.address = from_asio(local.address());
    }
    ::close(socket);
    if (!out.address) return out;
    const auto interface = std::ranges::find(interfaces_, *out.address, &Interface::address);
    const auto whole = static_cast<unsigned>(out.address->bytes().size() * 8);
    out.prefix_length = interface != interfaces_.end() ? interface->prefix_length : whole;
    return out;
}

view::LocalSource LocalSources::find(const IpAddress& destination) {
    if (without_route_.contains(destination)) return {};
    const view::LocalSource source = ask(destination);
    if (without_route_.size() > most_known) without_route_.clear();
    if (!source.address) without_route_.insert(destination);
    return source;
}

bool LocalSources::changed() {
    std::optional<std::vector<Interface>> now = interfaces();
    if (now && *now != interfaces_) {
        interfaces_ = std::move(*now);
        without_route_.clear();
        ++generation_;
        return true;
    }
    return std::erase_if(without_route_,
                         [this](const IpAddress& destination) { return ask(destination).address.has_value(); }) > 0;
}

}  // namespace taskdns::app
