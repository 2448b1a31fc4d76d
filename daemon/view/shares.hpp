// Who of the served comes first, and how often: SRV priority and weight, slow start, zone (design.md, section 7).
// Layer: view (may include base, config). Pure. The second half of decide().
#pragma once

#include "view/decision.hpp"

namespace taskdns::view {

/// Fills in `first` and `weight` of every endpoint, `zone_preferred` and `next_change`, of a decision whose rung,
/// panic and served endpoints are set. `candidates`: those that it is of, in the endpoints' order.
void share_turns(Decision& decision, std::span<const Candidate> candidates, const config::Service& service,
                 const Circumstances& circumstances);

}  // namespace taskdns::view
