// The control plane: polls, checks and decides for all services, and publishes what came of it.
// Layer: app (may include all). Threads: the control thread, which runs `executor`.
//
// This is the one place where the stages meet: [discovery -> membership -> health -> view], joined with callbacks.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "app/connection_watch.hpp"
#include "app/local_sources.hpp"
#include "app/metrics.hpp"
#include "app/service_state.hpp"
#include "app/snapshot_store.hpp"
#include "base/asio.hpp"
#include "base/task_group.hpp"
#include "config/config.hpp"
#include "discovery/source.hpp"
#include "health/checker.hpp"
#include "http_server/model.hpp"
#include "membership/claims.hpp"
#include "upstream/resolver.hpp"
#include "view/demand.hpp"
#include "view/publisher.hpp"

namespace taskdns::app {

class ControlPlane {
public:
    struct Surroundings {
        std::vector<SocketAddress> upstream_servers;
        std::string identity;  ///< of the task, for `subset`
        unsigned max_probes_in_flight = 256;
    };

    /// `config` and `budget` outlive the control plane. `on_published` is called on the control thread after each
    /// publication.
    ControlPlane(asio::any_io_executor executor, const config::Config& config, Surroundings surroundings,
                 upstream::QueryBudget& budget, std::function<void()> on_published);
    ~ControlPlane();

    /// Begins to poll and check.
    void start();
    /// /readyz is 503 from now on.
    void announce_shutdown() { shutting_down_ = true; }
    /// Ends all loops, and writes the snapshot if members have changed; true when they have ended within `limit`.
    asio::awaitable<bool> stop(milliseconds limit);

    view::Publisher& publisher() { return publisher_; }
    /// Whoever answers a question for a service notes it here.
    view::Demand& demand() { return demand_; }
    /// What the HTTP interface shows; its functions may be called as long as the control plane lives.
    http_server::Model model();
    /// Its part of the metrics.
    void collect(Figures& out) const;

private:
    void on_observation(std::size_t service, const discovery::Observation& observation, milliseconds next_delay);
    void on_outcome(const health::Checker::Event& event);
    ConnectionWatch::Callbacks connection_callbacks();
    void on_connection(health::ServiceIndex service, const health::ConnectionEvidence& evidence);
    void on_ejection_over(const health::Event& event);
    void on_return(std::size_t service);
    void rebalance();
    asio::awaitable<void> start_polls();
    void on_snapshot(const membership::Snapshot& snapshot);
    membership::Snapshot collect_snapshot() const;
    /// The members of `service` changed: who is checked, whose addresses were taken, and what the snapshot holds.
    void on_members(std::size_t service);
    std::set<std::size_t> let_go_of_taken_addresses(std::size_t service);
    void note_local_fault(std::size_t service, const SocketAddress& endpoint, const health::Verdict& verdict);
    /// The service's next deadline may be another.
    void note_deadline(std::size_t service);
    void choose_endpoints(std::size_t service);
    /// Decides and publishes for `service` soon: what happens together is published together.
    void mark_changed(std::size_t service);
    void publish_changes();
    void decide_at_once(std::size_t service);
    asio::awaitable<void> expire_members();
    asio::awaitable<void> watch_demand();
    FindVerdict find_verdict(std::size_t service) const;
    std::optional<std::size_t> find_service(std::string_view name) const;
    http_server::ReadyStatus ready();
    http_server::ServiceStatus status(std::size_t service) const;

    asio::any_io_executor executor_;
    std::function<void()> on_published_;
    std::string identity_;
    upstream::Resolver resolver_;
    std::vector<ServiceState> services_;
    std::vector<std::unique_ptr<discovery::Source>> sources_;
    std::shared_ptr<const view::NameTable> names_;
    view::Publisher publisher_;
    PublishCounters publish_counters_;
    view::Demand demand_;
    std::vector<TimePoint> last_asked_;
    membership::Claims claims_;
    LocalSources local_sources_;
    std::shared_ptr<health::OwnSockets> own_sockets_;
    ConnectionWatch connections_;
    health::Checker checker_;
    SnapshotStore snapshot_;
    bool said_that_snapshot_hangs_ = false;
    asio::steady_timer snapshot_timer_;  // the polls' start, while the snapshot is read
    asio::steady_timer expiry_timer_;
    std::vector<TimePoint> deadlines_;                         // of each service
    std::set<std::pair<TimePoint, std::size_t>> by_deadline_;  // those that have one
    std::vector<std::set<SocketAddress>> local_faults_;        // of each service: whose checks cannot be made here
    std::set<std::size_t> changed_;
    std::uint64_t last_index_ = 1;  // of the last change of any service; never goes back
    TimePoint started_at_;
    TimePoint next_housekeeping_;
    bool ready_once_ = false;
    bool shutting_down_ = false;
    TaskGroup tasks_;  // last: its loops use everything above
};

}  // namespace taskdns::app
