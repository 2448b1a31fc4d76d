// Which endpoints of a service are served, and why or why not: the ladder and panic. Layer: view.
#include "view/decision.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "view/shares.hpp"

namespace taskdns::view {
namespace {

using health::Status;
using membership::Basis;
using membership::Presence;

constexpr unsigned panic_hysteresis = 10;  // points below the threshold at which a panic ends

/// The registry's word is that it exists, or there is nothing but its word of before.
bool vouched_for(const Candidate& candidate) {
    const Presence presence = candidate.member.presence;
    return presence != Presence::withdrawn && presence != Presence::held_empty;
}

/// The last answer names it, or whether one would is not to be known. Of the others nothing but its check speaks for
/// a member: one that fails is not served while there is anybody else.
bool still_named(const Candidate& candidate) {
    const Presence presence = candidate.member.presence;
    return presence == Presence::present || presence == Presence::held_failed;
}

bool is_doubtful(const Candidate& candidate) {
    return vouched_for(candidate) && candidate.verdict.status == Status::unhealthy &&
           candidate.verdict.against == health::Evidence::doubtful;
}

/// One walk down the ladder.
class Ladder {
public:
    Ladder(std::span<const Candidate> candidates, const config::Service& service, const Decision& previous)
        : candidates_(candidates),
          checked_(service.health.check != config::CheckKind::none),
          when_none_healthy_(service.answer.when_none_healthy),
          last_healthy_(previous.last_healthy) {
        std::ranges::sort(last_healthy_);
        rung_ = first_rung();
        only_still_named_ = (rung_ == Rung::doubtful || rung_ == Rung::all) &&
                            std::ranges::any_of(candidates_, [this](const Candidate& candidate) {
                                return stands_on(rung_, candidate) && still_named(candidate);
                            });
        only_not_ejected_ = std::ranges::any_of(
            candidates_, [this](const Candidate& candidate) { return serves(candidate) && !candidate.ejected; });
    }

    Rung rung() const { return rung_; }

    bool serves(const Candidate& candidate) const {
        if (only_not_ejected_ && candidate.ejected) return false;
        return stands_on(rung_, candidate) && (!only_still_named_ || still_named(candidate));
    }

private:
    Rung first_rung() const {
        constexpr std::array ladder{Rung::healthy,  Rung::reserve,      Rung::unverified,
                                    Rung::doubtful, Rung::last_healthy, Rung::all};
        const auto* const rung = std::ranges::find_if(ladder, [&](Rung candidate_rung) {
            return std::ranges::any_of(candidates_, [&](const Candidate& c) { return stands_on(candidate_rung, c); });
        });
        return rung == ladder.end() ? Rung::no_endpoint : *rung;
    }

    bool stands_on(Rung rung, const Candidate& candidate) const {
        if (candidate.outside_subset || candidate.drained) return false;
        const bool withdrawn = candidate.member.presence == Presence::withdrawn;
        const Status status = candidate.verdict.status;
        switch (rung) {
            case Rung::healthy:
                return checked_ ? is_healthy(candidate) : !withdrawn && status != Status::unhealthy;
            case Rung::reserve:
                return checked_ && withdrawn && status == Status::healthy;
            case Rung::unverified:
                return checked_ && vouched_for(candidate) && status == Status::pending;
            case Rung::doubtful:
                // Where nobody checks, nobody would see it come back: the last ones are not taken away.
                return checked_ ? is_doubtful(candidate) : vouched_for(candidate);
            case Rung::last_healthy:
                return checked_ && when_none_healthy_ == config::WhenNoneHealthy::last_healthy &&
                       vouched_for(candidate) && std::ranges::binary_search(last_healthy_, candidate.member.address);
            case Rung::all:  // also where none of the last healthy is left, or none has ever been
                return checked_ && when_none_healthy_ != config::WhenNoneHealthy::servfail && vouched_for(candidate);
            case Rung::not_ready:
            case Rung::no_endpoint:
                break;
        }
        return false;
    }

    /// Nobody can tell of one that cannot be checked from here, and one from the snapshot was served before the
    /// start: its first check decides, even where the first answer is an empty one.
    static bool is_healthy(const Candidate& candidate) {
        const health::Verdict& verdict = candidate.verdict;
        if (candidate.member.presence == Presence::withdrawn) return false;
        if (verdict.status == Status::healthy) return true;
        return verdict.status == Status::pending &&
               (candidate.unverified || (verdict.local_fault && vouched_for(candidate)));
    }

