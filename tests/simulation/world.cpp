// The world around the sidecar.
#include "simulation/world.hpp"

#include <algorithm>

#include "config/config.hpp"

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;
using health::Observed;

constexpr PlaceIndex subnets = 3;
constexpr std::uint8_t first_host = 10;
constexpr std::size_t shown_at_once = 8;  // Route 53, multivalue answers

}  // namespace

const char* to_string(State state) {
    switch (state) {
        case State::alive:
            return "alive";
        case State::refusing:
            return "refusing";
        case State::frozen:
            return "frozen";
        case State::unavailable:
            return "unavailable";
    }
    return "";
}

IpAddress address_of(PlaceIndex place) {
    const auto subnet = static_cast<std::uint8_t>(1 + place % subnets);
    const auto host = static_cast<std::uint8_t>(first_host + place / subnets);
    return IpAddress(IpAddress::V4Bytes{10, 0, subnet, host});
}

PlaceIndex place_of(const IpAddress& address) {
    const auto bytes = address.bytes();
    return static_cast<PlaceIndex>(bytes[3] - first_host) * subnets + (bytes[2] - 1U);
}

World::World(const Scenario& scenario, Random& random, TimePoint now)
    : scenario_(scenario), random_(random), zones_(scenario.services.size()), fault_changed_(now) {
    for (std::size_t service = 0; service < zones_.size(); ++service) {
        for (unsigned i = 0; i < scenario.services[service].tasks; ++i) enroll(service, add_place(now));
    }
}

PlaceIndex World::add_place(TimePoint now) {
    Place place;
    place.address = address_of(places_.size());
    place.since = now;
    place.weight = random_.of<std::uint16_t>({1, 1, 2, 3, 10, 50});
    place.priority = random_.percent(70) ? 1 : 2;
    places_.push_back(place);
    return places_.size() - 1;
}

void World::set_state(PlaceIndex index, State state, TimePoint now) {
    Place& place = places_[index];
    if (place.state == state) return;
    if (place.state == State::frozen) place.frozen_until = now;
    place.state = state;
    place.since = now;
}

void World::enroll(std::size_t service, PlaceIndex place) {
    if (!registered(service, place)) zones_[service].registered.push_back(place);
}

void World::withdraw(std::size_t service, PlaceIndex place) { std::erase(zones_[service].registered, place); }

bool World::registered(std::size_t service, PlaceIndex place) const {
    return std::ranges::find(zones_[service].registered, place) != zones_[service].registered.end();
}

bool World::registered_anywhere(PlaceIndex place) const {
    for (std::size_t i = 0; i < zones_.size(); ++i) {
        if (registered(i, place)) return true;
    }
    return false;
}

void World::set_fault(Fault fault, TimePoint now) {
    if (fault == fault_) return;
    fault_ = fault;
    fault_changed_ = now;
}

Condition World::condition(std::size_t service, PlaceIndex place) const {
    switch (places_[place].state) {
        case State::alive:
            return Condition::passes;
        case State::unavailable:
            return scenario_.services[service].settings.health.check == config::CheckKind::http ? Condition::certain
                                                                                                : Condition::passes;
        case State::refusing:
            return Condition::certain;
        case State::frozen:
            return Condition::doubtful;
    }
    return Condition::passes;
}

std::vector<PlaceIndex> World::draw_answer(std::size_t service) {
    Zone& zone = zones_[service];
    std::vector<PlaceIndex> out = zone.registered;
    std::size_t shown =
        std::min<std::size_t>(shown_at_once, scenario_.services[service].settings.membership.sample_limit);
    if (zone.lie > 0) {
        shown = std::min(shown, zone.lie);
        zone.lie = 0;
    }
    if (out.size() <= shown) return out;
    for (std::size_t i = 0; i < shown; ++i) std::swap(out[i], out[i + random_.below(out.size() - i)]);
    out.resize(shown);
    return out;
}

Reply World::ask(std::size_t service, TimePoint now) {
    const ServicePlan& plan = scenario_.services[service];
    Zone& zone = zones_[service];
    if (fault_ != Fault::none || zone.failing) {
        return {Error{Errc::timeout, "timeout"}, {}, {}, random_.percent(50) ? milliseconds(2000) : milliseconds(4)};
    }
    Reply reply{discovery::Answer{}, {}, {}, random_.between(1ms, 30ms)};
    if (now >= zone.expires) {
        reply.fresh = true;
        zone.cached.clear();
        if (!zone.empty) zone.cached = draw_answer(service);
        zone.nxdomain = zone.cached.empty();
        zone.expires = now + (zone.nxdomain ? plan.negative_ttl : plan.ttl);
    }
    discovery::Answer& answer = *reply.answer;
    answer.ttl = std::chrono::ceil<seconds>(zone.expires - now);
    answer.nxdomain = zone.nxdomain;
    reply.named = zone.cached;
    for (const PlaceIndex place : zone.cached) {
        answer.records.emplace_back(places_[place].address);
        if (!plan.srv) continue;
        const Place& there = places_[place];
        reply.weights[place] = {there.weight, plan.priorities ? there.priority : std::uint16_t{1}};
    }
    return reply;
}

health::Outcome World::probe(const health::Schedule::Job& job) {
    health::Outcome outcome;
    outcome.latency = std::chrono::microseconds(200 + random_.below(30'000));
    const bool http = job.target.kind == config::CheckKind::http;
    outcome.observed = http ? Observed::answered : Observed::connected;
    const State state = places_[place_of(job.target.address.address)].state;
    if (fault_ == Fault::local) {
        outcome.observed = Observed::local_fault;
    } else if (fault_ == Fault::dark || state == State::frozen) {
        outcome.observed = Observed::timeout;
        outcome.latency = job.timeout;
    } else if (state == State::refusing) {
        outcome.observed = Observed::refused;
    } else if (state == State::unavailable && http) {
        outcome.observed = Observed::unavailable;
    }
    return outcome;
}

}  // namespace taskdns::simulation
