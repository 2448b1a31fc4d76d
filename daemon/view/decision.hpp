// Which endpoints of a service are served, and why or why not: all serving policy (design.md, sections 6 and 7).
// Layer: view (may include base, dns, config, membership, health). Pure: the same inputs give the same decision.
//
// discovery -> membership -> health -> [view] -> dns_server, http_server
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "health/verdict.hpp"
#include "membership/registry.hpp"

namespace taskdns::view {

/// A member together with what its checks say.
struct Candidate {
    membership::Member member;
    health::Verdict verdict;  ///< as made where the service is not checked
};

/// The rung of the ladder that the answer stands on: the first that has an endpoint.
enum class Rung {
    not_ready,   ///< not polled yet, nothing known
    healthy,     ///< passing their checks, or unchecked because the service has no check
    reserve,     ///< withdrawn ones that still pass
    unverified,  ///< new ones before their first check
    doubtful,    ///< failing by doubtful evidence only
    all,         ///< every present one: when_none_healthy `all`
    no_endpoint  ///< nothing to serve
};

const char* to_string(Rung rung);

/// The closed list of reasons (docs/http-api.md): why an endpoint is in the answers or not.
struct EndpointDecision {
    Candidate candidate;
    bool served = false;
    std::string
        reason;  ///< "served", "unhealthy:refused", "withheld:first_check", "withdrawn", "held:upstream_failed"
};

struct Decision {
    Rung rung = Rung::not_ready;
    bool stale = false;                       ///< served beyond what the registry says now: EDE 3
    std::vector<EndpointDecision> endpoints;  ///< every member, in the members' order
};

/// The ladder: the first rung with an endpoint is served, whole. `checked`: the service has a health check.
///
/// An endpoint that the upstream says is gone (held_empty) is served only while it passes: registry and check
/// together are believed against it. A new endpoint whose check cannot run from here is not withheld.
Decision decide(std::span<const Candidate> candidates, bool checked, membership::Basis basis);

}  // namespace taskdns::view
