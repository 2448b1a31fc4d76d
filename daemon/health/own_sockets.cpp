// Two generations: what is forgotten has been there for at least one period.
// Layer: health.
#include "health/own_sockets.hpp"

namespace taskdns::health {

void OwnSockets::add(std::uint64_t cookie) {
    if (young_.size() >= most) age();
    young_.insert(cookie);
}

void OwnSockets::age() {
    old_.swap(young_);
    young_.clear();
}

}  // namespace taskdns::health
