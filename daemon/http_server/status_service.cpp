// One service on the status page: its facts, its rotation, its endpoints. Layer: http_server.
#include <algorithm>

#include <fmt/format.h>

#include "http_server/plain_words.hpp"
#include "http_server/status_parts.hpp"

namespace taskdns::http_server {
namespace {

/// Which columns have anything to say.
struct Columns {
    bool zone = false;
    bool weight = false;
    bool registry = false;
};

Columns columns_of(const std::vector<const EndpointStatus*>& endpoints) {
    Columns out;
    for (const EndpointStatus* endpoint : endpoints) {
        out.zone = out.zone || !endpoint->zone.empty();
        out.weight = out.weight || endpoint->weight != 1;
        out.registry = out.registry || !endpoint->present;
    }
    return out;
}

void add_fact(Html& html, std::string_view name, const std::string& text) {
    if (!text.empty()) html.raw("<div><dt>").text(name).raw("</dt><dd>").text(text).raw("</dd></div>");
}

std::string join(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

std::string describe_poll(const ServiceStatus& service, WallTime now) {
    if (!service.last_poll) return "never";
    const PollStatus& poll = *service.last_poll;
    std::string out = poll.outcome + " " + format_ago(poll.at, now);
    if (poll.ttl) out += ", TTL " + format_duration(*poll.ttl);
    return poll.error.empty() ? out : out + ": " + poll.error;
}

std::string describe_registry(const ServiceStatus& service) {
    std::string out(explain_registry(service.basis));
    if (service.coverage && *service.coverage < 1) out += "; about " + format_percent(*service.coverage) + " known";
    return out;
}

std::string describe_observe(const ObserveStatus& observe) {
    if (observe.state == "on") return "taken as evidence";
    return observe.state + (observe.reason.empty() ? "" : ": " + observe.reason);
}

void add_facts(Html& html, const ServiceStatus& service, WallTime now) {
    html.raw("<dl class=\"facts\">");
    add_fact(html, "also called", join(service.aliases));
    add_fact(html, "answers", std::string(explain_rung(service.rung)));
    if (service.stale) add_fact(html, "stale", "some served endpoints are not named by the registry now");
    if (service.panic) add_fact(html, "panic", "too many fail; those in doubt are served with the healthy");
    add_fact(html, "registry (" + service.source + ")", describe_registry(service));
    add_fact(html, "last poll", describe_poll(service, now));
    add_fact(html, "last poll error", service.last_error);
    if (!service.zone.empty()) {
        add_fact(html, "our zone", service.zone + (service.zone_preferred ? ", preferred" : ""));
    }
    add_fact(html, "connections", describe_observe(service.observe));
    html.raw("</dl>");
}

void add_rotation(Html& html, const RotationStatus& rotation) {
    html.raw("<div class=\"rotation\"><p>Answers so far: <b>").raw(std::to_string(rotation.answers)).raw("</b>");
    if (rotation.next.empty()) {
        html.raw("</p></div>");
        return;
    }
    html.raw(". First in the next ones:</p><ol data-mark=\"").raw(std::to_string(rotation.answers)).raw("\">");
    for (const SocketAddress& address : rotation.next) html.raw("<li>").text(address.to_string()).raw("</li>");
    html.raw("</ol></div>");
}

void add_state(Html& html, const EndpointStatus& endpoint, Level level) {
    const LevelSign sign = sign_of(level);
    html.raw("<td class=\"st\"><span class=\"sign\" aria-hidden=\"true\">").raw(sign.sign).raw("</span> ");
    html.text(endpoint.state).raw(endpoint.served ? ", <b>served</b>" : ", not served").raw("</td>");
}

/// "for 4 min" until then.
std::string time_left(WallTime until, WallTime now) {
    if (until == WallTime::max()) return "until undrained";
    return "for " + format_age(now, until);
}

void add_reason(Html& html, const EndpointStatus& endpoint, WallTime now) {
    html.raw("<td class=\"why\"><code>").text(endpoint.reason).raw("</code>");
    if (endpoint.reason != "served") {
        html.raw("<small>").text(explain_reason(endpoint.reason, endpoint.served)).raw("</small>");
    }
    if (endpoint.drained_until) {
        html.raw("<small>drained ").text(time_left(*endpoint.drained_until, now)).raw("</small>");
    }
    if (endpoint.reports) {
        const ReportStatus& reports = *endpoint.reports;
        html.raw("<small>");
        if (reports.ejected_until) html.raw("ejected ").text(time_left(*reports.ejected_until, now)).raw("; ");
        html.raw(std::to_string(reports.failures)).raw(" failures reported</small>");
    }
    html.raw("</td>");
}

void add_check(Html& html, const std::optional<LastCheck>& check, WallTime now) {
    html.raw("<td class=\"chk\">");
    if (!check) {
        html.raw("none yet</td>");
        return;
    }
    html.text(explain_outcome(check->outcome));
    if (check->http_status != 0) html.raw(" (HTTP ").raw(std::to_string(check->http_status)).raw(")");
    html.raw(", ").raw(format_latency(check->latency));
    html.raw("<small>").raw(format_ago(check->at, now));
    if (!check->detail.empty()) html.raw(": ").text(check->detail);
    html.raw("</small></td>");
}

void add_connections(Html& html, const std::optional<ConnectionStatus>& connections) {
    html.raw(connections ? "<td class=\"con\">" : "<td class=\"con none\">");
    if (!connections) {
        html.raw("-</td>");
        return;
    }
    html.raw(std::to_string(connections->open)).raw(" open");
    if (connections->rtt.count() != 0) html.raw(", round trip ").raw(format_latency(connections->rtt));
    html.raw("<small>");
    std::string separator;
    const auto add = [&](std::uint64_t number, std::string_view word) {
        if (number == 0) return;
        html.raw(separator).raw(std::to_string(number)).raw(" ").raw(word);
        separator = ", ";
    };
    add(connections->answered, "answered");
    add(connections->refused, "refused");
    add(connections->unanswered, "unanswered");
    add(connections->retransmits, "resent");
    html.raw("</small></td>");
}

void add_endpoint(Html& html, const EndpointStatus& endpoint, const Columns& columns, bool next, WallTime now) {
    const Level level = level_of(endpoint);
    const std::string address = endpoint.address.to_string();
    html.raw("<tr class=\"").raw(to_string(level)).raw("\" data-key=\"").raw(address).raw("\" data-mark=\"");
    html.text(endpoint.state + " " + endpoint.reason).raw(endpoint.served ? " served\">" : "\">");
    html.raw("<th scope=\"row\">").raw(address);
    if (next) html.raw(" <span class=\"tag\">next</span>");
    html.raw("</th>");
    add_state(html, endpoint, level);
    add_reason(html, endpoint, now);
    html.raw("<td class=\"age\">").raw(format_age(endpoint.since, now)).raw("</td>");
    add_check(html, endpoint.last_check, now);
    add_connections(html, endpoint.connections);
    html.raw("<td class=\"shr\">").raw(format_percent(endpoint.share)).raw("</td>");
    if (columns.weight) html.raw("<td class=\"wgt\">").raw(std::to_string(endpoint.weight)).raw("</td>");
    if (columns.zone) html.raw("<td class=\"zon\">").text(endpoint.zone.empty() ? "-" : endpoint.zone).raw("</td>");
    if (columns.registry) {
        html.raw("<td class=\"reg\">").text(explain_presence(endpoint.presence));
        if (!endpoint.present) html.raw("<small>seen ").raw(format_ago(endpoint.last_seen, now)).raw("</small>");
        html.raw("</td>");
    }
    html.raw("</tr>\n");
}

void add_endpoints(Html& html, const ShownService& service, WallTime now) {
    const Columns columns = columns_of(service.endpoints);
    html.raw("<table class=\"cards\"><caption>Endpoints of ").text(service.status->name).raw("</caption><thead><tr>");
    html.raw("<th scope=\"col\">endpoint</th><th scope=\"col\">state</th><th scope=\"col\">why</th>");
    html.raw("<th scope=\"col\">since</th><th scope=\"col\">last check</th>");
    html.raw("<th scope=\"col\">the application's connections</th><th scope=\"col\">share of answers</th>");
    if (columns.weight) html.raw("<th scope=\"col\">weight</th>");
    if (columns.zone) html.raw("<th scope=\"col\">zone</th>");
    if (columns.registry) html.raw("<th scope=\"col\">registry</th>");
    html.raw("</tr></thead><tbody>\n");
    const auto& turns = service.status->rotation.next;
    for (const EndpointStatus* endpoint : service.endpoints) {
        add_endpoint(html, *endpoint, columns, !turns.empty() && turns.front() == endpoint->address, now);
    }
    html.raw("</tbody></table>");
}

}  // namespace

void add_service_section(Html& html, const ShownService& service, WallTime now, bool open) {
    const ServiceStatus& status = *service.status;
    html.raw("<details class=\"service ").raw(to_string(service.level)).raw("\" data-key=\"s-").text(status.name);
    html.raw(open ? "\" open>" : "\">").raw("<summary><h3>").text(status.name).raw("</h3> ");
    add_badge(html, service.level);
    html.raw(" <span>").raw(fmt::format("{} of {} served", status.counts.served, status.counts.total));
    html.raw("</span></summary><div id=\"s-").text(status.name).raw("\" class=\"inside\">");
    add_facts(html, status, now);
    if (status.counts.total != 0 || status.rotation.answers != 0) add_rotation(html, status.rotation);
    if (!service.endpoints.empty()) add_endpoints(html, service, now);
    if (const std::size_t total = std::max(status.counts.total, status.endpoints.size());
        total > service.endpoints.size()) {
        html.raw("<p class=\"more\">").raw(std::to_string(total - service.endpoints.size()));
        html.raw(service.endpoints.empty() ? " endpoints" : " more endpoints")
            .raw(", not shown here: <a href=\"/v1/services/");
        html.raw(escape_url(status.name)).raw("\">all of them</a></p>");
    } else if (total == 0) {
        html.raw("<p class=\"more\">No endpoint is known.</p>");
    }
    html.raw("</div></details>\n");
}

}  // namespace taskdns::http_server
