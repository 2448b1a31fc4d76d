// Watches one run from the outside: what has to be true at every moment. The rules about dead endpoints and about
// who may not be served: witness_served.cpp.
#include "simulation/witness.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_after = 60s;
constexpr unsigned most_entries = 8;  // of an endpoint that flaps, in 6 minutes
constexpr auto first_checks = 200ms;
constexpr auto replacement_time = 10s;  // until a subset has found others for those of its picks that died

}  // namespace

Witness::Witness(const Scenario& scenario, const World& world) : scenario_(scenario), world_(world) {
    Duration longest_timeout{0};
    std::size_t endpoints = 0;
    for (const ServicePlan& plan : scenario.services) {
        watched_.push_back({&plan, Knowledge(plan)});
        longest_timeout = std::max<Duration>(longest_timeout, plan.settings.health.timeout);
        endpoints += plan.tasks;
    }
    if (scenario.max_in_flight < 256) {
        queueing_ = 2 * (2 * endpoints / scenario.max_in_flight + 1) * longest_timeout;
    }
}

void Witness::watch(const Sidecar* sidecar, bool with_snapshot, TimePoint now) {
    if (sidecar != nullptr) {
        started_ = now;
        in_flight_ = 0;
    }
    sidecar_ = sidecar;
    for (Watched& watched : watched_) {
        watched.view = nullptr;
        watched.served.clear();
        watched.next_question = watched.expires = {};
        watched.empty_from = never;
        if (sidecar == nullptr) {
            watched.knowledge.stop(now);
            continue;
        }
        const bool emptied = watched.knowledge.says_empty();
        watched.knowledge.start(with_snapshot, now);
        watched.asked = watched.awake_from = now;
        for (Seen& seen : watched.seen) {
            // What passed before the restart is served after it, too.
            const bool stays = with_snapshot && !emptied && seen.known_healthy && world_.fault() == Fault::none;
            const bool passed = seen.passed;
            seen = {};
            seen.known_healthy = stays;
            seen.passed = passed;
        }
    }
}

bool Witness::checked(const Watched& watched) const {
    return watched.plan->settings.health.check != config::CheckKind::none;
}

std::string Witness::name(PlaceIndex place) const {
    const Place& there = world_.places()[place];
    return fmt::format("{} ({})", there.address.to_string(), to_string(there.state));
}

void Witness::fail(const Watched& watched, TimePoint now, const std::string& what) const {
    // How the sidecar itself explains it, for whoever reads the failure.
    std::string why;
    for (std::size_t service = 0; sidecar_ != nullptr && service < watched_.size(); ++service) {
        if (&watched_[service] != &watched) continue;
        const view::Decision& decision = sidecar_->decision(service);
        why = fmt::format(" (rung {}{}:", view::to_string(decision.rung), decision.panic ? ", panic" : "");
        for (const view::EndpointDecision& endpoint : decision.endpoints) {
            why += fmt::format(" {} {} {}{},", endpoint.address.address.to_string(),
                               membership::to_string(endpoint.presence), view::reason(endpoint),
                               endpoint.served ? "" : " -");
        }
        why.back() = ')';
    }
    throw Violation{now, watched.plan->settings.name.to_string(), what + why};
}

/// How long it may take until what lives again, or is new, is known to live.
Duration Witness::time_to_recover(const ServicePlan& plan) const {
    const config::Health& health = plan.settings.health;
    const Duration seldom = std::max<milliseconds>({30s, health.idle_interval, health.interval});
    return seldom + 9 * (std::min(health.fast_interval, health.interval) + 100ms) + 2 * 2000ms + 9 * queueing_;
}

/// An address that another service was ever said to have may be taken away by it.
bool Witness::may_be_claimed(std::size_t service, PlaceIndex place) const {
    if (watched_[service].knowledge.present(place)) return false;
    for (std::size_t other = 0; other < watched_.size(); ++other) {
        if (other != service && watched_[other].knowledge.ever_named(place)) return true;
    }
    return false;
}

bool Witness::must_have(const Watched& watched, std::size_t service, PlaceIndex place, TimePoint now) const {
    return watched.knowledge.must_have(place, now) && !may_be_claimed(service, place);
}

void Witness::audit(TimePoint now) {
    for (std::size_t service = 0; service < watched_.size(); ++service) audit(service, now);
}

