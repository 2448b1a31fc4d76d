// Finds members that a service only holds, though another service has taken their address. Layer: membership.
#include "membership/claims.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace taskdns::membership {
namespace {

/// One endpoint that two services have: `holder` may have to give it up to `claimant`.
struct Dispute {
    SocketAddress endpoint;  // port 0 where ports do not count
    const Member* holder;
    const Member* claimant;
};

/// Which of `disputes`, all those between two services, the holder loses. Where the services have another endpoint in
/// common, they name the same tasks, and it loses nothing.
std::vector<const Member*> lost_to(const std::vector<Dispute>& disputes) {
    std::set<SocketAddress> claimed;       // present in the claimant's
    std::set<SocketAddress> both_present;  // and in the holder's
    for (const Dispute& dispute : disputes) {
        if (dispute.claimant->presence != Presence::present) continue;
        claimed.insert(dispute.endpoint);
        if (dispute.holder->presence == Presence::present) both_present.insert(dispute.endpoint);
    }
    const auto has_another = [](const std::set<SocketAddress>& endpoints, const SocketAddress& than) {
        return endpoints.size() > endpoints.count(than);
    };
    std::vector<const Member*> lost;
    for (const Dispute& dispute : disputes) {
        const Member& holder = *dispute.holder;
        const Member& claimant = *dispute.claimant;
        if (claimant.presence != Presence::present) continue;
        switch (holder.presence) {
            case Presence::present:
                break;
            case Presence::absent:
            case Presence::withdrawn:
            case Presence::held_empty:
            case Presence::held_guard:
                if (!has_another(both_present, dispute.endpoint)) lost.push_back(&holder);
                break;
            case Presence::held_failed:
            case Presence::held_snapshot:
                if (claimant.first_seen > holder.last_seen && !has_another(claimed, dispute.endpoint)) {
                    lost.push_back(&holder);
                }
                break;
        }
    }
    return lost;
}

}  // namespace

void Claims::set(ServiceIndex service, bool by_port, const std::vector<Member>& members) {
    const auto found = services_.find(service);
    if (found != services_.end()) {
        remove_from_index(service, found->second.members);
        services_.erase(found);
    }
    if (members.empty()) return;
    Service& entry = services_[service];
    entry = {by_port, members};
    std::sort(entry.members.begin(), entry.members.end(),
              [](const Member& left, const Member& right) { return left.address < right.address; });
    for (const Member& member : entry.members) {
        std::vector<ServiceIndex>& there = by_address_[member.address.address];
        const auto place = std::lower_bound(there.begin(), there.end(), service);
        if (place == there.end() || *place != service) there.insert(place, service);
    }
}

void Claims::remove_from_index(ServiceIndex service, const std::vector<Member>& members) {
    for (const Member& member : members) {
        const auto found = by_address_.find(member.address.address);
        if (found == by_address_.end()) continue;  // two members at one address
        std::erase(found->second, service);
        if (found->second.empty()) by_address_.erase(found);
    }
}

std::unordered_map<ServiceIndex, std::vector<Claims::Match>> Claims::matches_of(const Service& service,
                                                                                ServiceIndex index) const {
    std::unordered_map<ServiceIndex, std::vector<Match>> matches;
    for (const Member& ours : service.members) {
        const auto there = by_address_.find(ours.address.address);
        if (there == by_address_.end()) continue;
        for (const ServiceIndex other_index : there->second) {
            if (other_index == index) continue;
            const Service& other = services_.at(other_index);
            const bool ports_count = service.by_port || other.by_port;
            auto theirs = std::lower_bound(
                other.members.begin(), other.members.end(), SocketAddress{ours.address.address, 0},
                [](const Member& member, const SocketAddress& address) { return member.address < address; });
            for (; theirs != other.members.end() && theirs->address.address == ours.address.address; ++theirs) {
                if (ports_count && theirs->address.port != ours.address.port) continue;
                const SocketAddress endpoint{ours.address.address,
                                             ports_count ? ours.address.port : std::uint16_t{0}};
                matches[other_index].push_back({endpoint, &ours, &*theirs});
            }
        }
    }
    return matches;
}

std::vector<Claims::Lost> Claims::lost_by(ServiceIndex service) const {
    const auto found = services_.find(service);
    if (found == services_.end()) return {};
    std::vector<Lost> out;
    for (const auto& [other, matches] : matches_of(found->second, service)) {
        std::vector<Dispute> as_holder;
        std::vector<Dispute> as_claimant;
        for (const Match& match : matches) {
            as_holder.push_back({match.endpoint, match.ours, match.theirs});
            as_claimant.push_back({match.endpoint, match.theirs, match.ours});
        }
        for (const Member* lost : lost_to(as_holder)) out.push_back({service, lost->address});
        for (const Member* lost : lost_to(as_claimant)) out.push_back({other, lost->address});
    }
    const auto in_order = [](const Lost& left, const Lost& right) {
        return std::tie(left.service, left.endpoint) < std::tie(right.service, right.endpoint);
    };
    std::sort(out.begin(), out.end(), in_order);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace taskdns::membership
