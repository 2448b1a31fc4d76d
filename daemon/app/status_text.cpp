// What `taskdns status` prints. Layer: app.
#include "app/status_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "http_server/plain_words.hpp"
#include "http_server/troubles.hpp"

namespace taskdns::app {
namespace {

using namespace http_server;

Colour colour_of(Level level) {
    switch (level) {
        case Level::well:
            return Colour::green;
        case Level::notice:
            return Colour::dim;
        case Level::warning:
            return Colour::yellow;
        case Level::wrong:
            break;
    }
    return Colour::red;
}

std::string word_of(Level level) { return level == Level::wrong ? "failing" : to_string(level); }

std::string dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string header(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                   const TerminalStyle& style) {
    std::string out =
        format_line(fmt::format("taskdns {}, task {}, up {}, {}", daemon.version, dash(daemon.identity),
                                format_age(daemon.started, daemon.now), daemon.ready.ready ? "ready" : "not ready"),
                    Colour::plain, style);
    if (daemon.task) {
        std::string facts;
        for (const auto& [name, text] : describe(*daemon.task)) {
            facts += fmt::format("{}{} {}", facts.empty() ? "" : ", ", name, text);
        }
        out += format_line(facts, Colour::plain, style);
    }
    const std::vector<Trouble> troubles = find_troubles(daemon, services);
    out += format_line(headline(troubles, services), colour_of(worst(troubles)), style);
    for (const Trouble& trouble : troubles) {
        const std::string who = trouble.service.empty() ? "" : trouble.service + ": ";
        out += format_line(fmt::format("  {:<8} {}{}", word_of(trouble.level), who, trouble.text),
                           colour_of(trouble.level), style);
    }
    for (const std::string& error : daemon.last_reload.errors) {
        out += format_line("  mistake  " + error, Colour::yellow, style);
    }
    return out;
}

std::string service_table(const std::vector<const ServiceStatus*>& services, WallTime now,
                          const TerminalStyle& style) {
    const std::vector<Column> columns{{"SERVICE"},     {""},           {"ANSWERS HOLD", 4},
                                      {"SERVED"},      {"HEALTHY", 5}, {"ALL", 6},
                                      {"DATA AGE", 3}, {"FLAGS", 7},   {"LAST ERROR", 2}};
    std::vector<std::vector<Cell>> rows;
    for (const ServiceStatus* service : services) {
        const Level level = level_of(*service);
        const std::string flags =
            fmt::format("{}{}{}", service->stale ? "stale" : "", service->stale && service->panic ? "," : "",
                        service->panic ? "panic" : "");
        rows.push_back({{service->name},
                        {word_of(level), colour_of(level)},
                        {std::string(explain_rung(service->rung))},
                        {std::to_string(service->counts.served)},
                        {std::to_string(service->counts.healthy)},
                        {std::to_string(service->counts.total)},
                        {service->last_poll ? format_age(service->last_poll->at, now) : "-"},
                        {dash(flags)},
                        {dash(service->last_error)}});
    }
    return format_columns(columns, rows, style);
}

std::string format_check(const std::optional<LastCheck>& check, WallTime now) {
    if (!check) return "none yet";
    std::string out(explain_outcome(check->outcome));
    if (check->http_status != 0) out += fmt::format(" ({})", check->http_status);
    out += fmt::format(", {}, {}", format_latency(check->latency), format_ago(check->at, now));
    return check->detail.empty() ? out : out + ": " + check->detail;
}

std::string format_connections(const std::optional<ConnectionStatus>& connections) {
    if (!connections) return "-";
    std::string out = fmt::format("{} open", connections->open);
    if (connections->rtt.count() != 0) out += ", " + format_latency(connections->rtt);
    if (connections->refused != 0) out += fmt::format(", {} refused", connections->refused);
    if (connections->unanswered != 0) out += fmt::format(", {} unanswered", connections->unanswered);
    return out;
}

std::string format_reason(const EndpointStatus& endpoint, WallTime now) {
    std::string out = endpoint.reason;
    if (endpoint.drained_until) out += " for " + format_age(now, *endpoint.drained_until);
    if (endpoint.reports && endpoint.reports->ejected_until) {
        out += " for " + format_age(now, *endpoint.reports->ejected_until);
    }
    return out;
}

/// A window may have no room for all.
std::vector<const EndpointStatus*> worst_first(const std::vector<EndpointStatus>& endpoints) {
    std::vector<const EndpointStatus*> out;
    for (const bool wrong : {true, false}) {
        for (const EndpointStatus& endpoint : endpoints) {
            if ((level_of(endpoint) >= Level::warning) == wrong) out.push_back(&endpoint);
        }
    }
    return out;
}

std::string endpoint_table(const ServiceStatus& service, WallTime now, const TerminalStyle& style) {
    const bool zones = std::any_of(service.endpoints.begin(), service.endpoints.end(),
                                   [](const EndpointStatus& endpoint) { return !endpoint.zone.empty(); });
    std::vector<Column> columns{{"ENDPOINT"}, {"STATE"},         {"SERVED", 7},      {"WHY"},
                                {"FOR", 5},   {"LAST CHECK", 6}, {"CONNECTIONS", 3}, {"SHARE", 4}};
    if (zones) columns.push_back({"ZONE", 2});
    std::vector<std::vector<Cell>> rows;
    for (const EndpointStatus* one : worst_first(service.endpoints)) {
        const EndpointStatus& endpoint = *one;
        const Colour colour = colour_of(level_of(endpoint));
        rows.push_back({{endpoint.address.to_string()},
                        {endpoint.state, colour},
                        {endpoint.served ? "yes" : "no"},
                        {format_reason(endpoint, now), colour},
                        {format_age(endpoint.since, now)},
                        {format_check(endpoint.last_check, now)},
                        {format_connections(endpoint.connections)},
                        {format_percent(endpoint.share)}});
        if (zones) rows.back().push_back({dash(endpoint.zone)});
    }
    return format_columns(columns, rows, style);
}

std::string service_part(const ServiceStatus& service, WallTime now, const TerminalStyle& style) {
    std::string line = fmt::format("{}: registry {}", service.name, explain_registry(service.basis));
    line += fmt::format("; {} answers", service.rotation.answers);
    for (std::size_t i = 0; i < service.rotation.next.size(); ++i) {
        line += (i == 0 ? ", next " : " ") + service.rotation.next[i].to_string();
    }
    std::string out = "\n" + format_line(line, Colour::plain, style);
    if (service.endpoints.empty()) return out + format_line("  no endpoint is known", Colour::dim, style);
    return out + endpoint_table(service, now, style);
}

std::string upstream_table(const DaemonStatus& daemon, const TerminalStyle& style) {
    const std::vector<Column> columns{{"UPSTREAM"},      {"STATE"},          {"QUERIES", 4},   {"FAILED", 5},
                                      {"ROUND TRIP", 3}, {"LAST ANSWER", 2}, {"LAST ERROR", 1}};
    std::vector<std::vector<Cell>> rows;
    for (const UpstreamServerStatus& server : daemon.upstream) {
        rows.push_back({{server.address.to_string()},
                        {server.state, colour_of(level_of(server))},
                        {std::to_string(server.queries)},
                        {std::to_string(server.failures)},
                        {server.rtt.count() == 0 ? "-" : format_latency(server.rtt)},
                        {server.last_answer ? format_age(*server.last_answer, daemon.now) : "-"},
                        {dash(server.last_error)}});
    }
    return "\n" + format_columns(columns, rows, style);
}

}  // namespace

std::string status_text(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                        const TerminalStyle& style) {
    std::vector<const ServiceStatus*> sorted;
    sorted.reserve(services.size());
    for (const ServiceStatus& service : services) sorted.push_back(&service);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const ServiceStatus* a, const ServiceStatus* b) { return level_of(*a) > level_of(*b); });
    std::string out = header(daemon, services, style);
    if (!sorted.empty()) out += "\n" + service_table(sorted, daemon.now, style);
    for (const ServiceStatus* service : sorted) out += service_part(*service, daemon.now, style);
    if (!daemon.upstream.empty()) out += upstream_table(daemon, style);
    return out;
}

}  // namespace taskdns::app
