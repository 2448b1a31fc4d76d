// The parts of one poll (A and AAAA, or SRV) as one observation.
// Layer: discovery (may include base, dns). Pure.
#pragma once

#include <string>
#include <vector>

#include "discovery/observation.hpp"

namespace taskdns::discovery {

/// What one family shows: an answer of this poll or of an earlier one.
struct Part {
    Rrset rrset;
    bool known = false;     ///< `rrset` is an answer, possibly an earlier one; else there is none to repeat
    bool nxdomain = false;  ///< ... and it was NXDOMAIN
    std::string failure;    ///< not empty: it fails at present
};

/// Records while any part that does not fail has some: those of a failing part are repeated with it, since a failure
/// takes no address away. Empty only if every part says so. Else Failed, and whoever holds members keeps them.
Observation combine(std::vector<Part> parts, milliseconds ttl);

/// A registry may name it: not this host or network, multicast, broadcast, IPv6 link-local (which needs a scope),
/// IPv4 inside IPv6, nor where AWS has what this host alone may ask: metadata, credentials, the resolver, the clock.
/// Loopback may be one: local development and sidecars of the same task have it (decision 0032).
bool can_be_endpoint(const IpAddress& address);

/// Sorts by address and port; of several for one address and port the most preferred stays (RFC 2782: the lowest
/// priority, then the highest weight).
void sort_and_deduplicate(std::vector<Sighting>& sightings);

}  // namespace taskdns::discovery
