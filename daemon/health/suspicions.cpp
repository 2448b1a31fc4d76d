// Endpoints that are looked at because a connection to their address has failed. Layer: health (pure).
#include "health/suspicions.hpp"

#include <algorithm>

namespace taskdns::health {

bool Suspicions::begin(const SocketAddress& endpoint, TimePoint now) {
    Entry& entry = entries_[endpoint];
    if (entry.looking || now - entry.ended < entry.pause) return false;
    entry.looking = true;
    return true;
}

void Suspicions::end(const SocketAddress& endpoint, bool confirmed, TimePoint now) {
    Entry& entry = entries_[endpoint];
    entry.looking = false;
    entry.ended = now;
    entry.pause = confirmed ? first_pause : std::clamp(2 * entry.pause, first_pause, longest_pause);
}

void Suspicions::forget_old(TimePoint now) {
    std::erase_if(entries_, [now](const auto& entry) {
        return !entry.second.looking && now - entry.second.ended > 10 * longest_pause;
    });
}

}  // namespace taskdns::health
