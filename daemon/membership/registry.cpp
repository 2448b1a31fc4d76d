// Who exists: the members of one service, from what its source saw over time. Layer: membership.
#include "membership/registry.hpp"

#include <algorithm>
#include <utility>

namespace taskdns::membership {
namespace {

/// Changes a member's presence; true if it was another.
bool become(Member& member, Presence presence, TimePoint now) {
    if (member.presence == presence) return false;
    member.presence = presence;
    member.since = now;
    return true;
}

Presence presence_of_absent(Reading reading) {
    switch (reading) {
        case Reading::complete:
            return Presence::withdrawn;
        case Reading::sample:
            return Presence::absent;
        case Reading::guarded:
            return Presence::held_guard;
    }
    return Presence::withdrawn;
}

/// An answer names a member that is there already.
bool see(Member& member, const discovery::Sighting& sighting, const discovery::Rrset& rrset, TimePoint now) {
    bool changed = become(member, Presence::present, now);
    if (rrset.answered) {
        member.last_seen = now;
        member.absence_suspended = Duration::zero();
        if (rrset.fresh) member.confirmed = now;
    }
    if (member.priority != sighting.priority || member.weight != sighting.weight) changed = true;
    member.priority = sighting.priority;
    member.weight = sighting.weight;
    member.type = rrset.type;
    return changed;
}

template <class Members>
auto find_in(Members& members, const SocketAddress& endpoint) -> decltype(members.data()) {
    const auto found = std::ranges::lower_bound(members, endpoint, {}, &Member::address);
    return found != members.end() && found->address == endpoint ? &*found : nullptr;
}

}  // namespace

const char* to_string(Basis basis) {
    switch (basis) {
        case Basis::not_polled:
            return "not_polled";
        case Basis::loaded:
            return "loaded";
        case Basis::complete:
            return "complete";
        case Basis::sample:
            return "sample";
        case Basis::guarded:
            return "guarded";
        case Basis::empty:
            return "empty";
        case Basis::failed:
            return "failed";
    }
    return "";
}

Registry::Registry(config::Membership policy, config::Poll poll, bool checked)
    : policy_(policy), poll_(poll), checked_(checked) {}

void Registry::load(const std::vector<Member>& members, TimePoint now) {
    std::vector<Member> newest_first = members;
    for (Member& member : newest_first) {
        member.last_seen = std::min(member.last_seen, now);  // the wall clock may have been set back meanwhile
        member.first_seen = std::min(member.first_seen, member.last_seen);
    }
    std::sort(newest_first.begin(), newest_first.end(),
              [](const Member& left, const Member& right) { return left.last_seen > right.last_seen; });
    for (Member& member : newest_first) {
        member.presence = Presence::held_snapshot;
        member.since = now;
        // Nobody looked after the last answer, so absence does not age from there to now.
        member.absence_suspended = now - newest_first.front().last_seen;
        const bool over = expiry(member, {}) <= now;
        if (!over && members_.size() < policy_.max_endpoints) insert(member);
    }
    if (!members_.empty() && basis_ == Basis::not_polled) basis_ = Basis::loaded;
}

bool Registry::apply(const discovery::Observation& observation, TimePoint now) {
    const Basis before = basis_;
    bool changed = expire_guards(now);
    if (const auto* records = std::get_if<discovery::Records>(&observation)) {
        if (apply_records(*records, now)) changed = true;
    } else if (std::holds_alternative<discovery::Empty>(observation)) {
        if (apply_empty(now)) changed = true;
    } else {
        if (apply_failed(now)) changed = true;
    }
    const bool expired = expire(now);
    return changed || expired || basis_ != before;
}

/// Absence does not age while the upstream fails.
void Registry::note_answer(TimePoint now) {
    if (first_answered_ == never) first_answered_ = now;
    if (failed_since_ == never) return;
    for (Member& member : members_) member.absence_suspended += now - failed_since_;
    failed_since_ = never;
}

/// The type fails while others do not: its members stay as they are, and their absence does not age.
void Registry::note_silence(dns::RrType type, TimePoint now) {
    silent_since_.try_emplace(type, now);
    const auto history = histories_.find(type);
    if (history != histories_.end()) history->second.suspend_guard();
}

void Registry::end_silence(dns::RrType type, TimePoint now) {
    const auto silent = silent_since_.find(type);
    if (silent == silent_since_.end()) return;
    for (Member& member : members_) {
        if (member.type == type) member.absence_suspended += now - silent->second;
    }
    silent_since_.erase(silent);
}

bool Registry::apply_records(const discovery::Records& records, TimePoint now) {
    note_answer(now);
    empty_since_ = never;
    bool changed = withdraw_unshown(records, now);
    for (const discovery::Rrset& rrset : records.rrsets) {
        if (apply_rrset(rrset, now)) changed = true;
    }
    basis_ = records_basis();
    return changed;
}

/// A type that had answers and is not even repeated has failed for as long as members are kept.
bool Registry::withdraw_unshown(const discovery::Records& records, TimePoint now) {
    const auto shown = [&records](dns::RrType type) {
        return std::any_of(records.rrsets.begin(), records.rrsets.end(),
                           [type](const discovery::Rrset& rrset) { return rrset.type == type; });
    };
    bool changed = false;
    for (Member& member : members_) {
        if (!histories_.contains(member.type) || shown(member.type)) continue;
        if (become(member, Presence::withdrawn, now)) changed = true;
    }
    std::erase_if(histories_, [&shown](const auto& entry) { return !shown(entry.first); });
    return changed;
}

bool Registry::apply_rrset(const discovery::Rrset& rrset, TimePoint now) {
    if (rrset.failing && histories_.contains(rrset.type)) {
        note_silence(rrset.type, now);
        return false;
    }
    end_silence(rrset.type, now);
    const std::size_t known_before = known(rrset.type);
    bool changed = false;
    std::vector<SocketAddress> named;
    std::vector<const discovery::Sighting*> unknown;
    std::size_t newcomers = 0;
    for (const discovery::Sighting& sighting : rrset.sightings) {
        named.push_back(sighting.address);
        Member* const member = find(sighting.address);
        if (member == nullptr) unknown.push_back(&sighting);
        if (member == nullptr || member->presence == Presence::withdrawn) ++newcomers;
        if (member != nullptr && see(*member, sighting, rrset, now)) changed = true;
    }
    std::sort(named.begin(), named.end());

    const Reading reading = histories_[rrset.type].read(rrset, known_before, named.size(), newcomers, policy_, now);
    for (Member& member : members_) {
        if (member.type != rrset.type || member.presence == Presence::withdrawn) continue;
        if (std::binary_search(named.begin(), named.end(), member.address)) continue;
        if (become(member, presence_of_absent(reading), now)) changed = true;
    }
    // Last, so that those who have just become absent make room.
    members_.reserve(std::min<std::size_t>(members_.size() + unknown.size(), policy_.max_endpoints));
    for (const discovery::Sighting* sighting : unknown) {
        if (admit(*sighting, rrset, now)) changed = true;
    }
    return changed;
}

bool Registry::admit(const discovery::Sighting& sighting, const discovery::Rrset& rrset, TimePoint now) {
    if (members_.size() >= policy_.max_endpoints && !make_room()) {
        if (rrset.answered) ++overflows_;
        return false;
    }
    insert({.address = sighting.address,
            .priority = sighting.priority,
            .weight = sighting.weight,
            .type = rrset.type,
            .first_seen = now,
            .last_seen = now,
            .confirmed = rrset.fresh ? now : TimePoint{},
            .since = now});
    return true;
}

/// At its place, unless it is there; answers are sorted mostly, and then that is the end.
void Registry::insert(const Member& member) {
    const auto place = std::ranges::lower_bound(members_, member.address, {}, &Member::address);
    if (place == members_.end() || place->address != member.address) members_.insert(place, member);
}

/// The withdrawn one that is so for the longest goes first, then the absent one that was seen longest ago.
bool Registry::make_room() {
    auto victim = members_.end();
    const auto better = [&](const Member& candidate) {
        const bool withdrawn = candidate.presence == Presence::withdrawn;
        if (!withdrawn && candidate.presence != Presence::absent) return false;
        if (victim == members_.end()) return true;
        const Member& so_far = *victim;
        if (withdrawn != (so_far.presence == Presence::withdrawn)) return withdrawn;
        return withdrawn ? candidate.since < so_far.since : candidate.last_seen < so_far.last_seen;
    };
    for (auto entry = members_.begin(); entry != members_.end(); ++entry) {
        if (better(*entry)) victim = entry;
    }
    if (victim == members_.end()) return false;
    members_.erase(victim);
    return true;
}

bool Registry::apply_empty(TimePoint now) {
    note_answer(now);
    basis_ = Basis::empty;
    if (empty_since_ == never) empty_since_ = now;
    for (auto& [type, history] : histories_) history.interrupt();
    bool changed = false;
    for (Member& member : members_) {
        // The reserve stays the reserve: it left by a complete answer, which is stronger than an empty one.
        if (member.presence != Presence::withdrawn && become(member, Presence::held_empty, now)) changed = true;
    }
    return changed;
}

bool Registry::apply_failed(TimePoint now) {
    basis_ = Basis::failed;
    if (failed_since_ == never) failed_since_ = now;
    while (!silent_since_.empty()) end_silence(silent_since_.begin()->first, now);  // from now on all fail
    for (auto& [type, history] : histories_) history.suspend_guard();
    bool changed = false;
    for (Member& member : members_) {
        const bool vouched_for = member.presence == Presence::present || member.presence == Presence::absent ||
                                 member.presence == Presence::held_guard;
        if (vouched_for && become(member, Presence::held_failed, now)) changed = true;
    }
    return changed;
}

Basis Registry::records_basis() const {
    Basis basis = Basis::complete;
    for (const auto& [type, history] : histories_) {
        if (history.reading() == Reading::guarded) return Basis::guarded;
        if (history.reading() == Reading::sample) basis = Basis::sample;
    }
    return basis;
}

std::size_t Registry::known(dns::RrType type) const {
    return static_cast<std::size_t>(std::count_if(members_.begin(), members_.end(), [type](const Member& member) {
        return member.type == type && member.presence != Presence::withdrawn;
    }));
}

Registry::AbsenceLimits Registry::absence_limits() const {
    AbsenceLimits limits;
    for (const auto& [type, history] : histories_) {
        const milliseconds ttl = history.ttl();
        const milliseconds period = std::max(std::clamp(ttl, poll_.min, poll_.max), ttl);
        limits[type] = policy_.absent_max.value_or(absent_max(known(type), policy_.sample_limit, period));
    }
    return limits;
}

TimePoint Registry::expiry(const Member& member, const AbsenceLimits& limits) const {
    const milliseconds stale_max = checked_ ? policy_.stale_max : policy_.stale_max_unchecked;
    switch (member.presence) {
        case Presence::present:
        case Presence::held_guard:  // the guard itself expires
            return never;
        case Presence::absent:
            if (silent_since_.contains(member.type)) return never;
            return member.last_seen + member.absence_suspended + limits.at(member.type);  // its type has a history
        case Presence::withdrawn:
            return member.since + policy_.reserve;
        case Presence::held_failed:
            return member.since + stale_max;
        case Presence::held_empty:
            if (empty_since_ == never) return never;  // another type's answer has ended the run: its own will decide
            return empty_since_ + (checked_ ? policy_.empty_max : policy_.empty_max_unchecked);
        case Presence::held_snapshot:
            return member.last_seen + stale_max;
    }
    return never;
}

bool Registry::expire_guards(TimePoint now) {
    bool changed = false;
    for (auto& [type, history] : histories_) {
        const TimePoint ended = history.guard_ends();
        if (ended > now) continue;
        history.end_guard();
        for (Member& member : members_) {
            if (member.type != type || member.presence != Presence::held_guard) continue;
            become(member, Presence::withdrawn, ended);
        }
        basis_ = records_basis();
        changed = true;
    }
    return changed;
}

bool Registry::expire(TimePoint now) {
    bool changed = expire_guards(now);
    for (;;) {  // fewer members need shorter absence to be believed gone: ends when none leaves
        const AbsenceLimits limits = absence_limits();
        if (std::erase_if(members_, [&](const Member& member) { return expiry(member, limits) <= now; }) == 0) break;
        changed = true;
    }
    return changed;
}

TimePoint Registry::next_expiry() const {
    TimePoint next = never;
    for (const auto& [type, history] : histories_) next = std::min(next, history.guard_ends());
    const AbsenceLimits limits = absence_limits();
    for (const Member& member : members_) next = std::min(next, expiry(member, limits));
    return next;
}

bool Registry::release(const SocketAddress& endpoint) {
    const Member* const member = find(endpoint);
    if (member == nullptr || member->presence == Presence::present) return false;
    members_.erase(members_.begin() + (member - members_.data()));
    return true;
}

bool Registry::set_policy(config::Membership policy, config::Poll poll, bool checked) {
    policy_ = policy;
    poll_ = poll;
    checked_ = checked;
    const std::size_t before = members_.size();
    while (members_.size() > policy_.max_endpoints) {
        if (!make_room()) members_.pop_back();
    }
    return members_.size() != before;
}

std::vector<SocketAddress> Registry::move_ports(std::uint16_t from, std::uint16_t to) {
    std::vector<SocketAddress> moved;
    for (const Member& member : members_) {
        const bool is_taken = find({member.address.address, to}) != nullptr;
        if (member.type != dns::RrType::srv && member.address.port == from && !is_taken)
            moved.push_back(member.address);
    }
    for (const SocketAddress& endpoint : moved) find(endpoint)->address.port = to;
    std::ranges::sort(members_, {}, &Member::address);
    return moved;
}

const Member* Registry::find(const SocketAddress& endpoint) const { return find_in(members_, endpoint); }

Member* Registry::find(const SocketAddress& endpoint) { return find_in(members_, endpoint); }

std::optional<double> Registry::coverage() const {
    if (basis_ != Basis::sample) return 1;
    double worst = 1;
    for (const auto& [type, history] : histories_) {
        const std::optional<double> share = history.coverage();
        if (!share) return std::nullopt;
        worst = std::min(worst, *share);
    }
    return worst;
}

}  // namespace taskdns::membership
