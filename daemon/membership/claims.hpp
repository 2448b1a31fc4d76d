// Addresses are used again: finds members that a service only holds, though another service has taken their address.
// Layer: membership. Pure.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "membership/member.hpp"

namespace taskdns::membership {

using ServiceIndex = std::uint32_t;

/// Design.md, section 5: an address that another service freshly reports leaves the one that only holds it. Two
/// services that name the same tasks (both name another address at present) take nothing from each other; and while
/// a service's own registry fails, it loses an address only to one that began to report it after its own last answer.
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
    struct Service {
        bool by_port = false;
        std::vector<Member> members;  // sorted by address and port
    };
    /// The same endpoint as two services have it.
    struct Match {
        SocketAddress endpoint;  // port 0 where ports do not count
        const Member* ours;
        const Member* theirs;
    };

    std::unordered_map<ServiceIndex, std::vector<Match>> matches_of(const Service& service, ServiceIndex index) const;
    void remove_from_index(ServiceIndex service, const std::vector<Member>& members);

    std::unordered_map<ServiceIndex, Service> services_;
    std::unordered_map<IpAddress, std::vector<ServiceIndex>> by_address_;  // who has a member there, sorted
};

}  // namespace taskdns::membership
