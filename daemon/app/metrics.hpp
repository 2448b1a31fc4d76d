// The daemon's figures, gathered at one moment, and what is written of them: Prometheus text (docs/metrics.md).
// Layer: app (may include all). Threads: the control thread; counters of the dns thread are read as they are.
//
// Labels are bounded whatever is asked for: configured services, configured upstream servers, fixed words. Never a
// name that somebody asks for, a client, or an endpoint's address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/resolv_conf_keeper.hpp"
#include "app/service_state.hpp"
#include "app/snapshot_store.hpp"
#include "app/task_metadata.hpp"
#include "base/asio_memory.hpp"
#include "base/histogram.hpp"
#include "base/metrics_text.hpp"
#include "base/process_figures.hpp"
#include "base/time.hpp"
#include "dns_server/answer.hpp"
#include "forward/counters.hpp"
#include "health/checker.hpp"
#include "health/connection_observer.hpp"
#include "http_server/listener.hpp"
#include "task/confinement.hpp"
#include "upstream/query_budget.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::app {

struct ServiceFigures {
    /// As health::to_string() and /v1/services have them.
    static constexpr std::array<const char*, 4> states{"healthy", "unhealthy", "pending", "unchecked"};
    static constexpr std::size_t presences = static_cast<std::size_t>(membership::Presence::held_snapshot) + 1;

    std::string name;
    ServiceState::Tally tally;
    std::uint64_t unusable_addresses = 0;
    std::optional<Duration> answer_age;  ///< since a poll was last answered; null: none has been
    std::optional<Duration> next_poll;   ///< until then; negative: it is being made
    std::array<std::size_t, presences> by_presence{};
    std::array<std::size_t, states.size()> by_state{};
    std::size_t served = 0;
    std::size_t drained = 0;
    std::size_t ejected = 0;  ///< by the application's reports
    std::optional<double> coverage;
    bool guarded = false;
    std::uint64_t overflows = 0;
    view::Rung rung = view::Rung::not_ready;
    bool stale = false;
    bool panic = false;
    std::uint64_t open_connections = 0;
};

/// Without its open connections.
ServiceFigures service_figures(const ServiceState& state, TimePoint now);

/// How long it takes to decide and to publish: microseconds for a small service, a millisecond for a thousand
/// endpoints.
inline constexpr std::array<std::chrono::nanoseconds, 9> publish_time_bounds{
    std::chrono::microseconds(50),  std::chrono::microseconds(100), std::chrono::microseconds(250),
    std::chrono::microseconds(500), std::chrono::milliseconds(1),   std::chrono::microseconds(2500),
    std::chrono::milliseconds(5),   std::chrono::milliseconds(10),  std::chrono::milliseconds(100)};

/// Of the publications, kept by who publishes.
struct PublishCounters {
    Counter publications;
    Histogram time{publish_time_bounds};  ///< of deciding and publishing what happened together
};

/// What asks the upstream servers: the polls, or the forwarder.
struct UpstreamFigures {
    const char* purpose = "";
    const std::vector<SocketAddress>* servers = nullptr;
    const std::vector<upstream::ServerCounters>* counters = nullptr;
    const upstream::Ignored* ignored = nullptr;
};

/// How the configuration was read, the start included.
struct ReloadFigures {
    std::uint64_t applied = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t failed = 0;
    bool last_failed = false;
    WallTime last_at;  ///< of the last that did not fail
};

/// What there was no memory for, and what became of it.
struct MemoryFigures {
    std::uint64_t caught = 0;   ///< exceptions that reached an event loop
    std::uint64_t revived = 0;  ///< loops that were begun again
    std::uint64_t retried = 0;  ///< times that something could not be done, and is tried again
    asio_memory::Figures reserve;

    static MemoryFigures read();
};

/// Everything at one moment. What is null belongs to a part that is not there; pointers are borrowed for one writing.
struct Figures {
    TimePoint now;
    WallTime wall_now;
    WallTime started;

    std::vector<ServiceFigures> services;
    std::uint64_t index = 0;
    const PublishCounters* publish = nullptr;
    const health::Counters* health = nullptr;
    std::uint64_t spared_probes = 0;
    std::uint64_t probes_in_flight = 0;
    std::uint64_t targets = 0;
    const health::ConnectionObserver::Counters* observer = nullptr;
    std::array<std::uint64_t, 4> observed_services{};  ///< by `observe_states`
    static constexpr std::array<const char*, 4> observe_states{"on", "nothing_seen", "unavailable", "off"};
    std::vector<UpstreamFigures> upstream;
    std::uint64_t budget_waits = 0;
    double budget_used = 0;
    std::optional<SnapshotStore::Figures> snapshot;

    const dns_server::Counters* dns_server = nullptr;
    const forward::Counters* forward = nullptr;
    const http_server::Counters* http_server = nullptr;
    std::optional<ReloadFigures> reload;
    const TaskMetadataFigures* task_metadata = nullptr;
    ResolvConfFigures resolv_conf;
    std::uint64_t dropped_log_lines = 0;
    MemoryFigures memory;
    ProcessFigures process;
    task::Confinement confinement;
};

/// Version 0.0.4 of the text format: what `GET /metrics` answers.
std::string metrics_text(const Figures& figures);

// Its parts, in its order; each in the file of its name.
void write_dns_metrics(MetricsText& out, const Figures& figures);
void write_service_metrics(MetricsText& out, const std::vector<ServiceFigures>& services);
void write_control_metrics(MetricsText& out, const Figures& figures);
void write_upstream_metrics(MetricsText& out, const Figures& figures);
void write_daemon_metrics(MetricsText& out, const Figures& figures);

}  // namespace taskdns::app
