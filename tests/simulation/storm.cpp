// What goes wrong.
#include "simulation/storm.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_tasks = 70;
constexpr std::size_t most_places = 400;

}  // namespace

Storm::Storm(const Scenario& scenario, World& world, Random& random, Timeline& timeline, Hooks hooks)
    : scenario_(scenario), world_(world), random_(random), timeline_(timeline), hooks_(std::move(hooks)) {}

void Storm::begin() {
    on_ = true;
    ++number_;
    hooks_.log("a storm begins");
    next();
}

void Storm::next() {
    timeline_.after(random_.between(100ms, random_.of({5s, 20s, 60s})), [this, number = number_] {
        if (!on_ || number != number_) return;
        act();
        next();
    });
}

void Storm::act() {
    struct Choice {
        unsigned share;
        void (Storm::*what)(std::size_t);
    };
    constexpr Choice choices[] = {
        {20, &Storm::break_one}, {12, &Storm::mend_one},     {8, &Storm::break_many},     {8, &Storm::scale_out},
        {8, &Storm::scale_in},   {6, &Storm::move},          {6, &Storm::empty_registry}, {7, &Storm::fail_registry},
        {6, &Storm::lie},        {4, &Storm::toggle_record}, {4, &Storm::flap},           {5, &Storm::break_network},
        {5, &Storm::restart},    {3, &Storm::fall_silent},
    };
    unsigned total = 0;
    for (const Choice& choice : choices) total += choice.share;
    auto drawn = static_cast<unsigned>(random_.below(total));
    const std::size_t service = random_.below(scenario_.services.size());
    for (const Choice& choice : choices) {
        if (drawn < choice.share) return (this->*choice.what)(service);
        drawn -= choice.share;
    }
}

void Storm::end() {
    on_ = false;
    ++number_;
    hooks_.log("the storm ends");
    hooks_.expect_damping(std::nullopt);
    world_.set_fault(Fault::none, timeline_.now);
    const bool leave_dead = random_.percent(40);
    for (std::size_t service = 0; service < scenario_.services.size(); ++service) {
        Zone& zone = world_.zone(service);
        zone.empty = zone.failing = false;
        zone.lie = 0;
        for (const PlaceIndex place : zone.registered) {
            set_state(place, leave_dead && random_.percent(25) ? any_bad_state() : State::alive);
        }
    }
}

std::optional<PlaceIndex> Storm::any_registered(std::size_t service) {
    const std::vector<PlaceIndex>& registered = world_.zone(service).registered;
    if (registered.empty()) return std::nullopt;
    return registered[random_.below(registered.size())];
}

State Storm::any_bad_state() {
    return random_.of({State::refusing, State::refusing, State::frozen, State::unavailable});
}

void Storm::set_state(PlaceIndex place, State state) {
    if (world_.places()[place].state == state) return;
    world_.set_state(place, state, timeline_.now);
    hooks_.log(fmt::format("{} is {}", address_of(place).to_string(), to_string(state)));
}

void Storm::break_one(std::size_t service) {
    const auto place = any_registered(service);
    if (place) set_state(*place, any_bad_state());
}

void Storm::mend_one(std::size_t service) {
    const auto place = any_registered(service);
    if (place) set_state(*place, State::alive);
}

/// An overload, or a bad deployment.
void Storm::break_many(std::size_t service) {
    const State state = any_bad_state();
    const unsigned share = random_.of({30U, 60U, 100U});
    const std::vector<PlaceIndex> places = world_.zone(service).registered;
    std::vector<PlaceIndex> broken;
    for (const PlaceIndex place : places) {
        if (world_.places()[place].state == State::alive && random_.percent(share)) broken.push_back(place);
    }
    for (const PlaceIndex place : broken) set_state(place, state);
    timeline_.after(random_.between(2s, 90s), [this, broken, number = number_] {
        if (number != number_) return;
        for (const PlaceIndex place : broken) set_state(place, State::alive);
    });
}

/// Tasks are registered when they start, and listen a little later.
void Storm::scale_out(std::size_t service) {
    const std::size_t count = 1 + random_.below(4);
    for (std::size_t i = 0; i < count; ++i) {
        if (world_.zone(service).registered.size() >= most_tasks || world_.places().size() >= most_places) return;
        const PlaceIndex place = world_.add_place(timeline_.now);
        world_.enroll(service, place);
        hooks_.log(fmt::format("{} is registered for s{}", address_of(place).to_string(), service));
        if (random_.percent(40)) continue;
        set_state(place, random_.of({State::refusing, State::frozen}));
        timeline_.after(random_.between(1s, 120s), [this, place] { set_state(place, State::alive); });
    }
}

