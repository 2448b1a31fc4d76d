// Outlier ejection by the application's reports. Layer: health (pure).
#include "health/reports.hpp"

#include <algorithm>

namespace taskdns::health {

unsigned Reports::Entry::failures(TimePoint now) const {
    return static_cast<unsigned>(
        std::ranges::count_if(failed, [now](TimePoint at) { return at != TimePoint{} && now - at <= window; }));
}

bool Reports::fail(const SocketAddress& endpoint, const Room& room, TimePoint now) {
    Entry& entry = entries_[endpoint];
    if (entry.ejection) return false;  // what was under way when it began
    std::rotate(entry.failed.begin(), entry.failed.begin() + 1, entry.failed.end());
    entry.failed.back() = now;
    if (entry.failures(now) < failures_to_eject) return false;
    if (!room.others_pass || 2 * (room.ejected + 1) > room.members) return false;
    if (entry.is_forgiven(now)) entry.ejections = 0;
    ++entry.ejections;
    const milliseconds length = std::min(first_ejection * entry.ejections, longest_ejection);
    entry.ejection = {.began = now, .until = now + length, .number = entry.ejections};
    entry.failed = {};
    ++ejected_;
    return true;
}

bool Reports::succeed(const SocketAddress& endpoint, TimePoint now) {
    const auto found = entries_.find(endpoint);
    if (found == entries_.end()) return false;
    Entry& entry = found->second;
    entry.failed = {};
    if (!entry.ejection || now - entry.ejection->began < firm) return false;
    let_back(endpoint, now);
    return true;
}

bool Reports::is_ended_by_check(const SocketAddress& endpoint, TimePoint passed) const {
    const Ejection* ejection = find(endpoint);
    return ejection != nullptr && passed >= ejection->began + firm;
}

const Ejection* Reports::find(const SocketAddress& endpoint) const {
    if (ejected_ == 0) return nullptr;
    const auto found = entries_.find(endpoint);
    return found != entries_.end() && found->second.ejection ? &*found->second.ejection : nullptr;
}

std::vector<SocketAddress> Reports::ejected() const {
    std::vector<SocketAddress> out;
    if (ejected_ == 0) return out;
    for (const auto& [endpoint, entry] : entries_) {
        if (entry.ejection) out.push_back(endpoint);
    }
    return out;
}

void Reports::let_back(const SocketAddress& endpoint, TimePoint now) {
    const auto found = entries_.find(endpoint);
    if (found == entries_.end() || !found->second.ejection) return;
    found->second.ejection.reset();
    found->second.last_ended = now;
    --ejected_;
}

std::optional<Reports::Summary> Reports::summary(const SocketAddress& endpoint, TimePoint now) const {
    const auto found = entries_.find(endpoint);
    if (found == entries_.end()) return std::nullopt;
    const Entry& entry = found->second;
    Summary out{.failures = entry.failures(now), .ejections = entry.is_forgiven(now) ? 0 : entry.ejections};
    if (entry.ejection) out.ejected_until = entry.ejection->until;
    if (out.failures == 0 && out.ejections == 0) return std::nullopt;
    return out;
}

void Reports::forget(const SocketAddress& endpoint) {
    const auto found = entries_.find(endpoint);
    if (found == entries_.end()) return;
    if (found->second.ejection) --ejected_;
    entries_.erase(found);
}

std::vector<SocketAddress> Reports::expire(TimePoint now) {
    std::vector<SocketAddress> over;
    for (const auto& [endpoint, entry] : entries_) {
        if (entry.ejection && entry.ejection->until <= now) over.push_back(endpoint);
    }
    for (const SocketAddress& endpoint : over) let_back(endpoint, now);
    std::erase_if(entries_, [now](const auto& entry) {
        return entry.second.failures(now) == 0 && entry.second.is_forgiven(now);
    });
    return over;
}

TimePoint Reports::next_expiry() const {
    TimePoint next = never;
    if (ejected_ == 0) return next;
    for (const auto& [endpoint, entry] : entries_) {
        if (entry.ejection) next = std::min(next, entry.ejection->until);
    }
    return next;
}

}  // namespace taskdns::health
