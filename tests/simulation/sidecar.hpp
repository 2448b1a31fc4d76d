// A sidecar without sockets, threads and clocks: the real pure stages, joined as app/service_state.cpp and
// app/control_plane.cpp join them. A change there has to be made here, too.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "discovery/tracked_question.hpp"
#include "health/drains.hpp"
#include "health/reports.hpp"
#include "health/schedule.hpp"
#include "membership/claims.hpp"
#include "membership/registry.hpp"
#include "simulation/world.hpp"
#include "view/decision.hpp"
#include "view/demand.hpp"
#include "view/ejection_room.hpp"
#include "view/view.hpp"

namespace taskdns::simulation {

/// What a snapshot keeps: members per service.
using Snapshot = std::vector<std::vector<membership::Member>>;

class Sidecar {
public:
    /// `on_publish(service)` is called just before the service's view is replaced.
    Sidecar(const Scenario& scenario, Random& random, TimePoint now, std::function<void(std::size_t)> on_publish);

    void load(const Snapshot& snapshot, TimePoint now);
    /// Takes in what came of a question; how long the poller waits until the next.
    milliseconds observe(std::size_t service, const Reply& reply, TimePoint asked, TimePoint now);
    std::optional<health::Schedule::Job> take_due(TimePoint now) { return schedule_.take_due(now); }
    void finish(const health::Schedule::Job& job, const health::Outcome& outcome, TimePoint now);
    // What the application and an operator say of an endpoint; false if it is no member.
    bool report(std::size_t service, const SocketAddress& endpoint, bool success, TimePoint now);
    bool drain(std::size_t service, const SocketAddress& endpoint, TimePoint until, TimePoint now);
    void undrain(std::size_t service, const SocketAddress& endpoint, TimePoint now);
    /// Lets go of what time takes away.
    void expire(TimePoint now);
    TimePoint next_probe() const { return schedule_.next_due(); }
    TimePoint next_deadline() const;
    /// Each 5 s.
    void watch_demand(TimePoint now);
    /// A question from the application: who comes first; null without an answer.
    std::optional<IpAddress> ask(std::size_t service, TimePoint now);

    const view::ServiceView& view(std::size_t service) const { return *services_[service].view; }
    const view::Decision& decision(std::size_t service) const { return services_[service].decision; }
    /// Grows with each new view.
    std::uint64_t published(std::size_t service) const { return services_[service].published; }
    /// As it was written last.
    const Snapshot& snapshot() const { return snapshot_; }
    unsigned in_flight() const { return schedule_.in_flight(); }

private:
    struct Service {
        const ServicePlan* plan;
        membership::Registry registry;
        discovery::TrackedQuestion question;
        unsigned failures = 0;
        std::vector<SocketAddress> chosen;
        view::Decision decision;
        std::shared_ptr<const view::ServiceView> view;
        std::set<SocketAddress> not_checked_since_loaded;
        std::map<IpAddress, TimePoint> recent;
        health::Reports reports;
        health::Drains drains{1000};
        bool targets_changed = false;
        std::uint64_t published = 0;
        std::uint32_t seed = 0;
        std::uint32_t cursor = 0;
        TimePoint last_asked;
    };

    discovery::Observation observation(const Service& service, TimePoint now) const;
    void note_members(Service& service, const std::vector<membership::Member>& before, TimePoint now);
    void on_members(std::size_t service, TimePoint now);
    view::Ejectable ejectable(const Service& service) const;
    void keep_half_in(Service& service, TimePoint now);
    void decide_at_once(std::size_t service, TimePoint now);
    void choose(std::size_t service, TimePoint now);
    void publish(TimePoint now);
    void decide(std::size_t service, TimePoint now);
    std::vector<view::Candidate> candidates(std::size_t service, std::string& own_zone);
    std::function<bool(const SocketAddress&)> is_out(std::size_t service) const;

    const Scenario& scenario_;
    Random& random_;
    std::function<void(std::size_t)> on_publish_;
    std::vector<Service> services_;
    membership::Claims claims_;
    health::Schedule schedule_;
    view::Demand demand_;
    std::set<std::uint32_t> woken_;
    std::set<std::size_t> changed_;
    Snapshot snapshot_;
};

/// The sidecar's own address, in the first of the world's subnets.
view::LocalSource own_source();

}  // namespace taskdns::simulation
