// The order in which endpoints come first, and behind each the backups: rotation, weights, fairness in one table.
// Layer: view (may include base, config). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "config/config.hpp"
#include "view/destination_order.hpp"

namespace taskdns::view {

/// One record of the RRset that is scheduled; records are numbered by their place.
struct Turn {
    Destination destination;
    bool first = true;  ///< may come first
    double weight = 1;  ///< of its turns to come first; 0: only a backup while others have more
    unsigned tier = 0;  ///< of those that are not first: a lower one's are the earlier backups
};

/// Slots of `width` record numbers (view::PreparedRrset). Walked through from any start, each record comes first in
/// proportion to its weight, as evenly as possible over time.
struct Slots {
    std::vector<std::uint16_t> numbers;
    std::uint16_t width = 0;
};

/// `seed`: for order `random`, and for nothing else. At least one turn is first, or all are treated so.
Slots build_schedule(const std::vector<Turn>& turns, const config::Answer& answer, std::uint32_t seed);

}  // namespace taskdns::view