    std::span<const Candidate> candidates_;
    bool checked_;
    config::WhenNoneHealthy when_none_healthy_;
    std::vector<SocketAddress> last_healthy_;  // sorted
    Rung rung_ = Rung::no_endpoint;
    bool only_still_named_ = false;
    bool only_not_ejected_ = false;
};

/// Who could be served, so that `panic.min_members` counts it.
bool counts_for_panic(const Candidate& candidate) {
    return !candidate.outside_subset && !candidate.drained && still_named(candidate);
}

/// The registry named it though it timed out already: there is one, and it is the check that is in doubt. While the
/// registry fails, one that does so later may simply have ended (docs/decisions/0030).
bool named_while_failing(const Candidate& candidate) {
    const membership::Member& member = candidate.member;
    return member.presence != Presence::held_failed || member.confirmed >= candidate.verdict.against_since;
}

/// Whom a panic may serve besides the healthy.
bool is_panicked_over(const Candidate& candidate) {
    return counts_for_panic(candidate) && !candidate.ejected && is_doubtful(candidate) &&
           named_while_failing(candidate);
}

/// Too many fail by doubtful evidence: more likely they are slow under load, or the trouble is ours. Too many of
/// those that are not ejected: they carry the load, and an ejection alone is no reason to panic. Those that may have
/// ended while the registry fails still count as members: what is not known is no reason to panic sooner.
bool is_panic(std::span<const Candidate> candidates, const config::Panic& policy, bool before) {
    if (policy.threshold >= 100) return false;
    std::size_t members = 0;
    std::size_t carrying = 0;
    std::size_t doubtful = 0;
    for (const Candidate& candidate : candidates) {
        if (!counts_for_panic(candidate)) continue;
        ++members;
        if (!candidate.ejected) ++carrying;
        if (is_panicked_over(candidate)) ++doubtful;
    }
    const unsigned threshold =
        before ? policy.threshold - std::min(policy.threshold, panic_hysteresis) : policy.threshold;
    return members >= policy.min_members && doubtful * 100 > threshold * carrying;
}

Why why_served(Presence presence) {
    switch (presence) {
        case Presence::held_failed:
            return Why::upstream_failed;
        case Presence::held_empty:
            return Why::upstream_empty;
        case Presence::held_guard:
            return Why::shrink_guard;
        case Presence::held_snapshot:
            return Why::snapshot;
        case Presence::present:
        case Presence::absent:
        case Presence::withdrawn:
            break;
    }
    return Why::served;
}

Why why(const Candidate& candidate, bool served, bool in_panic) {
    if (candidate.drained) return Why::drained;
    if (candidate.outside_subset) return Why::outside_subset;
    if (candidate.ejected && candidate.member.presence != Presence::withdrawn) return Why::ejected;
    if (candidate.verdict.status == Status::unhealthy) return in_panic ? Why::panic : Why::unhealthy;
    if (candidate.member.presence == Presence::withdrawn) return Why::withdrawn;
    return served ? why_served(candidate.member.presence) : Why::first_check;
}

bool goes_beyond_the_registry(Presence presence) {
    return presence != Presence::present && presence != Presence::absent && presence != Presence::held_guard;
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
        case Rung::last_healthy:
            return "last_healthy";
        case Rung::no_endpoint:
            return "no_endpoint";
    }
    return "";
}

std::string what_failed(const health::Standing& standing) {
    const bool by_traffic = standing.witness == health::Witness::connection;
    return std::string(to_string(standing.reason)) + (by_traffic ? " (observed)" : "");
}

std::string reason(const EndpointDecision& endpoint) {
    switch (endpoint.why) {
        case Why::served:
            return "served";
        case Why::unhealthy:
            return "unhealthy:" + what_failed(endpoint.standing);
        case Why::panic:
            return "panic:" + what_failed(endpoint.standing);
        case Why::first_check:
            return "withheld:first_check";
        case Why::withdrawn:
            return "withdrawn";
        case Why::upstream_failed:
            return "held:upstream_failed";
        case Why::upstream_empty:
            return "held:upstream_empty";
        case Why::shrink_guard:
            return "held:shrink_guard";
        case Why::snapshot:
            return "held:snapshot";
        case Why::outside_subset:
            return "outside_subset";
        case Why::drained:
            return "drained";
        case Why::ejected:
            return "ejected:reports";
    }
    return "";
}

std::uint16_t Decision::number_of(const LocalSource& source) {
    const auto known = std::ranges::find(sources, source);
    const auto number = static_cast<std::size_t>(known - sources.begin());
    if (number > std::numeric_limits<std::uint16_t>::max()) return 0;  // no machine has so many addresses
    if (known == sources.end()) sources.push_back(source);
    return static_cast<std::uint16_t>(number);
}

const EndpointDecision* Decision::find(const SocketAddress& address) const {
    const auto found = std::ranges::lower_bound(endpoints, address, {}, &EndpointDecision::address);
    return found != endpoints.end() && found->address == address ? &*found : nullptr;
}

Decision decide(std::span<const Candidate> candidates, const config::Service& service,
                const Circumstances& circumstances, const Decision& previous) {
    Decision decision;
    decision.last_healthy = previous.last_healthy;
    if (circumstances.basis == Basis::not_polled && candidates.empty()) return decision;

    const Ladder ladder(candidates, service, previous);
    decision.rung = ladder.rung();
    decision.panic = decision.rung == Rung::healthy && is_panic(candidates, service.panic, previous.panic);

    std::vector<SocketAddress> passing;
    decision.endpoints.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
        const bool in_panic = decision.panic && is_panicked_over(candidate);
        const bool served = in_panic || ladder.serves(candidate);
        if (served && goes_beyond_the_registry(candidate.member.presence)) decision.stale = true;
        if (served && decision.rung == Rung::healthy && candidate.verdict.status == Status::healthy) {
            passing.push_back(candidate.member.address);
        }
        decision.endpoints.push_back({.address = candidate.member.address,
                                      .priority = candidate.member.priority,
                                      .record_weight = candidate.member.weight,
                                      .presence = candidate.member.presence,
                                      .standing = candidate.verdict.standing(),
                                      .why = why(candidate, served, in_panic),
                                      .served = served,
                                      .source = decision.number_of(candidate.source)});
    }
    if (!passing.empty()) decision.last_healthy = std::move(passing);
    share_turns(decision, candidates, service, circumstances);
    return decision;
}

}  // namespace taskdns::view
