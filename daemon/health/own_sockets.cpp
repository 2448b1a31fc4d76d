// Two generations: what is forgotten has been there for at least one period.
// Layer: health.
#include "health/own_sockets.hpp"

#include <algorithm>

namespace taskdns::health {

void OwnSockets::add(std::uint64_t cookie) {
    if (young_.size() >= most) age();
    // The kernel counts upwards, in a range of its own for each CPU: mostly it is among the last.
    const auto place = std::lower_bound(young_.begin(), young_.end(), cookie);
    if (place == young_.end() || *place != cookie) young_.insert(place, cookie);
}

bool OwnSockets::contains(std::uint64_t cookie) const {
    return std::binary_search(young_.begin(), young_.end(), cookie) ||
           std::binary_search(old_.begin(), old_.end(), cookie);
}

void OwnSockets::age() {
    old_.swap(young_);
    young_.clear();
}

}  // namespace taskdns::health