void Witness::audit(std::size_t service, TimePoint now) {
    Watched& watched = watched_[service];
    watched.seen.resize(world_.places().size());
    if (sidecar_ != nullptr) look(watched, now, service);
    if (sidecar_ != nullptr) note_ejected(watched, service, now);
    update(watched, service, now);
    if (sidecar_ == nullptr) return;
    check_presence(watched, service, now);
    check_served(watched, service, now);
    check_panic(watched, service, now);
    check_subset(watched, now);
    check_drained(watched, now);
    check_ejected(watched, service, now);
}

void Witness::look(Watched& watched, TimePoint now, std::size_t service) {
    const view::ServiceView& view = sidecar_->view(service);
    if (watched.view == &view && watched.index == sidecar_->published(service)) return;
    watched.view = &view;
    watched.index = sidecar_->published(service);
    watched.served = served_places(view);
    const std::string wrong = check_view(view, sidecar_->decision(service), *watched.plan, world_.places());
    if (!wrong.empty()) fail(watched, now, "the view is malformed or unfair: " + wrong);
    for (PlaceIndex place = 0; place < watched.seen.size(); ++place) {
        Seen& seen = watched.seen[place];
        const bool served = std::ranges::binary_search(watched.served, place);
        if (served && !seen.served) {
            seen.served_since = now;
            const bool counts = damped_ == place && watched.plan->settings.subset == 0 && checked(watched);
            if (counts && others_live(watched, place, now) && ++seen.entries > most_entries) {
                fail(watched, now,
                     fmt::format("{} flaps, and came into the answers {} times", name(place), seen.entries));
            }
        }
        seen.served = served;
    }
}

void Witness::update(Watched& watched, std::size_t service, TimePoint now) {
    const Duration recovery = time_to_recover(*watched.plan);
    for (PlaceIndex place = 0; place < watched.seen.size(); ++place) {
        Seen& seen = watched.seen[place];
        const Place& there = world_.places()[place];
        const bool must = must_have(watched, service, place, now);
        const bool passes = world_.condition(service, place) == Condition::passes && world_.fault() != Fault::dark;
        if (seen.passed && !passes) {
            seen.died_known = seen.known_healthy;
            seen.died = there.since;
        }
        seen.passed = passes;
        if (!must) seen.entries = 0;
        seen.must_since = must ? std::min(seen.must_since, now) : never;
        if (!must || !passes) {
            seen.known_healthy = false;
            continue;
        }
        if (seen.known_healthy || world_.fault() != Fault::none || sidecar_ == nullptr) continue;
        const TimePoint from = std::max(
            {there.since, world_.fault_changed(), started_, watched.knowledge.joined(place), seen.must_since});
        seen.known_healthy = now - from > recovery;
    }
}

bool Witness::others_live(const Watched& watched, PlaceIndex place, TimePoint now) const {
    const bool subset = watched.plan->settings.subset > 0;
    const Duration recovery = time_to_recover(*watched.plan);
    for (PlaceIndex other = 0; other < watched.seen.size(); ++other) {
        const Seen& seen = watched.seen[other];
        if (other == place || !seen.known_healthy || seen.may_be_drained(now)) continue;
        if (!subset || (seen.served && now - seen.served_since > recovery)) return true;
    }
    return false;
}

/// Never empty while something answers, and complete: whoever must be a member and passes is served.
void Witness::check_presence(Watched& watched, std::size_t service, TimePoint now) {
    const config::Service& settings = watched.plan->settings;
    const bool all = settings.answer.when_none_healthy == config::WhenNoneHealthy::all;
    bool should_answer = false;
    const bool any_drained =
        std::ranges::any_of(watched.seen, [now](const Seen& seen) { return seen.may_be_drained(now); });
    for (PlaceIndex place = 0; place < watched.seen.size(); ++place) {
        const Seen& seen = watched.seen[place];
        const bool must = must_have(watched, service, place, now) && !seen.may_be_drained(now);
        const bool lives = checked(watched) ? seen.known_healthy && !seen.may_be_drained(now) : must;
        // Right after a start with a snapshot, whose first checks are under way, those that have passed go before.
        const bool starting = checked(watched) && now - started_ < first_checks + queueing_;
        if (lives && settings.subset == 0 && !seen.served && !starting && !seen.ejected()) {
            fail(watched, now, name(place) + " is known and passes, and is not in the answers");
        }
        const bool vouched = must && all && !watched.knowledge.says_empty();
        if (vouched && settings.subset == 0 && watched.served.empty()) {
            fail(watched, now, "the answer is empty though " + name(place) + " is known and not said to be gone");
        }
        // Stand-ins for drained picks cannot be checked while probes cannot be sent.
        const bool unknown = settings.subset > 0 && world_.fault() != Fault::none && any_drained;
        should_answer = should_answer || (lives && !unknown);
    }
    if (!should_answer || !watched.served.empty()) {
        watched.empty_from = never;
        return;
    }
    watched.empty_from = std::min(watched.empty_from, now);
    if (now - watched.empty_from > replacement_time + queueing_) {
        fail(watched, now, "the answer is empty while some are known and pass");
    }
}

