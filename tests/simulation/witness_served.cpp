// Watches one run from the outside: who may be in the answers, and who may not.
#include <algorithm>

#include <fmt/format.h>

#include "simulation/witness.hpp"

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_after = 60s;
constexpr auto seldom = 30s;  // the longest time between two checks of what is down
constexpr auto probe_latency = 100ms;
constexpr unsigned panic_hysteresis = 10;

}  // namespace

void Witness::check_served(Watched& watched, std::size_t service, TimePoint now) {
    for (const PlaceIndex place : watched.served) {
        const bool live = others_live(watched, place, now);
        const char* wrong = watched.knowledge.why_not(place, live, now);
        if (wrong != nullptr) fail(watched, now, name(place) + " is served: " + wrong);
        check_claims(watched, service, place, now);
        if (checked(watched)) check_dead(watched, service, place, live, now);
    }
}

/// How long until an endpoint is looked at: the interval, if it was known to be well and its service is asked for.
Duration Witness::time_to_look(const Watched& watched, TimePoint dead_from, bool known) const {
    const config::Health& health = watched.plan->settings.health;
    const milliseconds idle = std::max(health.interval, health.idle_interval);
    if (!known) return std::max<milliseconds>(seldom, idle);
    const bool awake = watched.awake_from <= dead_from && dead_from < watched.asked + idle_after;
    return awake ? health.interval : idle;
}

/// Never dead while something lives.
void Witness::check_dead(Watched& watched, std::size_t service, PlaceIndex place, bool live, TimePoint now) {
    const Condition condition = world_.condition(service, place);
    if (condition == Condition::passes || world_.fault() != Fault::none) return;
    const config::Health& health = watched.plan->settings.health;
    const Place& there = world_.places()[place];
    const Seen& seen = watched.seen[place];
    const Knowledge& knowledge = watched.knowledge;
    // While the registry is silent, a black hole that it has not named since may be a task that has ended.
    const bool may_be_slow =
        knowledge.present(place) || (knowledge.failing() && knowledge.confirmed(place) >= there.since);
    const bool panics = condition == Condition::doubtful && sidecar_->decision(service).panic && may_be_slow;

    const bool new_and_dead = knowledge.first_named(place) != never && knowledge.first_named(place) > started_ + 5s &&
                              there.since < knowledge.first_named(place) &&
                              world_.fault_changed() < knowledge.first_named(place);
    if (new_and_dead && live && !panics) {
        fail(watched, now, name(place) + " has never passed, and is served while others live");
    }

    const bool known = seen.died_known && seen.died == there.since && world_.fault_changed() <= there.since &&
                       started_ <= there.since;
    TimePoint dead_from = std::max({there.since, world_.fault_changed(), started_, knowledge.joined(place)});
    milliseconds longest = health.timeout;  // a probe that is shared has the longest timeout of those who share it
    for (const Watched& other : watched_) longest = std::max(longest, other.plan->settings.health.timeout);
    Duration bound = time_to_look(watched, dead_from, known) + probe_latency + queueing_;
    if (!known) bound += longest + health.fast_interval;
    if (condition == Condition::doubtful) {
        bound +=
            health.fall * (longest + queueing_) + (health.fall - 1) * std::min(health.fast_interval, health.interval);
    }
    if (now <= dead_from + bound) return;
    const auto late = std::chrono::duration_cast<milliseconds>(now - dead_from - bound);
    if (knowledge.says_empty()) {
        fail(watched, now,
             fmt::format("{} is served {} too long, though the registry says that there are none", name(place),
                         format_duration(late)));
    }
    if (live && !panics) {
        fail(watched, now,
             fmt::format("{} is served {} too long while others live", name(place), format_duration(late)));
    }
}

/// An address that another service has now is not this one's any more.
void Witness::check_claims(const Watched& watched, std::size_t service, PlaceIndex place, TimePoint now) {
    const Knowledge& holder = watched.knowledge;
    if (holder.present(place)) return;
    for (std::size_t other = 0; other < watched_.size(); ++other) {
        if (other == service) continue;
        const Knowledge& claimant = watched_[other].knowledge;
        if (!claimant.present(place)) continue;
        const bool spoken_against = holder.left_out(place) || holder.withdrawn(place);
        if (!spoken_against && claimant.first_named(place) <= holder.named(place)) continue;
        bool same_tasks = false;  // both services name the same tasks
        for (PlaceIndex shared = 0; shared < watched.seen.size(); ++shared) {
            if (shared == place || !claimant.present(shared)) continue;
            if (holder.withdrawn(place) ? holder.present(shared) : holder.ever_named(shared)) same_tasks = true;
        }
        if (!same_tasks) {
            fail(watched, now,
                 fmt::format("{} is served, though it is {}'s now", name(place),
                             watched_[other].plan->settings.name.to_string()));
        }
    }
}

/// No panic without so many black holes; what refuses is no reason.
void Witness::check_panic(const Watched& watched, std::size_t service, TimePoint now) {
    const view::Decision& decision = sidecar_->decision(service);
    const Duration lately = time_to_recover(*watched.plan) + 30s;
    if (!decision.panic || world_.fault() != Fault::none || now - world_.fault_changed() < lately) return;
    std::size_t members = 0;
    std::size_t suspicious = 0;
    for (const view::EndpointDecision& endpoint : decision.endpoints) {
        const membership::Presence presence = endpoint.presence;
        const bool counts =
            presence == membership::Presence::present || presence == membership::Presence::held_failed;
        const bool spoken_of = endpoint.why == view::Why::drained || endpoint.why == view::Why::ejected;
        if (endpoint.why == view::Why::outside_subset || spoken_of || !counts) continue;
        ++members;
        const Place& there = world_.places()[place_of(endpoint.address.address)];
        const bool frozen = there.state == State::frozen;
        if (frozen || (there.frozen_until != TimePoint{} && now - there.frozen_until < lately)) ++suspicious;
    }
    const unsigned threshold = watched.plan->settings.panic.threshold;
    if (suspicious * 100 > (threshold - panic_hysteresis) * members) return;
    fail(watched, now, fmt::format("panic, though only {} of {} members are black holes", suspicious, members));
}

}  // namespace taskdns::simulation
