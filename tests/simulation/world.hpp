// The world around the sidecar: tasks at addresses, the registry's truth, and the resolver between them and us.
// Pure: given the time and a random source. Who changes it: faults.hpp; who looks at it: sidecar.hpp by asking and
// probing, witness.hpp directly.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "discovery/look_up.hpp"
#include "discovery/observation.hpp"
#include "health/schedule.hpp"
#include "simulation/scenario.hpp"

namespace taskdns::simulation {

using PlaceIndex = std::size_t;

enum class State {
    alive,
    refusing,    ///< nothing listens: ECONNREFUSED
    frozen,      ///< a black hole
    unavailable  ///< accepts, and answers HTTP 503
};

const char* to_string(State state);

/// An address, and what is there.
struct Place {
    IpAddress address;
    State state = State::alive;
    TimePoint since{};         ///< in this state
    TimePoint frozen_until{};  ///< when it was a black hole last
    std::uint16_t weight = 1;
    std::uint16_t priority = 1;
};

/// What a checker finds there.
enum class Condition { passes, certain, doubtful };

enum class Fault {
    none,
    local,  ///< no route from here: probes say nothing of the endpoint
    dark    ///< packets vanish: probes and queries time out
};

/// The registry's record of one service, and the resolver's cached answer.
struct Zone {
    std::vector<PlaceIndex> registered;
    bool empty = false;    ///< says NXDOMAIN
    bool failing = false;  ///< does not answer
    std::size_t lie = 0;   ///< > 0: the next answer names only so many

    std::vector<PlaceIndex> cached;
    bool nxdomain = false;
    TimePoint expires{};
};

struct Reply {
    Result<discovery::Answer> answer;
    std::vector<PlaceIndex> named;
    std::map<PlaceIndex, std::pair<std::uint16_t, std::uint16_t>> weights;  ///< and priorities: of SRV records
    milliseconds latency{2};
    bool fresh = false;  ///< not out of the cache
};

class World {
public:
    World(const Scenario& scenario, Random& random, TimePoint now);

    /// A question for the service through the VPC resolver: from its cache until the TTL has run out.
    Reply ask(std::size_t service, TimePoint now);
    /// What becomes of a probe that begins now; its latency is how long it takes.
    health::Outcome probe(const health::Schedule::Job& job);
    Condition condition(std::size_t service, PlaceIndex place) const;

    PlaceIndex add_place(TimePoint now);
    void set_state(PlaceIndex place, State state, TimePoint now);
    void enroll(std::size_t service, PlaceIndex place);
    void withdraw(std::size_t service, PlaceIndex place);
    bool registered(std::size_t service, PlaceIndex place) const;
    bool registered_anywhere(PlaceIndex place) const;
    void set_fault(Fault fault, TimePoint now);

    std::size_t services() const { return zones_.size(); }
    std::vector<Place>& places() { return places_; }
    const std::vector<Place>& places() const { return places_; }
    Zone& zone(std::size_t service) { return zones_[service]; }
    const Zone& zone(std::size_t service) const { return zones_[service]; }
    Fault fault() const { return fault_; }
    TimePoint fault_changed() const { return fault_changed_; }

private:
    std::vector<PlaceIndex> draw_answer(std::size_t service);

    const Scenario& scenario_;
    Random& random_;
    std::vector<Place> places_;
    std::vector<Zone> zones_;
    Fault fault_ = Fault::none;
    TimePoint fault_changed_{};
};

/// 10.0.1.10, 10.0.2.10, 10.0.3.10, 10.0.1.11, ...: three subnets in turn.
IpAddress address_of(PlaceIndex place);
PlaceIndex place_of(const IpAddress& address);

}  // namespace taskdns::simulation
