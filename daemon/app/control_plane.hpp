// The control plane: polls, checks and decides for all services, and publishes what came of it.
// Layer: app (may include all). Threads: the control thread, which runs `executor`.
//
// This is the one place where the stages meet: [discovery -> membership -> health -> view], joined with callbacks.
// In control_plane_*.cpp: its loops, reloading, the application's connections, what HTTP asks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "app/connection_watch.hpp"
#include "app/deadlines.hpp"
#include "app/local_sources.hpp"
#include "app/metrics.hpp"
#include "app/services.hpp"
#include "app/snapshot_store.hpp"
#include "base/alarm.hpp"
#include "base/asio.hpp"
#include "base/task_group.hpp"
#include "config/config.hpp"
#include "health/checker.hpp"
#include "http_server/model.hpp"
#include "membership/claims.hpp"
#include "upstream/resolver.hpp"
#include "view/publisher.hpp"

namespace taskdns::app {

class ControlPlane {
public:
    struct Surroundings {
        std::vector<SocketAddress> upstream_servers;
        std::string identity;  ///< of the task, for `subset`
        unsigned max_probes_in_flight = 256;
    };
    /// Called on the control thread.
    struct Events {
        std::function<void()> published;
        /// What is said of a service has changed: its summary, without endpoints.
        std::function<void(const http_server::ServiceStatus& summary)> changed;
        /// It is configured no more; `index`: that change's.
        std::function<void(const std::string& name, std::uint64_t index)> removed;
    };

    /// `budget` outlives the control plane.
    ControlPlane(asio::any_io_executor executor, const config::Config& config, Surroundings surroundings,
                 upstream::QueryBudget& budget, Events events);
    ~ControlPlane();

    /// Begins to poll and check. Services of source `dns` are polled `hold` later, or as soon as release_polls() is
    /// called: what the task's metadata say may change whom they ask, and who draws the subset.
    void start(milliseconds hold);
    void release_polls();
    /// It is known who and where the task is, or known otherwise.
    void set_task(const std::string& identity, const view::Home& home);
    /// From now on `now` counts instead of `before`, which was the configuration until now. What is unchanged goes on
    /// as if nothing had happened; a service that is configured otherwise keeps its members and verdicts.
    void reload(const config::Config& before, const config::Config& now, std::vector<SocketAddress> upstream_servers);
    /// /readyz is 503 from now on.
    void announce_shutdown() { shutting_down_ = true; }
    /// Ends all loops, and writes the snapshot if members have changed; true when they have ended within `limit`.
    asio::awaitable<bool> stop(milliseconds limit);

    view::Publisher& publisher() { return publisher_; }
    /// What the HTTP interface shows of the services, and does to them; `daemon`, `metrics` and `reload` are left to
    /// whoever knows the rest. Its functions may be called as long as the control plane lives.
    http_server::Model model();

    /// Its part of the metrics.
    void collect(Figures& out) const;
    http_server::ReadyStatus ready();
    const upstream::Resolver& resolver() const { return *resolver_; }
    std::uint64_t last_index() const { return last_index_; }

private:
    std::unique_ptr<ServicePlace> make_place(config::Service service);
    std::size_t add_service(const config::Service& service);
    std::map<dns::Name, std::size_t> remove_all_but(const std::vector<config::Service>& wanted,
                                                    std::vector<std::string>& removed);
    std::unique_ptr<SnapshotStore> make_snapshot_store(const std::string& path);
    void renew_snapshot(const std::string& path);
    std::span<const membership::Member> members_of(std::size_t place) const;
    void renew_source(std::size_t place, const config::Service& service);
    void remove_service(std::size_t place);
    void replace_service(std::size_t place, const config::Service& service);
    void start_poll(std::size_t place);
    void stop_poll(std::size_t place);
    void observe_connections();

    void on_observation(std::size_t place, const discovery::Observation& observation, milliseconds next_delay);
    void on_outcome(const health::Checker::Event& event) noexcept;
    void take_in(const health::Checker::Event& event);
    ConnectionWatch::Callbacks connection_callbacks();
    void on_connection(health::ServiceIndex place, const health::ConnectionEvidence& evidence);
    void on_ejection_over(const health::Event& event);
    void on_return(std::size_t place);
    void rebalance();
    asio::awaitable<void> start_polls();
    void on_snapshot(const membership::Snapshot& snapshot);
    membership::Snapshot collect_snapshot() const;
    /// The members of a service changed: who is checked, whose addresses were taken, and what the snapshot holds.
    void on_members(std::size_t place);
    std::set<std::size_t> let_go_of_taken_addresses(std::size_t place);
    void note_local_fault(std::size_t place, const SocketAddress& endpoint, const health::Verdict& verdict);
    /// The service's next deadline may be another.
    void note_deadline(std::size_t place);
    void choose_endpoints(std::size_t place);
    /// Decides and publishes for the service soon: what happens together is published together. Needs no memory.
    void mark_changed(std::size_t place) noexcept;
    void publish_changes();
    void decide_if_changed(std::size_t place, TimePoint now);
    void decide_at_once(std::size_t place);
    void publish();
    asio::awaitable<void> expire_members();
    asio::awaitable<void> watch_demand();
    void keep_house(TimePoint now);
    FindVerdict find_verdict(std::size_t place) const;
    http_server::ServiceStatus summary(std::size_t place) const;
    http_server::ServiceStatus status(std::size_t place) const;
    http_server::ServiceStatus with_live_parts(std::size_t place, http_server::ServiceStatus out) const;

    asio::any_io_executor executor_;
    Events events_;
    std::string identity_;
    upstream::QueryBudget& budget_;
    std::shared_ptr<upstream::Resolver> resolver_;
    Services services_;
    view::Publisher publisher_;
    PublishCounters publish_counters_;
    membership::Claims claims_;
    LocalSources local_sources_;
    std::shared_ptr<health::OwnSockets> own_sockets_;
    ConnectionWatch connections_;
    health::Checker checker_;
    std::unique_ptr<SnapshotStore> snapshot_;
    bool said_that_snapshot_hangs_ = false;
    asio::steady_timer snapshot_timer_;  // the polls' start, while the snapshot is read
    bool polling_ = false;               // it is over
    asio::steady_timer hold_timer_;      // the start of those polls that ask upstream servers
    milliseconds hold_{0};               // 0: they are released
    bool asking_ = false;                // they have begun
    std::optional<view::Home> home_;
    asio::steady_timer expiry_timer_;
    Deadlines deadlines_;
    Alarm publishing_;  // something is marked in its ServicePlace
    bool unpublished_ = false;
    /// Of the last change of any service; never goes back. It begins with the time of the start in milliseconds, so
    /// that an index of a daemon before us, which a client may still have, is none of ours.
    std::uint64_t last_index_;
    TimePoint started_at_;
    TimePoint next_housekeeping_;
    bool ready_once_ = false;
    bool shutting_down_ = false;
    TaskGroup tasks_;  // last: its loops use everything above
};

}  // namespace taskdns::app
