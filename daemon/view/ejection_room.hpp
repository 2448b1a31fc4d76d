// How many endpoints of a service the application's reports may take out (design.md, section 9): at most half of
// those that may be served, and none while no other passes. Layer: view (may include base, membership, health). Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "health/drains.hpp"
#include "health/reports.hpp"
#include "membership/member.hpp"
#include "view/decision.hpp"

namespace taskdns::view {

/// Who there is of a service, and what is said of them.
struct Ejectable {
    std::span<const membership::Member> members;  ///< sorted by address
    const health::Reports& reports;
    const health::Drains& drains;
    std::size_t subset = 0;  ///< 0: all are used
};

/// What an ejection of `endpoint` would leave. `decision`: the one in force.
health::Reports::Room room_without(const SocketAddress& endpoint, const Ejectable& service, const Decision& decision);

/// Fewer may be served than when the ejections began: those that have to come back, so that not more than half stay
/// out; whose time is over first, first.
std::vector<SocketAddress> beyond_half(const Ejectable& service);

}  // namespace taskdns::view
