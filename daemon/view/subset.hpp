// Which endpoints one task uses of a large service: rendezvous hashing (design.md, section 7, `subset`).
// Layer: view (may include base, membership). Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "membership/member.hpp"

namespace taskdns::view {

/// The endpoints to check and to serve from: by rank for `identity`, so many that `subset` of them are not out.
/// `is_out`: unhealthy, drained or ejected. Such a pick stays among them, so that its recovery is seen, and the next
/// rank stands in for it. The withdrawn are ranked on their own, `subset` at most. All members if `subset` is 0.
/// Sorted.
///
/// Every task draws its own ranks, so that N tasks do not check M endpoints N x M times and load stays even; a member
/// that comes or goes changes at most one pick of a task (Thaler and Ravishankar, 1998).
std::vector<SocketAddress> choose_subset(std::span<const membership::Member> members,
                                         const std::function<bool(const SocketAddress&)>& is_out, std::size_t subset,
                                         std::string_view identity);

}  // namespace taskdns::view
