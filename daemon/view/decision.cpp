// Which endpoints of a service are served, and why or why not. Layer: view.
#include "view/decision.hpp"

#include <algorithm>
#include <array>

namespace taskdns::view {
namespace {

using health::Status;
using membership::Presence;

bool vouched_for(const Candidate& candidate) {
    return candidate.member.presence == Presence::present || candidate.member.presence == Presence::held_failed;
}

/// Whether `candidate` stands on `rung` of a checked service.
bool stands_on(Rung rung, const Candidate& candidate) {
    const health::Verdict& verdict = candidate.verdict;
    const bool withdrawn = candidate.member.presence == Presence::withdrawn;
    switch (rung) {
        case Rung::healthy:
            return !withdrawn &&
                   (verdict.status == Status::healthy || (verdict.status == Status::pending && verdict.local_fault));
        case Rung::reserve:
            return withdrawn && verdict.status == Status::healthy;
        case Rung::unverified:
            return !withdrawn && verdict.status == Status::pending;
        case Rung::doubtful:
            return vouched_for(candidate) && verdict.status == Status::unhealthy &&
                   verdict.against == health::Evidence::doubtful;
        case Rung::all:
            return vouched_for(candidate);
        case Rung::not_ready:
        case Rung::no_endpoint:
            break;
    }
    return false;
}

std::string reason(const Candidate& candidate, bool checked, bool served) {
    if (checked && candidate.verdict.status == Status::unhealthy) {
        return std::string("unhealthy:") + to_string(candidate.verdict.reason);
    }
    if (candidate.member.presence == Presence::withdrawn) return "withdrawn";
    if (!served) return "withheld:first_check";
    if (candidate.member.presence == Presence::held_failed) return "held:upstream_failed";
    if (candidate.member.presence == Presence::held_empty) return "held:upstream_empty";
    return "served";
}

Rung first_rung(std::span<const Candidate> candidates) {
    constexpr std::array ladder{Rung::healthy, Rung::reserve, Rung::unverified, Rung::doubtful, Rung::all};
    const auto* const rung = std::ranges::find_if(ladder, [&](Rung candidate_rung) {
        return std::ranges::any_of(candidates, [&](const Candidate& c) { return stands_on(candidate_rung, c); });
    });
    return rung == ladder.end() ? Rung::no_endpoint : *rung;
}

}  // namespace

const char* to_string(Rung rung) {
    switch (rung) {
        case Rung::not_ready:
            return "not_ready";
        case Rung::healthy:
            return "healthy";
        case Rung::reserve:
            return "reserve";
        case Rung::unverified:
            return "unverified";
        case Rung::doubtful:
            return "doubtful";
        case Rung::all:
            return "all";
        case Rung::no_endpoint:
            return "no_endpoint";
    }
    return "";
}

Decision decide(std::span<const Candidate> candidates, bool checked, membership::Basis basis) {
    Decision decision;
    if (basis == membership::Basis::not_polled) return decision;

    const auto unchecked_stands = [](const Candidate& c) { return c.member.presence != Presence::withdrawn; };
    if (checked) {
        decision.rung = first_rung(candidates);
    } else {
        decision.rung = std::ranges::any_of(candidates, unchecked_stands) ? Rung::healthy : Rung::no_endpoint;
    }

    decision.endpoints.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
        const bool served = checked ? stands_on(decision.rung, candidate) : unchecked_stands(candidate);
        if (served && candidate.member.presence != Presence::present) decision.stale = true;
        decision.endpoints.push_back({candidate, served, reason(candidate, checked, served)});
    }
    return decision;
}

}  // namespace taskdns::view
