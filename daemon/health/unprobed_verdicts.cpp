// Verdicts on endpoints that nobody probes. Layer: health (pure).
#include "health/unprobed_verdicts.hpp"

#include <algorithm>

namespace taskdns::health {

const Verdict* UnprobedVerdicts::find(ServiceIndex service, const SocketAddress& endpoint) const {
    const auto entry = entries_.find({service, endpoint});
    return entry == entries_.end() ? nullptr : &entry->second.verdict;
}

Event UnprobedVerdicts::observe(ServiceIndex service, const SocketAddress& endpoint, Observed observed,
                                const config::Health& policy, TimePoint now) {
    Event event{.service = service, .endpoint = endpoint, .changed = false};
    const Key key{service, endpoint};
    if (evidence(observed) == Evidence::success) {
        const auto entry = entries_.find(key);
        if (entry != entries_.end() && entry->second.verdict.status != Status::unhealthy) entries_.erase(entry);
        return event;
    }
    if (evidence(observed) == Evidence::none) return event;
    const auto [entry, is_new] = entries_.try_emplace(key);
    Entry& ours = entry->second;
    if (is_new) ours.verdict = Verdict{.since = now, .first_seen = now};
    ours.last_failed = now;
    const bool was_ejected = ours.verdict.status == Status::unhealthy;
    event.changed = ours.verdict.apply_connection(observed, policy, now, now);
    if (!was_ejected && ours.verdict.status == Status::unhealthy) {
        ++ours.ejections;
        ours.until = now + std::min(first_ejection * ours.ejections, longest_ejection);
    }
    return event;
}

void UnprobedVerdicts::forget(ServiceIndex service, const std::function<bool(const SocketAddress&)>& kept) {
    auto entry = entries_.lower_bound({service, SocketAddress{}});
    while (entry != entries_.end() && entry->first.first == service) {
        entry = kept(entry->first.second) ? std::next(entry) : entries_.erase(entry);
    }
}

void UnprobedVerdicts::expire(TimePoint now, const std::function<void(const Event&)>& on_return) {
    for (auto& [key, entry] : entries_) {
        if (entry.until > now) continue;
        entry.until = never;
        entry.verdict.let_back(now);
        on_return({key.first, key.second, true});
    }
    std::erase_if(entries_, [now](const auto& entry) {
        return entry.second.until == never && now - entry.second.last_failed > forgiven_after;
    });
}

TimePoint UnprobedVerdicts::next_expiry() const {
    TimePoint next = never;
    for (const auto& [key, entry] : entries_) next = std::min(next, entry.until);
    return next;
}

}  // namespace taskdns::health
