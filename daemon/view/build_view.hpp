// Turns decisions into views: records in wire form and the schedule.
// Layer: view (may include base, dns, config, membership, health). Pure.
#pragma once

#include "config/config.hpp"
#include "view/decision.hpp"
#include "view/view.hpp"

namespace taskdns::view {

/// All owner names of `services`: each service's name and its aliases, with a place for their rotations' cursors.
/// `indices`: of each service in View::services; empty: as they come.
std::shared_ptr<const NameTable> build_name_table(std::span<const config::Service> services,
                                                  std::span<const std::size_t> indices = {});

/// `upstream_answered`: the registry has answered at least once. `recent`: addresses that were members within the
/// last 60 s and are no longer. `seed`: for order `random`.
std::shared_ptr<const ServiceView> build_service_view(const config::Service& service, const Decision& decision,
                                                      bool upstream_answered, std::span<const IpAddress> recent,
                                                      std::uint32_t seed = 0);

/// The served endpoints, of both families, in schedule order: what HTTP's pick walks through. Made when it is asked
/// for, since most services never are.
std::vector<SocketAddress> build_rotation(const config::Service& service, const Decision& decision,
                                          std::uint32_t seed = 0);

}  // namespace taskdns::view
