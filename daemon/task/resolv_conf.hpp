// resolv.conf: what the task's stub resolvers read (resolv.conf(5)).
// Layer: task (may include base, config, Asio). Pure parsing; find_upstream_servers() reads the file.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace taskdns::task {

/// The `nameserver` lines' addresses in order, port 53. Lines that are not understood are passed over, as libc does.
std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf);

/// Is there a way to `destination`? A connected UDP socket tells without sending anything.
using HasRoute = std::function<bool(const SocketAddress& destination)>;
bool kernel_has_route(const SocketAddress& destination);

/// Whom to ask when the configuration says `auto`: the name servers of `path` that are not one of `own_listeners`
/// (we must not ask ourselves), else the VPC resolver's fixed address: 169.254.169.253, or fd00:ec2::253 where only
/// that has a route (vpc-dns.md).
std::vector<SocketAddress> find_upstream_servers(const std::string& path,
                                                 const std::vector<SocketAddress>& own_listeners,
                                                 const HasRoute& has_route = kernel_has_route);

}  // namespace taskdns::task
