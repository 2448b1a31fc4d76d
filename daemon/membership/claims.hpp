// Addresses are used again: finds members that a service only holds, though another service has taken their address.
// Layer: membership. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "membership/member.hpp"

namespace taskdns::membership {

using ServiceIndex = std::uint32_t;

/// Design.md, section 5: an address that another service freshly reports leaves the one that only holds it. Two
/// services that name the same tasks take nothing from each other, and where a service's own registry says nothing
/// against the address, it is lost only to one that began to report it after the service's own last sighting
/// (docs/decisions/0008-addresses-that-change-hands.md has the whole rule).
class Claims {
public:
    struct Lost {
        ServiceIndex service;
        SocketAddress endpoint;

        bool operator==(const Lost&) const = default;
    };

    /// The members of `service` from now on. `by_port`: its registry names ports (SRV), so that several services may
    /// share an address; then only an equal port is the same endpoint.
    void set(ServiceIndex service, bool by_port, const std::vector<Member>& members);
    /// What has to leave, of whichever service, now that `service` has changed.
    std::vector<Lost> lost_by(ServiceIndex service) const;

private:
    /// What matters here of a member. The present claim; the others hold, and may have to give up.
    struct Key {
        SocketAddress endpoint;
        Presence presence;
        TimePoint time;  // of a claim: when it began; of a holder: it yields only to claims that began after this
    };
    struct Service {
        bool by_port = false;
        std::vector<Key> members;  // sorted by address and port
    };

    /// A service that claims (or holds) an address.
    struct Party {
        ServiceIndex service;
        TimePoint time;  // as in Key; at several ports, the one that is in dispute first
    };
    /// All that do: nearly always one, and there may be a hundred thousand addresses, so that one is kept in place.
    class Parties {
    public:
        explicit Parties(Party only) : only_(only) {}
        std::span<const Party> all() const { return more_ ? std::span<const Party>(*more_) : std::span(&only_, 1); }
        void put(Party party);
        bool is_only(ServiceIndex service) const { return !more_ && only_.service == service; }
        void remove(ServiceIndex service);  // one of several

    private:
        Party only_;                                // if there are no more
        std::unique_ptr<std::vector<Party>> more_;  // all, sorted by service
    };
    using Index = std::unordered_map<IpAddress, Parties>;

    /// What one service has at one address.
    struct Stake {
        std::optional<TimePoint> claim;  // the latest
        std::optional<TimePoint> hold;   // that yields to the earliest
    };

    static Key key_of(const Member& member);
    static Stake take_stake(std::span<const Key>& members, const IpAddress& address);
    static void update(Index& index, const IpAddress& address, ServiceIndex service, std::optional<TimePoint> before,
                       std::optional<TimePoint> after);
    static std::vector<SocketAddress> lost_to(const Service& holder, const Service& claimant);

    std::unordered_map<ServiceIndex, Service> services_;
    Index claims_;
    Index holds_;
};

}  // namespace taskdns::membership
