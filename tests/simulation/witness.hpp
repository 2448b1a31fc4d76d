// Watches one run from the outside: compares what the sidecar answers with the world's truth and with the answers
// that the sidecar was given. Each rule is a promise of design.md, section 1. Pure. Throws Violation at the first
// broken promise.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "simulation/knowledge.hpp"
#include "simulation/sidecar.hpp"
#include "simulation/view_check.hpp"

namespace taskdns::simulation {

struct Violation {
    TimePoint at;
    std::string service;
    std::string what;
};

class Witness {
public:
    Witness(const Scenario& scenario, const World& world);

    /// `sidecar` runs from now on; null: none does.
    void watch(const Sidecar* sidecar, bool with_snapshot, TimePoint now);
    /// Whatever has been true since the last audit must hold until now. To be called before anything changes.
    void audit(TimePoint now);
    void audit(std::size_t service, TimePoint now);

    void on_question(std::size_t service, TimePoint now);
    void on_reply(std::size_t service, const Reply& reply, TimePoint now);
    /// An operator has taken it out until then, by a request that is answered.
    void on_drain(std::size_t service, PlaceIndex place, TimePoint until);
    void on_asked(std::size_t service, TimePoint now);
    void on_probe(const health::Schedule::Job& job, TimePoint now);
    void on_probe_end();
    /// A minute before settled().
    void begin_to_settle();
    /// Nothing has failed or changed for long enough, and all is as the registry says.
    void settled(TimePoint now);
    /// For some time `place` comes up for so short that damping must keep it out. Null: it is over.
    void expect_damping(std::optional<PlaceIndex> place) { damped_ = place; }

private:
    /// What is known of one place as an endpoint of one service.
    struct Seen {
        bool known_healthy = false;  ///< passes, and has for so long that the sidecar must know
        bool passed = true;
        bool died_known = false;  ///< it was so when it stopped passing
        TimePoint died{};         ///< when that was
        bool served = false;
        TimePoint served_since{};
        TimePoint must_since = never;  ///< since when it has to be a member
        unsigned entries = 0;          ///< into the answers, while damping is expected
        TimePoint drained_until{};
        TimePoint ejected_since = never;

        bool ejected() const { return ejected_since != never; }
        /// Whether it need not be served, for it is drained, or was until now.
        bool may_be_drained(TimePoint now) const { return now <= drained_until; }
    };
    struct Watched {
        const ServicePlan* plan;
        Knowledge knowledge;
        std::vector<Seen> seen;
        const view::ServiceView* view = nullptr;  // as it was looked at last
        std::uint64_t index = 0;
        std::vector<PlaceIndex> served;
        TimePoint asked{};       // last question of the application
        TimePoint awake_from{};  // since when there has not been a minute without
        TimePoint next_question{};
        TimePoint expires{};           // the last answer, by the TTL that it came with
        bool ttl_over = true;          // it had when the registry was asked
        TimePoint empty_from = never;  // the answer is empty since then, though it should not be
    };

    void look(Watched& watched, TimePoint now, std::size_t service);
    void update(Watched& watched, std::size_t service, TimePoint now);
    void check_presence(Watched& watched, std::size_t service, TimePoint now);
    void check_served(Watched& watched, std::size_t service, TimePoint now);
    void check_dead(Watched& watched, std::size_t service, PlaceIndex place, bool others_live, TimePoint now);
    void check_claims(const Watched& watched, std::size_t service, PlaceIndex place, TimePoint now);
    void check_panic(const Watched& watched, std::size_t service, TimePoint now);
    void note_ejected(Watched& watched, std::size_t service, TimePoint now);
    void check_drained(const Watched& watched, TimePoint now) const;
    void check_ejected(const Watched& watched, std::size_t service, TimePoint now) const;
    void check_ejection_ends(const Watched& watched, std::size_t service, PlaceIndex place, TimePoint now) const;
    void check_subset(const Watched& watched, TimePoint now);
    bool may_be_claimed(std::size_t service, PlaceIndex place) const;
    bool must_have(const Watched& watched, std::size_t service, PlaceIndex place, TimePoint now) const;
    bool others_live(const Watched& watched, PlaceIndex place, TimePoint now) const;
    Duration time_to_look(const Watched& watched, TimePoint dead_from, bool known) const;
    Duration time_to_recover(const ServicePlan& plan) const;
    bool checked(const Watched& watched) const;
    [[noreturn]] void fail(const Watched& watched, TimePoint now, const std::string& what) const;
    std::string name(PlaceIndex place) const;

    const Scenario& scenario_;
    const World& world_;
    const Sidecar* sidecar_ = nullptr;
    std::vector<Watched> watched_;
    TimePoint started_{};
    Duration queueing_{0};  // where few probes may run at once: how long a round of all may take
    std::set<SocketAddress> probed_;
    unsigned in_flight_ = 0;
    std::optional<PlaceIndex> damped_;
};

}  // namespace taskdns::simulation
