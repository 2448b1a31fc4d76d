// Is one of the upstream servers ourselves? Wildcard listeners hear every address of this host, which the
// configuration alone does not tell. Layer: app (may include all). Pure, but for local_addresses().
#pragma once

#include <optional>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace taskdns::app {

/// Of the interfaces of this network namespace; empty if the kernel does not say.
std::vector<IpAddress> local_addresses();

/// `listeners`, and for each wildcard one every local address of its family with its port.
std::vector<SocketAddress> heard_addresses(const std::vector<SocketAddress>& listeners,
                                           const std::vector<IpAddress>& local);

/// The mistake, with its place and mend, if a server that the user wrote is among `heard`.
std::optional<Error> find_own_listener(const config::Upstream& upstream, const std::vector<SocketAddress>& heard);

}  // namespace taskdns::app
