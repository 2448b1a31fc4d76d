// The daemon's own state as JSON and as text. Layer: http_server.
#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "http_server/json_text.hpp"
#include "http_server/json_values.hpp"
#include "http_server/plain_words.hpp"
#include "http_server/status_page.hpp"

namespace taskdns::http_server {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& lines) { return json::array(lines.begin(), lines.end()); }

json::array texts(const std::vector<SocketAddress>& addresses) {
    json::array out;
    for (const SocketAddress& address : addresses) out.emplace_back(address.to_string());
    return out;
}

json::array texts(const std::vector<IpAddress>& addresses) {
    json::array out;
    for (const IpAddress& address : addresses) out.emplace_back(address.to_string());
    return out;
}

json::value resolv_conf_or_null(const std::optional<ResolvConfStatus>& file) {
    if (!file) return nullptr;
    return json::object{{"path", file->path},
                        {"state", file->state},
                        {"servers", texts(file->servers)},
                        {"saved", texts(file->saved)},
                        {"last_error", text_or_null(file->last_error)}};
}

json::array missing(const ReadyStatus& ready) {
    json::array out;
    for (const auto& [service, reason] : ready.missing) {
        out.push_back(json::object{{"service", text_or_null(service)}, {"reason", reason}});
    }
    return out;
}

json::object server_object(const UpstreamServerStatus& server) {
    json::object out{{"address", server.address.address.to_string()},
                     {"port", server.address.port},
                     {"state", server.state},
                     {"queries", server.queries},
                     {"failures", server.failures},
                     {"rtt_ms", nullptr},
                     {"last_answer", server.last_answer ? time_or_null(*server.last_answer) : json::value()},
                     {"last_error", text_or_null(server.last_error)}};
    if (server.rtt.count() != 0) out["rtt_ms"] = rounded(static_cast<double>(server.rtt.count()) / 1000);
    return out;
}

json::value task_object(const std::optional<TaskStatus>& task) {
    if (!task) return nullptr;
    return json::object{{"id", text_or_null(task->id)},
                        {"family", text_or_null(task->family)},
                        {"cluster", text_or_null(task->cluster)},
                        {"service", text_or_null(task->service)},
                        {"zone", text_or_null(task->zone)}};
}

seconds uptime(const DaemonStatus& daemon) {
    // The wall clock may have been set back since.
    return std::max(seconds{0}, std::chrono::duration_cast<seconds>(daemon.now - daemon.started));
}

}  // namespace

std::string daemon_json(const DaemonStatus& daemon) {
    json::array upstream;
    for (const UpstreamServerStatus& server : daemon.upstream) upstream.push_back(server_object(server));
    const ReloadStatus& reload = daemon.last_reload;
    return format_json(json::object{{"version", daemon.version},
                                    {"identity", text_or_null(daemon.identity)},
                                    {"task", task_object(daemon.task)},
                                    {"started", time_or_null(daemon.started)},
                                    {"now", time_or_null(daemon.now)},
                                    {"uptime_seconds", uptime(daemon).count()},
                                    {"ready", daemon.ready.ready},
                                    {"missing", missing(daemon.ready)},
                                    {"configuration", texts(daemon.configuration)},
                                    {"last_reload", json::object{{"at", time_or_null(reload.at)},
                                                                 {"trigger", text_or_null(reload.trigger)},
                                                                 {"outcome", text_or_null(reload.outcome)},
                                                                 {"errors", texts(reload.errors)}}},
                                    {"dns_listeners", texts(daemon.dns_listeners)},
                                    {"http_listeners", texts(daemon.http_listeners)},
                                    {"upstream", std::move(upstream)},
                                    {"upstream_from", text_or_null(daemon.upstream_from)},
                                    {"resolv_conf", resolv_conf_or_null(daemon.resolv_conf)},
                                    {"index", daemon.index}});
}

std::string daemon_text(const DaemonStatus& daemon) {
    std::string out = fmt::format("taskdns {}, task {}, up {}, {}\n", daemon.version,
                                  daemon.identity.empty() ? "-" : daemon.identity,
                                  format_age(daemon.started, daemon.now), daemon.ready.ready ? "ready" : "not ready");
    for (const auto& [service, reason] : daemon.ready.missing) {
        out += fmt::format("missing: {}{}{}\n", service, service.empty() ? "" : ": ", reason);
    }
    for (const SocketAddress& address : daemon.dns_listeners) out += "dns: " + address.to_string() + "\n";
    for (const SocketAddress& address : daemon.http_listeners) out += "http: " + address.to_string() + "\n";
    for (const std::string& source : daemon.configuration) out += "configuration: " + source + "\n";
    out += fmt::format("last reload: {} {} ({})\n", format_wall_time(daemon.last_reload.at),
                       daemon.last_reload.outcome, daemon.last_reload.trigger);
    for (const std::string& error : daemon.last_reload.errors) out += "mistake: " + error + "\n";
    if (daemon.task) {
        for (const auto& [name, text] : describe(*daemon.task)) out += fmt::format("{}: {}\n", name, text);
    }
    for (const UpstreamServerStatus& server : daemon.upstream) {
        out += fmt::format("upstream: {} {}, {} queries, {} failed", server.address.to_string(), server.state,
                           server.queries, server.failures);
        if (server.rtt.count() != 0) out += ", " + format_latency(server.rtt);
        out += server.last_error.empty() ? "\n" : ", last error: " + server.last_error + "\n";
    }
    if (!daemon.upstream_from.empty()) out += "upstream from: " + daemon.upstream_from + "\n";
    if (daemon.resolv_conf) out += "resolv.conf: " + describe(*daemon.resolv_conf) + "\n";
    return out;
}

}  // namespace taskdns::http_server
