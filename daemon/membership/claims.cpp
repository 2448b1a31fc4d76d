// Finds members that a service only holds, though another service has taken their address. Layer: membership.
#include "membership/claims.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <tuple>
#include <unordered_set>
#include <utility>

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

/// What counts in a dispute: of a claim, when it began; a holder yields only to claims that began after this.
TimePoint time_of(const Member& member) {
    switch (member.presence) {
        case Presence::present:
            return member.first_seen;
        case Presence::withdrawn:
        case Presence::held_guard:
            return TimePoint::min();  // a complete answer speaks against it
        case Presence::absent:
        case Presence::held_failed:
        case Presence::held_empty:
        case Presence::held_snapshot:
            break;
    }
    return member.last_seen;
}

bool claims(const Member& member) { return member.presence == Presence::present; }

std::uint32_t hash_of(const IpAddress& address) {
    const std::size_t hash = std::hash<IpAddress>{}(address);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

/// Of `members` (sorted) those at `address`: one for each port.
std::span<const Member> at(std::span<const Member> members, const IpAddress& address) {
    // Two searches instead of equal_range: clang 14 cannot read the subrange of GCC 12's library.
    const auto address_of = [](const Member& member) { return member.address.address; };
    return {std::ranges::lower_bound(members, address, {}, address_of),
            std::ranges::upper_bound(members, address, {}, address_of)};
}

bool in_order(const Claims::Holding& left, const Claims::Holding& right) {
    return std::tie(left.service, left.endpoint) < std::tie(right.service, right.endpoint);
}

/// Those of `after` that are not in `before`, both sorted.
std::vector<std::uint32_t> added(const std::vector<std::uint32_t>& before, const std::vector<std::uint32_t>& after) {
    std::vector<std::uint32_t> out;
    std::ranges::set_difference(after, before, std::back_inserter(out));
    return out;
}

}  // namespace

void Claims::insert(ServiceIndex service, std::uint32_t hash) {
    if (free_ == 0) {
        entries_.push_back({});
        free_ = static_cast<std::uint32_t>(entries_.size());
    }
    const std::uint32_t number = free_;
    Entry& entry = entries_[number - 1];
    free_ = entry.next;
    std::uint32_t& first = chains_[hash & (chains_.size() - 1)];
    entry = {service, first};
    first = number;
}

void Claims::erase(ServiceIndex service, std::uint32_t hash) {
    std::uint32_t* number = &chains_[hash & (chains_.size() - 1)];
    while (*number != 0 && entries_[*number - 1].service != service) number = &entries_[*number - 1].next;
    if (*number == 0) return;
    Entry& entry = entries_[*number - 1];
    const std::uint32_t next = entry.next;
    entry.next = std::exchange(free_, *number);
    *number = next;
}

void Claims::rebuild(std::size_t chains) {
    chains_.assign(chains, 0);
    entries_.clear();
    free_ = 0;
    for (std::size_t i = 0; i < services_.size(); ++i) {
        for (const std::uint32_t hash : services_[i].hashes) insert(static_cast<ServiceIndex>(i), hash);
    }
}

void Claims::set(ServiceIndex service, bool by_port) {
    if (services_.size() <= service) services_.resize(service + std::size_t{1});
    const std::span<const Member> members = members_(service);
    Service& entry = services_[service];
    entry.by_port = by_port;
    held_ -= entry.held;
    entry.held = members.size() - static_cast<std::size_t>(std::ranges::count_if(members, claims));
    held_ += entry.held;

    std::vector<std::uint32_t> hashes;
    hashes.reserve(members.size());
    for (const Member& member : members) hashes.push_back(hash_of(member.address.address));
    std::ranges::sort(hashes);
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    if (hashes == entry.hashes) return;
    if (!chains_.empty()) {
        for (const std::uint32_t hash : added(hashes, entry.hashes)) erase(service, hash);
        for (const std::uint32_t hash : added(entry.hashes, hashes)) insert(service, hash);
    }
    entry.hashes = std::move(hashes);
    if (entries_.size() > chains_.size() || chains_.empty()) {
        rebuild(std::bit_ceil(std::max<std::size_t>(entries_.size() * 2, 64)));
    }
}

