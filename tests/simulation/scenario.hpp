// What one seed is about: the services with random policies, and how long the world turns.
// Pure: the same seed gives the same scenario on every platform.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "simulation/random.hpp"

namespace taskdns::simulation {

struct ServicePlan {
    config::Service settings;
    seconds ttl{60};  ///< of the registry's records
    seconds negative_ttl{5};
    unsigned tasks = 1;  ///< at the beginning
    bool srv = false;    ///< records carry weights and priorities
    bool priorities = false;
};

struct Scenario {
    std::uint64_t seed = 0;
    std::vector<ServicePlan> services;
    milliseconds length{0};
    unsigned max_in_flight = 256;
    std::string identity;
};

Scenario make_scenario(std::uint64_t seed);

/// One line per service, for people.
std::string describe(const Scenario& scenario);

}  // namespace taskdns::simulation
