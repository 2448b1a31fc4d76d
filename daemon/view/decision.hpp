// Which endpoints of a service are served, how much of the traffic each gets, and why or why not: all serving policy
// (design.md, sections 6 and 7).
// Layer: view (may include base, dns, config, membership, health). Pure: the same inputs give the same decision.
//
// discovery -> membership -> health -> [view] -> dns_server, http_server
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "health/verdict.hpp"
#include "membership/registry.hpp"
#include "view/destination_order.hpp"

namespace taskdns::view {

/// A member together with what its checks say.
struct Candidate {
    membership::Member member;
    health::Verdict verdict;      ///< as made where the service is not checked
    bool unverified = false;      ///< from the snapshot, and not checked since: not withheld before its first check
    bool outside_subset = false;  ///< not among those that this task uses: neither checked nor served
    bool drained = false;         ///< an operator has taken it out: not served on any rung
    bool ejected = false;         ///< the application's reports have: served only where the rung has nobody else
    double balance = 1;           ///< order `least_connections`: rebalance()'s weight
    LocalSource source;           ///< what the kernel would send from to this endpoint
};

/// The rung of the ladder that the answer stands on: the first that has an endpoint.
enum class Rung {
    not_ready,     ///< not polled yet, nothing known
    healthy,       ///< passing their checks, or unchecked because the service has no check
    reserve,       ///< withdrawn ones that still pass
    unverified,    ///< new ones before their first check
    doubtful,      ///< failing by doubtful evidence only: those that the last answer names, if there are any. Where
                   ///< nothing is checked, all whose connections have failed
    all,           ///< every one that the registry vouches for, with the same preference: when_none_healthy `all`
    last_healthy,  ///< those that passed last: when_none_healthy `last_healthy`
    no_endpoint    ///< nothing to serve: also when_none_healthy `servfail`
};

const char* to_string(Rung rung);

/// The closed list of reasons (docs/http-api.md): why an endpoint is in the answers or not.
enum class Why : std::uint8_t {
    served,           ///< "served"
    unhealthy,        ///< "unhealthy:refused", and the other words of health::Observed
    panic,            ///< "panic:timeout": served though it fails its checks, with the word of what failed
    first_check,      ///< "withheld:first_check"
    withdrawn,        ///< "withdrawn"
    upstream_failed,  ///< "held:upstream_failed"
    upstream_empty,   ///< "held:upstream_empty"
    shrink_guard,     ///< "held:shrink_guard"
    snapshot,         ///< "held:snapshot"
    outside_subset,   ///< "outside_subset"
    drained,          ///< "drained": whatever else there is to say
    ejected           ///< "ejected:reports": so, too, but of one that is withdrawn
};

/// What is decided of one member. There may be a hundred thousand, so it holds only what the next decision is
/// compared with and what the view is built from; the rest (since when, the last check, the zone) is asked of the
/// registry, the checks and the configuration by whoever shows it.
struct EndpointDecision {
    SocketAddress address;
    std::uint16_t priority = 1;
    std::uint16_t record_weight = 1;  ///< as the registry names it
    membership::Presence presence = membership::Presence::present;
    health::Standing standing;  ///< of the verdict that was decided by; as made where the service is not checked
    Why why = Why::served;
    bool served = false;
    bool first = false;  ///< it may come first; else it is only a backup behind others (another zone, SRV priority)
    std::uint16_t source = 0;  ///< number in Decision::sources
    double weight = 1;         ///< of its turns to come first, relative to the others: its order, slow start
};

/// The word of the closed list. " (observed)" stands behind one that the application's own connections have shown.
std::string reason(const EndpointDecision& endpoint);

struct Decision {
    Rung rung = Rung::not_ready;
    bool stale = false;           ///< served beyond what the registry says now: EDE 3
    bool panic = false;           ///< too many fail by doubtful evidence: they take their turn with the healthy
    bool zone_preferred = false;  ///< only endpoints of our own zone come first
    std::vector<EndpointDecision> endpoints;  ///< every member, in the members' order
    std::vector<LocalSource> sources{{}};     ///< of all endpoints, each once; the first one: none
    std::vector<SocketAddress> last_healthy;  ///< the last non-empty set that stood on the rung `healthy` by passing
    TimePoint next_change = never;            ///< when it changes by time alone: a slow start's next step

    /// What the kernel would send from to `endpoint`, one of these.
    const LocalSource& source_of(const EndpointDecision& endpoint) const { return sources[endpoint.source]; }
    /// The number of `source` in `sources`, where it is put if it is new.
    std::uint16_t number_of(const LocalSource& source);
    /// That of `address`; null if it was no member.
    const EndpointDecision* find(const SocketAddress& address) const;
};

/// What does not belong to one endpoint.
struct Circumstances {
    membership::Basis basis = membership::Basis::not_polled;
    TimePoint newcomers_since = never;  ///< first sightings after this are newcomers, who have a slow start
    std::string own_zone;               ///< empty: not known, so no zone is preferred
    TimePoint now;
};

/// The ladder: the first rung with an endpoint is served, whole; then panic, zone and slow start say who comes first
/// and how often. `previous`: the decision before, for what has hysteresis.
///
/// An endpoint that the upstream says is gone (held_empty) is served only while it passes: registry and check
/// together are believed against it. One that the last answer merely does not show (a sample's, the shrink guard's)
/// is not served in a panic, and where nobody passes only if there is no other. A new endpoint whose check cannot run
/// from here is not withheld, nor is one from the snapshot.
///
/// While the registry fails, a panic is only for those that it named after they had begun to fail: of the others
/// nobody knows whether they exist (docs/decisions/0030).
///
/// On its rung an ejected one goes behind all others: it is served only if none of them stands there. It never has a
/// part in a panic: that is for those whose checks are in doubt, and this one's user is not (docs/decisions/0019).
Decision decide(std::span<const Candidate> candidates, const config::Service& service,
                const Circumstances& circumstances, const Decision& previous);

/// The zone of `address` by `zone.map`: that of the longest prefix; empty if none holds it. It points into `zone`.
std::string_view find_zone(const IpAddress& address, const config::Zone& zone);

}  // namespace taskdns::view
