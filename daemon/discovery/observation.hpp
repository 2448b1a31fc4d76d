// What a source saw when it looked: the only thing that the stages after discovery know of it.
// Layer: discovery (this header: pure values, base and dns only).
//
// [discovery] -> membership -> health -> view -> dns_server, http_server
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "dns/types.hpp"

namespace taskdns::discovery {

/// One endpoint as the registry names it.
struct Sighting {
    SocketAddress address;       ///< port: the SRV record's, or the service's configured one, or 0
    std::uint16_t priority = 1;  ///< SRV; 1 for other sources, as Cloud Map writes it
    std::uint16_t weight = 1;

    bool operator==(const Sighting&) const = default;
};

/// What one question of a poll brought. A poll of record `auto` has two, A and AAAA; one of SRV has one, of type srv.
struct Rrset {
    dns::RrType type = dns::RrType::a;
    std::vector<Sighting> sightings;  ///< no duplicates; empty for NODATA
    /// Records left out since no endpoint has such an address. They count where it matters how many an answer shows.
    std::size_t unusable = 0;
    /// It was asked again after the TTL of its previous answer had run out, so it can show something new. A part that
    /// was not asked in this poll (its TTL still runs) is repeated from before with `fresh` false.
    bool fresh = true;
    /// It was asked in this poll and came back, be it fresh or reread from the resolver's cache.
    bool answered = true;
    /// It fails at present, though another part does not: what is repeated is the last that was known.
    bool failing = false;
    milliseconds ttl{0};  ///< of the answer as it came; 0 for a source without TTLs
    /// The source always shows all there are (`static`): absence is certain at any size.
    bool exhaustive = false;
};

struct Records {
    std::vector<Rrset> rrsets;  ///< at least one sighting in at least one of them
    milliseconds ttl{0};        ///< until the first of them can change
};
/// NXDOMAIN, or NODATA for every family.
struct Empty {
    milliseconds ttl{0};  ///< negative TTL (RFC 2308), or a substitute where the answer has no SOA
    std::string reason;   ///< "NXDOMAIN" or "NODATA"
};
struct Failed {
    std::string reason;  ///< "timeout from 10.0.0.2:53", "SERVFAIL from ...", ...
};

using Observation = std::variant<Records, Empty, Failed>;

}  // namespace taskdns::discovery
