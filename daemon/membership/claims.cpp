// Finds members that a service only holds, though another service has taken their address. Layer: membership.
#include "membership/claims.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace taskdns::membership {
namespace {

/// What two services have in common, as far as it matters: two endpoints of it tell whether there is another one.
class Common {
public:
    void note(const SocketAddress& endpoint) {
        if (!first_) {
            first_ = endpoint;
        } else if (!second_ && *first_ != endpoint) {
            second_ = endpoint;
        }
    }
    bool has_another_than(const SocketAddress& endpoint) const { return second_ || (first_ && *first_ != endpoint); }

private:
    std::optional<SocketAddress> first_;
    std::optional<SocketAddress> second_;
};

}  // namespace

Claims::Key Claims::key_of(const Member& member) {
    TimePoint time;
    switch (member.presence) {
        case Presence::present:
            time = member.first_seen;
            break;
        case Presence::withdrawn:
        case Presence::held_guard:
            time = TimePoint::min();  // a complete answer speaks against it
            break;
        case Presence::absent:
        case Presence::held_failed:
        case Presence::held_empty:
        case Presence::held_snapshot:
            time = member.last_seen;
            break;
    }
    return {member.address, member.presence, time};
}

void Claims::Parties::put(Party party) {
    if (!more_ && only_.service != party.service) more_ = std::make_unique<std::vector<Party>>(1, only_);
    if (!more_) {
        only_ = party;
        return;
    }
    const auto place = std::lower_bound(more_->begin(), more_->end(), party.service,
                                        [](const Party& one, ServiceIndex service) { return one.service < service; });
    if (place != more_->end() && place->service == party.service) {
        *place = party;
    } else {
        more_->insert(place, party);
    }
}

void Claims::Parties::remove(ServiceIndex service) {
    std::erase_if(*more_, [service](const Party& one) { return one.service == service; });
    if (more_->size() > 1) return;
    only_ = more_->front();
    more_.reset();
}

/// The stake of those of `members` (sorted) that are at `address`, the first ones, which it takes away.
Claims::Stake Claims::take_stake(std::span<const Key>& members, const IpAddress& address) {
    Stake stake;
    while (!members.empty() && members.front().endpoint.address == address) {
        const Key& key = members.front();
        if (key.presence == Presence::present) {
            stake.claim = std::max(stake.claim.value_or(key.time), key.time);
        } else {
            stake.hold = std::min(stake.hold.value_or(key.time), key.time);
        }
        members = members.subspan(1);
    }
    return stake;
}

void Claims::update(Index& index, const IpAddress& address, ServiceIndex service, std::optional<TimePoint> before,
                    std::optional<TimePoint> after) {
    if (before == after) return;
    if (after) {
        const Party party{service, *after};
        const auto [found, is_new] = index.try_emplace(address, party);
        if (!is_new) found->second.put(party);
        return;
    }
    const auto found = index.find(address);
    if (found->second.is_only(service)) {
        index.erase(found);
    } else {
        found->second.remove(service);
    }
}

void Claims::set(ServiceIndex service, bool by_port, const std::vector<Member>& members) {
    std::vector<Key> keys;
    keys.reserve(members.size());
    for (const Member& member : members) keys.push_back(key_of(member));
    const auto in_order = [](const Key& left, const Key& right) { return left.endpoint < right.endpoint; };
    if (!std::is_sorted(keys.begin(), keys.end(), in_order)) std::sort(keys.begin(), keys.end(), in_order);

    Service& entry = services_[service];
    std::span<const Key> before = entry.members;
    std::span<const Key> after = keys;
    while (!before.empty() || !after.empty()) {
        const bool gone =
            after.empty() || (!before.empty() && before.front().endpoint.address < after.front().endpoint.address);
        const IpAddress address = (gone ? before : after).front().endpoint.address;
        const Stake old_stake = take_stake(before, address);
        const Stake new_stake = take_stake(after, address);
        update(claims_, address, service, old_stake.claim, new_stake.claim);
        update(holds_, address, service, old_stake.hold, new_stake.hold);
    }
    entry = {by_port, std::move(keys)};
    if (entry.members.empty()) services_.erase(service);
}

/// Which endpoints `holder` loses to `claimant`.
std::vector<SocketAddress> Claims::lost_to(const Service& holder, const Service& claimant) {
    const bool ports_count = holder.by_port || claimant.by_port;
    const auto as_compared = [ports_count](const SocketAddress& endpoint) {
        return SocketAddress{endpoint.address, ports_count ? endpoint.port : std::uint16_t{0}};
    };
    std::vector<const Key*> disputed;
    Common claimed;       // the claimant names it, and the holder has it
    Common both_present;  // both name it
    auto theirs = claimant.members.begin();
    const auto end = claimant.members.end();
    for (const Key& ours : holder.members) {
        const SocketAddress& endpoint = ours.endpoint;
        while (theirs != end && theirs->endpoint.address < endpoint.address) ++theirs;
        for (auto there = theirs; there != end && there->endpoint.address == endpoint.address; ++there) {
            if (there->presence != Presence::present) continue;
            if (ports_count && there->endpoint.port != endpoint.port) continue;
            claimed.note(as_compared(endpoint));
            if (ours.presence == Presence::present) {
                both_present.note(as_compared(endpoint));
            } else if (there->time > ours.time) {
                disputed.push_back(&ours);
            }
        }
    }
    std::vector<SocketAddress> lost;
    for (const Key* ours : disputed) {
        const Common& common = ours->presence == Presence::withdrawn ? both_present : claimed;
        if (!common.has_another_than(as_compared(ours->endpoint))) lost.push_back(ours->endpoint);
    }
    return lost;
}

std::vector<Claims::Lost> Claims::lost_by(ServiceIndex service) const {
    const auto found = services_.find(service);
    if (holds_.empty() || found == services_.end()) return {};
    std::unordered_set<ServiceIndex> claimants;  // to which it may lose something
    std::unordered_set<ServiceIndex> holders;    // from which it may take something
    for (const Key& ours : found->second.members) {
        const bool claims = ours.presence == Presence::present;
        const Index& index = claims ? holds_ : claims_;
        const auto there = index.find(ours.endpoint.address);
        if (there == index.end()) continue;
        for (const Party& other : there->second.all()) {
            const bool in_dispute = claims ? ours.time > other.time : other.time > ours.time;
            if (in_dispute && other.service != service) (claims ? holders : claimants).insert(other.service);
        }
    }
    std::vector<Lost> out;
    for (const ServiceIndex claimant : claimants) {
        for (const auto& endpoint : lost_to(found->second, services_.at(claimant)))
            out.push_back({service, endpoint});
    }
    for (const ServiceIndex holder : holders) {
        for (const auto& endpoint : lost_to(services_.at(holder), found->second)) out.push_back({holder, endpoint});
    }
    const auto in_order = [](const Lost& left, const Lost& right) {
        return std::tie(left.service, left.endpoint) < std::tie(right.service, right.endpoint);
    };
    std::sort(out.begin(), out.end(), in_order);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace taskdns::membership
