// What goes wrong: changes the world at random, and sets it right again.
#pragma once

#include <functional>
#include <string>

#include "simulation/timeline.hpp"
#include "simulation/world.hpp"

namespace taskdns::simulation {

class Storm {
public:
    using Log = std::function<void(const std::string&)>;
    struct Hooks {
        Log log;
        std::function<void(bool snapshot, Duration down)> restart;
        std::function<void(std::size_t service, Duration time)> be_quiet;  ///< the application asks for nothing
        std::function<void(std::optional<PlaceIndex>)> expect_damping;
    };

    Storm(const Scenario& scenario, World& world, Random& random, Timeline& timeline, Hooks hooks);

    void begin();
    /// All is well again, but for a few dead endpoints perhaps.
    void end();

private:
    void next();
    void act();
    std::optional<PlaceIndex> any_registered(std::size_t service);
    void set_state(PlaceIndex place, State state);
    State any_bad_state();

    void break_one(std::size_t service);
    void mend_one(std::size_t service);
    void break_many(std::size_t service);
    void scale_out(std::size_t service);
    void scale_in(std::size_t service);
    void move(std::size_t service);
    void empty_registry(std::size_t service);
    void fail_registry(std::size_t service);
    void lie(std::size_t service);
    void toggle_record(std::size_t service);
    void flap(std::size_t service);
    void break_network(std::size_t service);
    void restart(std::size_t service);
    void fall_silent(std::size_t service);

    const Scenario& scenario_;
    World& world_;
    Random& random_;
    Timeline& timeline_;
    Hooks hooks_;
    std::uint64_t number_ = 0;  // of the storm: what an earlier one planned is off
    bool on_ = false;
};

}  // namespace taskdns::simulation