void Witness::check_subset(const Watched& watched, TimePoint now) {
    const unsigned subset = watched.plan->settings.subset;
    if (subset == 0) return;
    const auto healthy = std::ranges::count_if(
        watched.served, [&](PlaceIndex place) { return !checked(watched) || watched.seen[place].known_healthy; });
    if (static_cast<std::size_t>(healthy) > subset) {
        fail(watched, now, fmt::format("{} healthy ones are served, subset is {}", healthy, subset));
    }
}

void Witness::on_question(std::size_t service, TimePoint now) {
    Watched& watched = watched_[service];
    if (now < watched.next_question) fail(watched, now, "asked again before the TTL has run out");
    watched.ttl_over = now >= watched.expires;
}

void Witness::on_reply(std::size_t service, const Reply& reply, TimePoint now) {
    Watched& watched = watched_[service];
    watched.next_question = now + 800ms;
    if (reply.answer)
        watched.next_question = now + std::min<milliseconds>(reply.answer->ttl, watched.plan->settings.poll.max);
    if (reply.answer) watched.expires = now + reply.answer->ttl;
    if (!reply.answer) {
        watched.knowledge.take_failed(now);
    } else if (reply.named.empty()) {
        watched.knowledge.take_empty(now);
    } else {
        watched.knowledge.take_records(reply.named, reply.fresh, watched.ttl_over, now);
    }
    for (std::size_t holder = 0; holder < watched_.size(); ++holder) {
        for (PlaceIndex place = 0; place < world_.places().size(); ++place) {
            if (may_be_claimed(holder, place)) watched_[holder].knowledge.forget(place);
        }
    }
}

void Witness::on_asked(std::size_t service, TimePoint now) {
    Watched& watched = watched_[service];
    if (now - watched.asked >= idle_after) watched.awake_from = now;
    watched.asked = now;
}

void Witness::on_probe(const health::Schedule::Job& job, TimePoint now) {
    probed_.insert(job.target.address);
    if (++in_flight_ > scenario_.max_in_flight) {
        fail(watched_.front(), now, fmt::format("{} probes in flight", in_flight_));
    }
}

void Witness::on_probe_end() { --in_flight_; }

void Witness::begin_to_settle() { probed_.clear(); }

void Witness::settled(TimePoint now) {
    if (sidecar_ == nullptr) return;
    for (std::size_t service = 0; service < watched_.size(); ++service) {
        const Watched& watched = watched_[service];
        const config::Service& settings = watched.plan->settings;
        const std::vector<PlaceIndex>& registered = world_.zone(service).registered;
        std::vector<PlaceIndex> expected;
        for (const PlaceIndex place : registered) {
            if (!checked(watched) || world_.condition(service, place) == Condition::passes) expected.push_back(place);
        }
        std::ranges::sort(expected);
        if (expected.empty() || sidecar_->decision(service).panic) continue;
        const bool exact = registered.size() < settings.membership.sample_limit;
        const std::size_t wanted =
            settings.subset == 0 ? expected.size() : std::min<std::size_t>(settings.subset, expected.size());
        std::vector<PlaceIndex> both;
        std::ranges::set_intersection(watched.served, expected, std::back_inserter(both));
        if (exact && (watched.served.size() != wanted || both.size() != wanted)) {
            fail(watched, now,
                 fmt::format("settled, and {} are served of {} registered and live ones", both.size(), wanted));
        }
        const bool collected = watched.plan->ttl <= 10s && settings.poll.min <= 2s &&
                               !settings.membership.absent_max && settings.membership.sample_limit == 8 &&
                               settings.subset == 0;
        if (!exact && collected && both.size() * 10 < wanted * 8) {
            fail(watched, now, fmt::format("sampled for 5 min, and {} of {} are served", both.size(), wanted));
        }
        const auto probed = std::ranges::count_if(registered, [&](PlaceIndex place) {
            return probed_.contains({address_of(place), settings.port});
        });
        const std::size_t dead = registered.size() - expected.size();
        const bool alone = watched_.size() == 1 && settings.subset > 0 && exact;
        if (alone && static_cast<std::size_t>(probed) > settings.subset + dead) {
            fail(watched, now, fmt::format("{} are probed, subset is {}", probed, settings.subset));
        }
    }
}

}  // namespace taskdns::simulation
