// Sockets of a DNS listener, bound and set up. Layer: dns_server.
#include "dns_server/sockets.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace taskdns::dns_server {
namespace {

constexpr int tcp_backlog = 128;
constexpr int udp_buffer = 4 << 20;  // octets; the kernel takes what net.core.[rw]mem_max allows (design.md, 11)
constexpr int free_port_attempts = 32;

/// An option without which we work, only less well: an old kernel's refusal is no reason not to start.
void set_if_possible(int descriptor, int level, int name, int value) {
    static_cast<void>(setsockopt(descriptor, level, name, &value, sizeof value));
}

bool set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

/// Asks for the local address of each datagram where the listener has no single one, so that the answer comes from
/// the address that was asked.
bool set_up_udp(int descriptor, const SocketAddress& address) {
    set_if_possible(descriptor, SOL_SOCKET, SO_RCVBUF, udp_buffer);
    set_if_possible(descriptor, SOL_SOCKET, SO_SNDBUF, udp_buffer);
    const bool wildcard = address.address.is_unspecified();
    if (address.address.is_v4()) {
        // Never fragmented, and no forged ICMP can make it so: answers fit into 1,232 octets.
        set_if_possible(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
        return !wildcard || set_option(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
    }
    set_if_possible(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    return !wildcard || set_option(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/// Connections in TIME_WAIT must not keep a restarted sidecar from its port; on UDP the same option would let two
/// processes bind it. Linux hands TCP_NODELAY on to each accepted connection: no small answer waits for an
/// acknowledgement.
bool set_up_tcp(int descriptor) {
    set_if_possible(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    return set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
}

struct Bound {
    Descriptor socket;
    int error_number = 0;  // 0: bound
};

Bound bind_one(const SocketAddress& address, int type) {
    const int family = address.address.is_v4() ? AF_INET : AF_INET6;
    Bound bound;
    bound.socket = Descriptor(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int descriptor = bound.socket.number();
    const bool tcp = type == SOCK_STREAM;
    const NativeAddress native = to_native(address);
    const bool ok = descriptor >= 0 && (family == AF_INET || set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
                    (!tcp || set_up_tcp(descriptor)) && (tcp || set_up_udp(descriptor, address)) &&
                    ::bind(descriptor, native.get(), native.length) == 0 &&
                    (!tcp || ::listen(descriptor, tcp_backlog) == 0);
    if (!ok) bound.error_number = errno;
    return bound;
}

std::uint16_t bound_port(int descriptor) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
    const auto address = from_native(storage);
    return address ? address->port : std::uint16_t{0};
}

}  // namespace

NativeAddress to_native(const SocketAddress& address) {
    NativeAddress native;
    const auto bytes = address.address.bytes();
    if (address.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
        std::memcpy(&native.storage, &v4, sizeof v4);
        native.length = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        std::memcpy(&native.storage, &v6, sizeof v6);
        native.length = sizeof v6;
    }
    return native;
}

std::optional<SocketAddress> from_native(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        IpAddress::V4Bytes bytes{};
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return SocketAddress{IpAddress(bytes), ntohs(v4.sin_port)};
    }
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &storage, sizeof v6);
        IpAddress::V6Bytes bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return SocketAddress{IpAddress(bytes), ntohs(v6.sin6_port)};
    }
    return std::nullopt;
}

Error bind_error(const SocketAddress& address, const char* protocol, int error_number) {
    const std::string port = std::to_string(address.port);
    std::string message = "listen.dns: cannot bind " + address.to_string() + " (" + protocol +
                          "): " + std::generic_category().message(error_number);
    Errc code = Errc::internal;
    if (error_number == EACCES || error_number == EPERM) {
        code = Errc::denied;
    } else if (error_number == EADDRINUSE) {
        message += "; another process has this port (ss -lunp 'sport = :" + port +
                   "' and ss -ltnp 'sport = :" + port +
                   "' show which): stop it, or choose another address or port with listen.dns";
    } else if (error_number == EADDRNOTAVAIL || error_number == EAFNOSUPPORT) {
        message += "; this host or task has no such address (`ip address` shows those it has)";
        code = Errc::network;
    }
    return Error{code, std::move(message)};
}

taskdns::Result<BoundSockets> bind_sockets(const SocketAddress& address) {
    for (int attempt = 1;; ++attempt) {
        SocketAddress wanted = address;
        Bound udp = bind_one(wanted, SOCK_DGRAM);
        if (udp.error_number != 0) return bind_error(wanted, "UDP", udp.error_number);
        wanted.port = bound_port(udp.socket.number());
        Bound tcp = bind_one(wanted, SOCK_STREAM);
        if (tcp.error_number == 0) return BoundSockets{std::move(udp.socket), std::move(tcp.socket), wanted};
        const bool try_again = address.port == 0 && tcp.error_number == EADDRINUSE && attempt < free_port_attempts;
        if (!try_again) return bind_error(wanted, "TCP", tcp.error_number);
    }
}

}  // namespace taskdns::dns_server