void Claims::find(const SocketAddress& endpoint, std::vector<ServiceIndex>& out) const {
    if (chains_.empty()) return;
    std::uint32_t number = chains_[hash_of(endpoint.address) & (chains_.size() - 1)];
    for (; number != 0; number = entries_[number - 1].next) {
        const ServiceIndex service = entries_[number - 1].service;
        if (std::ranges::find(out, service) != out.end()) continue;  // twice in a chain, by two of its addresses
        const std::span<const Member> members = members_(service);
        if (std::ranges::binary_search(members, endpoint, {}, &Member::address)) out.push_back(service);
    }
}

void Claims::find_at(const IpAddress& address, std::vector<Holding>& out) const {
    if (chains_.empty()) return;
    const std::size_t begin = out.size();
    std::uint32_t number = chains_[hash_of(address) & (chains_.size() - 1)];
    for (; number != 0; number = entries_[number - 1].next) {
        const ServiceIndex service = entries_[number - 1].service;
        for (const Member& member : at(members_(service), address)) out.push_back({service, member.address});
    }
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), in_order);
    out.erase(std::unique(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end()), out.end());
}

/// Which endpoints `holder` loses to `claimant`.
std::vector<SocketAddress> Claims::lost_to(ServiceIndex holder, ServiceIndex claimant) const {
    const bool ports_count = services_[holder].by_port || services_[claimant].by_port;
    const auto as_compared = [ports_count](const SocketAddress& endpoint) {
        return SocketAddress{endpoint.address, ports_count ? endpoint.port : std::uint16_t{0}};
    };
    const std::span<const Member> held = members_(holder);
    const std::span<const Member> claimed_members = members_(claimant);
    std::vector<const Member*> disputed;
    Common claimed;       // the claimant names it, and the holder has it
    Common both_present;  // both name it
    auto theirs = claimed_members.begin();
    const auto end = claimed_members.end();
    for (const Member& ours : held) {
        const SocketAddress& endpoint = ours.address;
        while (theirs != end && theirs->address.address < endpoint.address) ++theirs;
        for (auto there = theirs; there != end && there->address.address == endpoint.address; ++there) {
            if (!claims(*there)) continue;
            if (ports_count && there->address.port != endpoint.port) continue;
            claimed.note(as_compared(endpoint));
            if (claims(ours)) {
                both_present.note(as_compared(endpoint));
            } else if (time_of(*there) > time_of(ours)) {
                disputed.push_back(&ours);
            }
        }
    }
    std::vector<SocketAddress> lost;
    for (const Member* ours : disputed) {
        const Common& common = ours->presence == Presence::withdrawn ? both_present : claimed;
        if (!common.has_another_than(as_compared(ours->address))) lost.push_back(ours->address);
    }
    return lost;
}

/// Services that may lose the address of `ours` to `service`, or the reverse.
std::vector<ServiceIndex> Claims::others_in_dispute(ServiceIndex service, const Member& ours) const {
    std::vector<ServiceIndex> out;
    const IpAddress& address = ours.address.address;
    std::uint32_t number = chains_[hash_of(address) & (chains_.size() - 1)];
    for (; number != 0; number = entries_[number - 1].next) {
        const ServiceIndex other = entries_[number - 1].service;
        if (other == service || (claims(ours) && services_[other].held == 0)) continue;
        for (const Member& theirs : at(members_(other), address)) {
            if (claims(theirs) == claims(ours)) continue;
            if (claims(ours) ? time_of(ours) > time_of(theirs) : time_of(theirs) > time_of(ours))
                out.push_back(other);
        }
    }
    return out;
}

std::vector<Claims::Holding> Claims::lost_by(ServiceIndex service) const {
    if (held_ == 0 || service >= services_.size()) return {};
    std::unordered_set<ServiceIndex> claimants;  // to which it may lose something
    std::unordered_set<ServiceIndex> holders;    // from which it may take something
    for (const Member& ours : members_(service)) {
        for (const ServiceIndex other : others_in_dispute(service, ours)) {
            (claims(ours) ? holders : claimants).insert(other);
        }
    }
    std::vector<Holding> out;
    for (const ServiceIndex claimant : claimants) {
        for (const auto& endpoint : lost_to(service, claimant)) out.push_back({service, endpoint});
    }
    for (const ServiceIndex holder : holders) {
        for (const auto& endpoint : lost_to(holder, service)) out.push_back({holder, endpoint});
    }
    std::sort(out.begin(), out.end(), in_order);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace taskdns::membership
