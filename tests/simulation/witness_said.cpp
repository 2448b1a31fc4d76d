// Watches one run from the outside: what an operator and the application have said of endpoints.
#include <algorithm>

#include <fmt/format.h>

#include "simulation/witness.hpp"

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto firm = 30s;      // of an ejection: so long no check ends it
constexpr auto longest = 300s;  // of one
constexpr auto tick = 1s;       // how late it may be noted here

}  // namespace

void Witness::on_drain(std::size_t service, PlaceIndex place, TimePoint until) {
    watched_[service].seen.resize(world_.places().size());
    watched_[service].seen[place].drained_until = until;
}

/// An operator's word is obeyed, whoever else is left.
void Witness::check_drained(const Watched& watched, TimePoint now) const {
    for (const PlaceIndex place : watched.served) {
        if (now < watched.seen[place].drained_until) fail(watched, now, name(place) + " is drained, and is served");
    }
}

void Witness::note_ejected(Watched& watched, std::size_t service, TimePoint now) {
    std::vector<bool> ejected(watched.seen.size());
    for (const view::EndpointDecision& endpoint : sidecar_->decision(service).endpoints) {
        if (endpoint.why == view::Why::ejected) ejected[place_of(endpoint.address.address)] = true;
    }
    for (PlaceIndex place = 0; place < watched.seen.size(); ++place) {
        Seen& seen = watched.seen[place];
        seen.ejected_since = !ejected[place] ? never : seen.ejected() ? seen.ejected_since : now;
    }
}

/// At most half are ejected; none is served while another passes, and each comes back in time.
void Witness::check_ejected(const Watched& watched, std::size_t service, TimePoint now) const {
    std::size_t members = 0;
    std::size_t ejected = 0;
    for (const view::EndpointDecision& endpoint : sidecar_->decision(service).endpoints) {
        const bool counts =
            endpoint.presence != membership::Presence::withdrawn && endpoint.why != view::Why::drained;
        if (counts) ++members;
        if (endpoint.why == view::Why::ejected) ++ejected;
    }
    if (2 * ejected > members) fail(watched, now, fmt::format("{} of {} are ejected", ejected, members));
    if (ejected == 0) return;
    const std::size_t subset = watched.plan->settings.subset;
    if (subset > 0 && ejected > subset)
        fail(watched, now, fmt::format("{} are ejected, subset is {}", ejected, subset));

    const auto others_pass = [&](const Seen& seen) {
        return checked(watched) && subset == 0 && seen.known_healthy && !seen.ejected() && !seen.may_be_drained(now);
    };
    const bool another = std::ranges::any_of(watched.seen, others_pass);
    for (PlaceIndex place = 0; place < watched.seen.size(); ++place) {
        const Seen& seen = watched.seen[place];
        if (!seen.ejected()) continue;
        if (seen.served && another) fail(watched, now, name(place) + " is ejected, and is served while others pass");
        check_ejection_ends(watched, service, place, now);
    }
}

void Witness::check_ejection_ends(const Watched& watched, std::size_t service, PlaceIndex place,
                                  TimePoint now) const {
    const TimePoint since = watched.seen[place].ejected_since;
    if (now - since > longest + tick) fail(watched, now, name(place) + " is ejected for more than 300 s");
    if (!checked(watched) || world_.condition(service, place) != Condition::passes || world_.fault() != Fault::none)
        return;
    const TimePoint passes_since = std::max({since + firm, world_.places()[place].since, world_.fault_changed()});
    if (now - passes_since > time_to_recover(*watched.plan)) {
        fail(watched, now, name(place) + " passes its checks for long, and is still ejected");
    }
}

}  // namespace taskdns::simulation
