// Which endpoints of one service an operator has taken out of the answers. Layer: health (pure).
#include "health/drains.hpp"

#include <algorithm>

namespace taskdns::health {

void Drains::drain(const SocketAddress& endpoint, TimePoint until,
                   const std::function<bool(const SocketAddress&)>& is_member) {
    until_[endpoint] = until;
    if (until_.size() <= most_) return;
    auto victim = until_.end();
    for (auto entry = until_.begin(); entry != until_.end(); ++entry) {
        if (entry->first == endpoint || is_member(entry->first)) continue;
        if (victim == until_.end() || entry->second < victim->second) victim = entry;
    }
    if (victim != until_.end()) until_.erase(victim);
}

std::optional<TimePoint> Drains::until(const SocketAddress& endpoint) const {
    const auto found = until_.find(endpoint);
    if (found == until_.end()) return std::nullopt;
    return found->second;
}

void Drains::move_ports(std::uint16_t from, std::uint16_t to) {
    std::map<SocketAddress, TimePoint> moved;
    for (const auto& [endpoint, until] : until_) {
        moved[endpoint.port == from ? SocketAddress{endpoint.address, to} : endpoint] = until;
    }
    until_ = std::move(moved);
}

std::vector<SocketAddress> Drains::expire(TimePoint now) {
    std::vector<SocketAddress> over;
    for (const auto& [endpoint, until] : until_) {
        if (until <= now) over.push_back(endpoint);
    }
    for (const SocketAddress& endpoint : over) until_.erase(endpoint);
    return over;
}

TimePoint Drains::next_expiry() const {
    TimePoint next = never;
    for (const auto& [endpoint, until] : until_) next = std::min(next, until);
    return next;
}

}  // namespace taskdns::health
