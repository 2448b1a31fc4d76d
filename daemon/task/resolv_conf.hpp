// resolv.conf: what the task's stub resolvers read (resolv.conf(5)).
// Layer: task (may include base, config, Asio). Its text: resolv_conf_text.hpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "task/resolv_conf_text.hpp"

namespace taskdns::task {

/// Is there a way to `destination`? A connected UDP socket tells without sending anything.
using HasRoute = std::function<bool(const SocketAddress& destination)>;
bool kernel_has_route(const SocketAddress& destination);

/// Where systemd-resolved says whom it asks itself.
inline constexpr const char* resolved_file = "/run/systemd/resolve/resolv.conf";

/// Whom to ask when the configuration says `auto`: the name servers of `path`, or of what a managed one saved, that
/// are not one of `own_listeners` (we must not ask ourselves), else the VPC resolver's fixed address:
/// 169.254.169.253, or fd00:ec2::253 where only that has a route (vpc-dns.md).
/// In place of systemd-resolved's stub come the servers that `resolved` names: it may have been told to ask us, and
/// would then bring our own answers back to us as the registry's.
std::vector<SocketAddress> find_upstream_servers(const std::string& path,
                                                 const std::vector<SocketAddress>& own_listeners,
                                                 const HasRoute& has_route = kernel_has_route,
                                                 const std::string& resolved = resolved_file);

}  // namespace taskdns::task
