// Sockets of a DNS listener, bound and set up; a failure says what to do about it.
// Layer: dns_server (may include base). Threads: any.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "base/descriptor.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace taskdns::dns_server {

/// An address as the socket calls take it.
struct NativeAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

NativeAddress to_native(const SocketAddress& address);
/// Null for what is neither IPv4 nor IPv6.
std::optional<SocketAddress> from_native(const sockaddr_storage& storage);

struct BoundSockets {
    Descriptor udp;
    Descriptor tcp;  ///< listening
    SocketAddress address;
};

/// UDP and TCP on the same address; port 0 becomes a port that is free for both. Non-blocking, closed on exec.
taskdns::Result<BoundSockets> bind_sockets(const SocketAddress& address);

/// What a failed bind means and what mends it; Errc::denied: this process may not, and what
/// mends that depends on it, not on the address (task/bind_capability.hpp). Pure.
Error bind_error(const SocketAddress& address, const char* protocol, int error_number);

}  // namespace taskdns::dns_server
