// What the application reports of endpoints, and what an operator wants of them, at random.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "simulation/sidecar.hpp"
#include "simulation/timeline.hpp"
#include "simulation/witness.hpp"

namespace taskdns::simulation {

class Callers {
public:
    struct Hooks {
        std::function<void(const std::string&)> log;
        std::function<Sidecar*()> sidecar;  ///< null: none runs
    };

    Callers(const Scenario& scenario, Timeline& timeline, Witness& witness, Hooks hooks);

    void begin();
    /// They fall silent, and nothing is drained any more.
    void end();
    /// A sidecar starts, and has been told nothing.
    void forget() { drained_.clear(); }

private:
    void next();
    void act();
    void report(std::size_t service, const SocketAddress& endpoint, unsigned failures);
    void drain(std::size_t service, const SocketAddress& endpoint);
    void undrain(std::size_t service, const SocketAddress& endpoint);

    const Scenario& scenario_;
    Random random_;  // apart from that of the world, whose story stays the same
    Timeline& timeline_;
    Witness& witness_;
    Hooks hooks_;
    std::set<std::pair<std::size_t, SocketAddress>> drained_;  // or has been
    std::uint64_t number_ = 0;  // of the storm: what was planned for an earlier one is off
};

}  // namespace taskdns::simulation
