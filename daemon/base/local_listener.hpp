// Which of our listeners a resolv.conf can name, and whether it answers who reads that file.
// Layer: base. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.hpp"

namespace taskdns {

inline constexpr std::uint16_t resolv_conf_port = 53;  // a resolv.conf cannot name another

/// A listener on port 53 (resolv.conf has no ports), as a local process reaches it: the first on loopback, or on a
/// wildcard address, over loopback; else the first at all. Null: none.
std::optional<IpAddress> find_local_listener(const std::vector<SocketAddress>& listeners);

/// What this host sends to an address of its own comes from that address. So queries to `named` come from loopback,
/// which is always answered, or from `named` itself, which must be in `allow`.
bool answers_its_own_host(const IpAddress& named, const std::vector<Network>& allow);

}  // namespace taskdns
