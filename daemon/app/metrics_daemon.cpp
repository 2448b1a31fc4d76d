// What the daemon does beside DNS: views, checks, HTTP, files, and what it takes of its host. Layer: app.
#include <array>

#include "app/event_loop.hpp"
#include "app/metrics.hpp"
#include "base/alarm.hpp"
#include "base/task_group.hpp"
#include "base/version.hpp"

namespace taskdns::app {

MemoryFigures MemoryFigures::read() {
    return {caught_by_loops(), TaskGroup::revived(), Alarm::failures(), asio_memory::figures()};
}

namespace {

using Type = MetricsText::Type;

double since_1970(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

void write_health(MetricsText& out, const Figures& figures) {
    out.counter("taskdns_health_probes_total", "Probes that have ended, by outcome.");
    for (std::size_t i = 1; i < figures.health->outcomes.size(); ++i) {  // 0: `nothing`, only where we are stopping
        out.sample({{"outcome", health::to_string(static_cast<health::Observed>(i))}},
                   figures.health->outcomes[i].value());
    }
    out.family(Type::histogram, "taskdns_health_probe_seconds",
               "How long a probe took that says something of its endpoint.");
    out.histogram({}, figures.health->probe_time.read());
    out.counter("taskdns_health_spared_probes_total",
                "Probes not made because the application's own connections had said it already.");
    out.sample({}, figures.spared_probes);
    out.gauge("taskdns_health_probes_in_flight", "Probes that are being made.");
    out.sample({}, figures.probes_in_flight);
    out.gauge("taskdns_health_targets", "What is probed: each once, however many services share it.");
    out.sample({}, figures.targets);
}

void write_observer(MetricsText& out, const Figures& figures) {
    out.gauge("taskdns_health_observed_services",
              "Services by whether the application's own connections are evidence for them.");
    for (std::size_t i = 0; i < Figures::observe_states.size(); ++i) {
        out.sample({{"state", Figures::observe_states[i]}}, figures.observed_services[i]);
    }
    out.counter("taskdns_health_connection_events_total", "Ends of connections that the kernel told of.");
    out.sample({}, figures.observer->events.value());
    out.counter("taskdns_health_connection_losses_total", "Times that the kernel had to drop such events.");
    out.sample({}, figures.observer->events_lost.value());
    out.counter("taskdns_health_connection_dumps_total", "Whole lists of open connections that were read.");
    out.sample({}, figures.observer->dumps.value());
    out.counter("taskdns_health_connection_dump_failures_total", "Lists of open connections that could not be read.");
    out.sample({}, figures.observer->failed_dumps.value());
}

void write_http_server(MetricsText& out, const http_server::Counters& counters) {
    static constexpr std::array<const char*, 6> classes{"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    out.counter("taskdns_http_server_requests_total", "HTTP requests read whole.");
    out.sample({}, counters.requests.value());
    out.counter("taskdns_http_server_responses_total", "HTTP responses, those to refused requests too.");
    for (std::size_t i = 2; i < classes.size(); ++i)
        out.sample({{"class", classes[i]}}, counters.responses[i].value());
    out.counter("taskdns_http_server_connections_total", "HTTP connections accepted, whatever became of them.");
    out.sample({}, counters.connections.value());
    out.gauge("taskdns_http_server_connections_open", "HTTP connections that are open now.");
    out.sample({}, counters.open_connections.value());
    out.gauge("taskdns_http_server_watchers", "Clients that wait for a change: blocking queries and event streams.");
    out.sample({{"kind", "query"}}, counters.watchers.value());
    out.sample({{"kind", "stream"}}, counters.event_streams.value());
    out.counter("taskdns_http_server_events_total", "Changes written for event streams, once for all of them.");
    out.sample({}, counters.events.value());
    out.counter("taskdns_http_server_limits_total", "What met a limit: of connections, or of watchers.");
    out.sample({{"limit", "crowded"}}, counters.crowded_connections.value());
    out.sample({{"limit", "evicted"}}, counters.evicted_connections.value());
    out.sample({{"limit", "rejected"}}, counters.rejected_connections.value());
    out.sample({{"limit", "watchers"}}, counters.rejected_watchers.value());
    out.counter("taskdns_http_server_bad_requests_total", "HTTP requests malformed, over a limit, or too slow.");
    out.sample({}, counters.bad_requests.value());
    out.counter("taskdns_http_server_broken_connections_total",
                "HTTP connections ended by an error, or by a peer that did not take its answer.");
    out.sample({}, counters.broken_connections.value());
    out.counter("taskdns_http_server_accept_failures_total", "HTTP connections that could not be accepted.");
    out.sample({}, counters.accept_errors.value());
}

void write_snapshot(MetricsText& out, const SnapshotStore::Figures& snapshot, WallTime now) {
    out.counter("taskdns_snapshot_writes_total", "Times that the snapshot was written.");
    out.sample({}, snapshot.writes);
    out.counter("taskdns_snapshot_failures_total", "Times that the snapshot could not be read or written.");
    out.sample({}, snapshot.failures);
    out.gauge("taskdns_snapshot_age_seconds", "Since the snapshot was written; absent while there is none.");
    if (snapshot.written) out.sample({}, since_1970(now) - since_1970(*snapshot.written));
}

void write_reloads(MetricsText& out, const ReloadFigures& reload) {
    out.counter("taskdns_config_reloads_total", "Times that the configuration was read, the start included.");
    out.sample({{"outcome", "applied"}}, reload.applied);
    out.sample({{"outcome", "unchanged"}}, reload.unchanged);
    out.sample({{"outcome", "failed"}}, reload.failed);
    out.gauge("taskdns_config_last_reload_successful", "0 while the configuration on disk has a mistake, else 1.");
    out.sample({}, reload.last_failed ? 0U : 1U);
    out.gauge("taskdns_config_last_success_timestamp_seconds",
              "When the configuration was last read without a mistake.");
    out.sample({}, since_1970(reload.last_at));
}

void write_resolv_conf(MetricsText& out, const ResolvConfFigures& file) {
    out.gauge("taskdns_resolv_conf_failing", "1 while resolv.conf is to name taskdns and cannot, else 0.");
    out.sample({}, file.failing ? 1U : 0U);
    out.counter("taskdns_resolv_conf_writes_total", "Times that resolv.conf was written to name taskdns.");
    out.sample({}, file.writes);
    out.counter("taskdns_resolv_conf_failures_total", "Times that resolv.conf could not be read or written.");
    out.sample({}, file.failures);
}

void write_task_metadata(MetricsText& out, const TaskMetadataFigures& requests) {
    out.counter("taskdns_task_metadata_requests_total", "Times that the task's metadata were asked for.");
    out.sample({{"outcome", "answered"}}, requests.answered);
    out.sample({{"outcome", "failed"}}, requests.failed);
}

void write_memory(MetricsText& out, const MemoryFigures& memory) {
    out.counter("taskdns_recoveries_total", "What went on after an exception, mostly for want of memory.");
    out.sample({{"what", "handler"}}, memory.caught);
    out.sample({{"what", "loop"}}, memory.revived);
    out.sample({{"what", "action"}}, memory.retried);
    out.counter("taskdns_memory_reserve_total", "Blocks that the heap did not have: asked of the reserve.");
    out.sample({{"outcome", "served"}}, memory.reserve.served);
    out.sample({{"outcome", "refused"}}, memory.reserve.refused);
    out.gauge("taskdns_memory_reserve_blocks", "Blocks of the reserve in use.");
    out.sample({}, memory.reserve.in_use);
}

void write_confinement(MetricsText& out, const task::Confinement& now) {
    out.gauge("taskdns_privileges_info", "1, with what this process may do beyond any other.");
    out.sample(
        {{"capabilities", now.capabilities_text()}, {"no_new_privs", now.no_new_privileges ? "true" : "false"}}, 1U);
    out.gauge("taskdns_sandbox_enabled", "1 while system calls without a use here are refused, else 0.");
    out.sample({}, now.sandboxed ? 1U : 0U);
    out.counter("taskdns_sandbox_denied_calls_total", "System calls that were refused.");
    out.sample({}, now.denied_calls);
}

void write_process(MetricsText& out, const ProcessFigures& process, WallTime started) {
    out.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
    out.sample({}, since_1970(started));
    out.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
    if (process.cpu_seconds) out.sample({}, *process.cpu_seconds);
    out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
    if (process.resident_bytes) out.sample({}, *process.resident_bytes);
    out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
    if (process.virtual_bytes) out.sample({}, *process.virtual_bytes);
    out.gauge("process_open_fds", "Number of open file descriptors.");
    if (process.open_descriptors) out.sample({}, *process.open_descriptors);
    out.gauge("process_max_fds", "Maximum number of open file descriptors.");
    if (process.most_descriptors) out.sample({}, *process.most_descriptors);
    out.gauge("process_threads", "Number of OS threads in the process.");
    if (process.threads) out.sample({}, *process.threads);
}

}  // namespace

void write_control_metrics(MetricsText& out, const Figures& figures) {
    out.gauge("taskdns_view_index", "The index of the last change of any service.");
    out.sample({}, figures.index);
    if (figures.publish != nullptr) {
        out.counter("taskdns_view_publications_total", "Views published.");
        out.sample({}, figures.publish->publications.value());
        out.family(Type::histogram, "taskdns_view_publish_seconds",
                   "How long it took to decide, and to publish, what happened together.");
        out.histogram({}, figures.publish->time.read());
    }
    if (figures.health != nullptr) write_health(out, figures);
    if (figures.observer != nullptr) write_observer(out, figures);
    if (figures.snapshot) write_snapshot(out, *figures.snapshot, figures.wall_now);
}

void write_daemon_metrics(MetricsText& out, const Figures& figures) {
    if (figures.http_server != nullptr) write_http_server(out, *figures.http_server);
    if (figures.reload) write_reloads(out, *figures.reload);
    write_resolv_conf(out, figures.resolv_conf);
    if (figures.task_metadata != nullptr) write_task_metadata(out, *figures.task_metadata);
    out.counter("taskdns_log_dropped_lines_total",
                "Log lines lost because their reader did not keep up, or for want of memory.");
    out.sample({}, figures.dropped_log_lines);
    write_memory(out, figures.memory);
    out.gauge("taskdns_build_info", "1, with the version, and the compiler that built it.");
    out.sample({{"version", version}, {"compiler", __VERSION__}}, 1U);
    write_confinement(out, figures.confinement);
    write_process(out, figures.process, figures.started);
}

std::string metrics_text(const Figures& figures) {
    MetricsText out;
    write_dns_metrics(out, figures);
    write_service_metrics(out, figures.services);
    write_control_metrics(out, figures);
    write_upstream_metrics(out, figures);
    write_daemon_metrics(out, figures);
    return out.take();
}

}  // namespace taskdns::app
