// Addresses are used again: finds members that a service only holds, though another service has taken their address.
// Layer: membership. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
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
    /// An endpoint of a service.
    struct Holding {
        ServiceIndex service;
        SocketAddress endpoint;

        bool operator==(const Holding&) const = default;
    };

    /// The members of a service as they are now, sorted by address and port.
    using Members = std::function<std::span<const Member>(ServiceIndex service)>;

    explicit Claims(Members members) : members_(std::move(members)) {}

    /// The members of `service` are others from now on. `by_port`: its registry names ports (SRV), so that several
    /// services may share an address; then only an equal port is the same endpoint.
    void set(ServiceIndex service, bool by_port);
    /// Appends the services that have a member with this address and port. It asks the index: cheap, and without
    /// allocation where `out` has room.
    void find(const SocketAddress& endpoint, std::vector<ServiceIndex>& out) const;
    /// The same for an address alone: appends every endpoint that a service has there.
    void find_at(const IpAddress& address, std::vector<Holding>& out) const;
    /// What has to leave, of whichever service, now that `service` has changed.
    std::vector<Holding> lost_by(ServiceIndex service) const;

private:
    struct Service {
        bool by_port = false;
        std::size_t held = 0;               // of its members, those that are not present
        std::vector<std::uint32_t> hashes;  // of its members' addresses, as they are in the index; sorted, each once
    };
    /// Which services have an address: a chain for each value of its hash's last bits. Who it is that has it, and
    /// since when, is read from the members; so an entry is 8 octets, and an equal hash does no harm.
    struct Entry {
        std::uint32_t service;
        std::uint32_t next;  // index + 1 into entries_; 0: the last one
    };

    void insert(ServiceIndex service, std::uint32_t hash);
    void erase(ServiceIndex service, std::uint32_t hash);
    void rebuild(std::size_t chains);
    std::vector<ServiceIndex> others_in_dispute(ServiceIndex service, const Member& ours) const;
    std::vector<SocketAddress> lost_to(ServiceIndex holder, ServiceIndex claimant) const;

    Members members_;
    std::vector<Service> services_;
    std::size_t held_ = 0;               // of all services
    std::vector<std::uint32_t> chains_;  // a power of two of them: index + 1 of each one's first entry
    std::vector<Entry> entries_;         // of services with such a hash
    std::uint32_t free_ = 0;             // the first of those that are not in use, chained likewise
};

}  // namespace taskdns::membership
