// When which target is probed, and what its outcomes make of the verdicts of all services that share it.
// Layer: health (may include base, config). Pure: given `now`, no clock, no I/O, no logging. The shell: checker.cpp.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "health/probe.hpp"
#include "health/verdict.hpp"

namespace taskdns::health {

using ServiceIndex = std::uint32_t;  ///< position in config::Config::services

/// An outcome reached the verdict that `service` has of `endpoint`; `changed` as Verdict::apply() says.
struct Event {
    ServiceIndex service = 0;
    SocketAddress endpoint;
    bool changed = false;

    bool operator==(const Event&) const = default;
};

class Schedule {
public:
    /// `max_in_flight`: how many probes may run at once; those that are due wait for their turn, the longest due
    /// first.
    Schedule(unsigned max_in_flight, std::uint32_t seed);

    /// As Checker::set_endpoints(). Where only the policy changed, verdicts stay; a target that differs by it is
    /// probed at once. Where it throws for want of memory it is to be called again.
    void set_endpoints(ServiceIndex service, const std::string& service_name, const config::Health& policy,
                       const std::vector<SocketAddress>& endpoints, TimePoint now);
    /// Whether nobody asks for `service`; it is awake until this says so, and set_endpoints() does not change that.
    /// What falls idle keeps the time of its next check; what wakes is checked at once. A target that services share
    /// is due for the most impatient of them, so it waits for `idle_interval` only if all of them are idle.
    void set_idle(ServiceIndex service, bool idle, TimePoint now);
    /// Null if it is not checked for this service. Valid until the next set_endpoints().
    const Verdict* find(ServiceIndex service, const SocketAddress& endpoint) const;
    /// What became of a connection of the application's: see Verdict::apply_connection(). An event as of finish();
    /// null if the endpoint is not checked for this service. One that has just failed by it is probed at once, one
    /// that is in doubt by it within `fast_interval`.
    std::optional<Event> observe(ServiceIndex service, const SocketAddress& endpoint, Observed observed,
                                 TimePoint since, TimePoint now);

    /// A probe to be made now. Whoever takes it gives it back to finish(), whatever became of it.
    struct Job {
        Target target;
        milliseconds timeout{0};  ///< the longest of those who share it; finish() judges each by its own
        std::uint64_t id = 0;     ///< tells a target from an equal one that was forgotten meanwhile
    };
    /// The target that has been due for longest, and is in flight from now on; null if none is due, or may be.
    /// One whose endpoint the application has just reached is spared: due again once that is `interval` ago.
    std::optional<Job> take_due(TimePoint now);
    /// When take_due() has something next; `never` if that takes another call first.
    TimePoint next_due() const;
    /// Takes in the outcome of a job; one event for each service that still has the target. Due again at the earliest
    /// of what their verdicts ask for, 0 to 10 % sooner so that targets do not keep step with each other.
    std::vector<Event> finish(const Job& job, const Outcome& outcome, TimePoint now);

    unsigned in_flight() const { return in_flight_; }
    std::size_t targets() const { return targets_.size(); }
    /// Probes that were not made because the application's connections had said it already.
    std::uint64_t spared() const { return spared_; }

private:
    struct Tracked {
        std::uint64_t id = 0;
        TimePoint due{};  // in flight: when it was
        std::vector<ServiceIndex> subscribers;
    };
    using Targets = std::map<Target, Tracked>;

    struct Endpoint {
        SocketAddress address;
        Verdict verdict;
    };
    struct Service {
        std::string name;
        config::Health policy;
        std::vector<Endpoint> endpoints;  // sorted by address
        bool is_partial = false;          // set_endpoints() did not come to its end

        Endpoint* find(const SocketAddress& address);
    };

    struct Due {
        TimePoint at;
        std::uint64_t id;  // of those due at the same time the one known for longer comes first
        Targets::value_type* target;

        auto operator<=>(const Due& other) const { return std::tie(at, id) <=> std::tie(other.at, other.id); }
    };

    void subscribe(ServiceIndex service, Target target, TimePoint now);
    void unsubscribe(ServiceIndex service, const Target& target);
    void unsubscribe_from_all(ServiceIndex service);
    void hasten(const Target& target, TimePoint due);
    void hasten(Targets::value_type& target, TimePoint due);
    void put_off(Targets::value_type& target, TimePoint due);
    std::optional<TimePoint> spared_until(const Targets::value_type& target) const;
    Duration jittered(milliseconds delay);

    unsigned max_in_flight_;
    unsigned in_flight_ = 0;
    std::uint64_t spared_ = 0;
    std::uint64_t next_id_ = 0;
    std::minstd_rand random_;
    std::map<ServiceIndex, Service> services_;
    std::set<ServiceIndex> idle_;  // also those without endpoints
    Targets targets_;
    std::set<Due> queue_;  // every target that is not in flight
};

}  // namespace taskdns::health
