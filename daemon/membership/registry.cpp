// Who exists: the members of one service, from what its source saw over time. Layer: membership.
#include "membership/registry.hpp"

#include <algorithm>
#include <set>

namespace taskdns::membership {
namespace {

/// Changes a member's presence; true if it was another.
bool become(Member& member, Presence presence, TimePoint now) {
    if (member.presence == presence) return false;
    member.presence = presence;
    member.since = now;
    return true;
}

}  // namespace

const char* to_string(Presence presence) {
    switch (presence) {
        case Presence::present:
            return "present";
        case Presence::withdrawn:
            return "withdrawn";
        case Presence::held_failed:
            return "held_failed";
        case Presence::held_empty:
            return "held_empty";
    }
    return "";
}

Registry::Registry(config::Membership policy, bool checked) : policy_(policy), checked_(checked) {}

bool Registry::apply(const discovery::Observation& observation, TimePoint now) {
    bool changed = false;
    if (const auto* records = std::get_if<discovery::Records>(&observation)) {
        changed = apply_records(*records, now);
    } else if (std::holds_alternative<discovery::Empty>(observation)) {
        changed = apply_empty(now);
    } else {
        changed = apply_failed(now);
    }
    const bool expired = expire(now);
    return changed || expired;
}

bool Registry::apply_records(const discovery::Records& records, TimePoint now) {
    basis_ = Basis::complete;
    answered_once_ = true;
    empty_since_ = never;
    bool changed = false;
    std::set<SocketAddress> seen;
    for (const discovery::Rrset& rrset : records.rrsets) {
        for (const discovery::Sighting& sighting : rrset.sightings) {
            seen.insert(sighting.address);
            if (see(sighting, rrset.fresh, now)) changed = true;
        }
    }
    for (auto& [address, member] : members_) {
        if (!seen.contains(address) && become(member, Presence::withdrawn, now)) changed = true;
    }
    return changed;
}

bool Registry::see(const discovery::Sighting& sighting, bool fresh, TimePoint now) {
    const auto [entry, added] = members_.try_emplace(sighting.address);
    Member& member = entry->second;
    if (added) {
        member = {.address = sighting.address,
                  .presence = Presence::present,
                  .priority = sighting.priority,
                  .weight = sighting.weight,
                  .first_seen = now,
                  .last_seen = now,
                  .since = now};
        return true;
    }
    if (fresh) member.last_seen = now;
    bool changed = become(member, Presence::present, now);
    if (member.priority != sighting.priority || member.weight != sighting.weight) {
        member.priority = sighting.priority;
        member.weight = sighting.weight;
        changed = true;
    }
    return changed;
}

bool Registry::apply_empty(TimePoint now) {
    bool changed = basis_ != Basis::empty;
    basis_ = Basis::empty;
    answered_once_ = true;
    if (empty_since_ == never) empty_since_ = now;
    for (auto& [address, member] : members_) {
        // The reserve stays the reserve: it left by a complete answer, which is stronger than an empty one.
        if (member.presence != Presence::withdrawn && become(member, Presence::held_empty, now)) changed = true;
    }
    return changed;
}

bool Registry::apply_failed(TimePoint now) {
    bool changed = basis_ != Basis::failed;
    basis_ = Basis::failed;
    for (auto& [address, member] : members_) {
        if (member.presence == Presence::present && become(member, Presence::held_failed, now)) changed = true;
    }
    return changed;
}

TimePoint Registry::expiry(const Member& member) const {
    switch (member.presence) {
        case Presence::present:
            return never;
        case Presence::withdrawn:
            return member.since + policy_.reserve;
        case Presence::held_failed:
            return member.since + (checked_ ? policy_.stale_max : policy_.stale_max_unchecked);
        case Presence::held_empty:
            return empty_since_ + (checked_ ? policy_.empty_max : policy_.empty_max_unchecked);
    }
    return never;
}

bool Registry::expire(TimePoint now) {
    return std::erase_if(members_, [&](const auto& entry) { return expiry(entry.second) <= now; }) > 0;
}

TimePoint Registry::next_expiry() const {
    TimePoint next = never;
    for (const auto& [address, member] : members_) next = std::min(next, expiry(member));
    return next;
}

std::vector<Member> Registry::members() const {
    std::vector<Member> out;
    out.reserve(members_.size());
    for (const auto& [address, member] : members_) out.push_back(member);
    return out;
}

}  // namespace taskdns::membership