/// Tasks are deregistered, and end a little later.
void Storm::scale_in(std::size_t service) {
    std::size_t count = random_.of({1U, 1U, 2U, 5U, 50U});
    while (count-- > 0 && world_.zone(service).registered.size() > 1) {
        const PlaceIndex place = *any_registered(service);
        world_.withdraw(service, place);
        hooks_.log(fmt::format("{} is no longer registered for s{}", address_of(place).to_string(), service));
        if (random_.percent(50)) continue;
        timeline_.after(random_.between(1s, 40s), [this, place] {
            if (!world_.registered_anywhere(place)) set_state(place, State::refusing);
        });
    }
}

/// A task ends, and its address is given to one of another service.
void Storm::move(std::size_t service) {
    const std::size_t other = random_.below(scenario_.services.size());
    const auto place = any_registered(service);
    if (!place || other == service || world_.registered(other, *place)) return;
    world_.withdraw(service, *place);
    hooks_.log(fmt::format("{} moves from s{} to s{}", address_of(*place).to_string(), service, other));
    timeline_.after(random_.of({0ms, 3000ms, 30000ms}), [this, other, place = *place] {
        if (world_.registered_anywhere(place)) return;
        world_.enroll(other, place);
        set_state(place, State::alive);
        hooks_.log(fmt::format("{} is registered for s{}", address_of(place).to_string(), other));
    });
}

void Storm::empty_registry(std::size_t service) {
    world_.zone(service).empty = true;
    hooks_.log(fmt::format("s{}: the registry says that there are none", service));
    timeline_.after(random_.between(1s, random_.of({10s, 100s, 200s})), [this, service] {
        world_.zone(service).empty = false;
        hooks_.log(fmt::format("s{}: the registry has records again", service));
    });
}

void Storm::fail_registry(std::size_t service) {
    world_.zone(service).failing = true;
    hooks_.log(fmt::format("s{}: the resolver does not answer", service));
    timeline_.after(random_.between(1s, random_.of({10s, 100s, 240s})), [this, service] {
        world_.zone(service).failing = false;
        hooks_.log(fmt::format("s{}: the resolver answers again", service));
    });
}

void Storm::lie(std::size_t service) {
    world_.zone(service).lie = 1 + random_.below(world_.zone(service).registered.size() / 4 + 1);
    hooks_.log(fmt::format("s{}: the next answer names only {}", service, world_.zone(service).lie));
}

/// The registry loses a record and has it again, several times.
void Storm::toggle_record(std::size_t service) {
    const auto place = any_registered(service);
    if (!place) return;
    Duration later{0};
    for (unsigned i = 0; i < 6; ++i) {
        later += random_.between(2s, 30s);
        timeline_.after(later, [this, service, place = *place, gone = i % 2 == 0] {
            if (gone && world_.zone(service).registered.size() < 2) return;
            if (gone) world_.withdraw(service, place);
            if (!gone && !world_.registered_anywhere(place)) world_.enroll(service, place);
        });
    }
}

/// An endpoint is up for moments only. For 3 to 6 minutes, within which no flap is forgiven.
void Storm::flap(std::size_t service) {
    const auto place = any_registered(service);
    const config::Health& health = scenario_.services[service].settings.health;
    if (!place) return;
    hooks_.expect_damping(place);
    hooks_.log(fmt::format("{} flaps", address_of(*place).to_string()));
    const Duration up = 2 * std::min(health.fast_interval, health.interval);
    const TimePoint until = timeline_.now + random_.between(60s, 240s);
    for (TimePoint at = timeline_.now; at < until;) {
        timeline_.at(at, [this, place = *place, n = number_] {
            if (n == number_) set_state(place, State::refusing);
        });
        at += health.interval + random_.between(0ms, 500ms);
        timeline_.at(at, [this, place = *place, n = number_] {
            if (n == number_) set_state(place, State::alive);
        });
        at += up;
    }
    timeline_.at(until, [this] { hooks_.expect_damping(std::nullopt); });
}

void Storm::break_network(std::size_t) {
    if (world_.fault() != Fault::none) return;
    const Fault fault = random_.of({Fault::local, Fault::dark});
    world_.set_fault(fault, timeline_.now);
    hooks_.log(fault == Fault::local ? "no route from here" : "no packet comes through");
    timeline_.after(random_.between(500ms, random_.of({2s, 20s, 100s})), [this] {
        world_.set_fault(Fault::none, timeline_.now);
        hooks_.log("the network is back");
    });
}

void Storm::restart(std::size_t) {
    hooks_.restart(random_.percent(60), random_.between(10ms, random_.of({1s, 30s})));
}

void Storm::fall_silent(std::size_t service) { hooks_.be_quiet(service, random_.between(70s, 240s)); }

}  // namespace taskdns::simulation
