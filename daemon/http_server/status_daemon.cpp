// The daemon itself on the status page: its upstream servers and its own facts. Layer: http_server.
#include <fmt/format.h>

#include "http_server/plain_words.hpp"
#include "http_server/status_parts.hpp"

namespace taskdns::http_server {
namespace {

void add_server(Html& html, const UpstreamServerStatus& server, WallTime now) {
    const Level level = level_of(server);
    const std::string address = server.address.to_string();
    html.raw("<tr class=\"").raw(to_string(level)).raw("\" data-key=\"u-").raw(address).raw("\" data-mark=\"");
    html.text(server.state).raw("\"><th scope=\"row\">").raw(address).raw("</th>");
    html.raw("<td class=\"st\"><span class=\"sign\" aria-hidden=\"true\">").raw(sign_of(level).sign).raw("</span> ");
    html.text(server.state == "not_asked" ? "not asked yet" : server.state).raw("</td>");
    html.raw("<td class=\"que\">").raw(std::to_string(server.queries)).raw("</td>");
    html.raw("<td class=\"fai\">").raw(std::to_string(server.failures));
    if (server.failures != 0 && server.queries != 0) {
        const double share = static_cast<double>(server.failures) / static_cast<double>(server.queries);
        html.raw(" (").text(format_percent(share)).raw(")");
    }
    html.raw("</td><td class=\"rtt\">").raw(server.rtt.count() == 0 ? "-" : format_latency(server.rtt));
    html.raw("</td><td class=\"ans\">").raw(server.last_answer ? format_age(*server.last_answer, now) : "-");
    html.raw("</td>");
    add_error(html, server.last_error);
    html.raw("</tr>\n");
}

void add_fact(Html& html, std::string_view name, const std::string& text) {
    html.raw("<div><dt>").text(name).raw("</dt><dd>").text(text).raw("</dd></div>");
}

std::string join(const std::vector<SocketAddress>& addresses) {
    std::string out;
    for (const SocketAddress& address : addresses) out += (out.empty() ? "" : ", ") + address.to_string();
    return out.empty() ? "none" : out;
}

void add_reload(Html& html, const ReloadStatus& reload, WallTime now) {
    add_fact(html, "configuration read", format_ago(reload.at, now) + " (" + reload.trigger + "): " + reload.outcome);
    if (reload.errors.empty()) return;
    html.raw("<div><dt>its mistakes</dt><dd><ul class=\"mistakes\">");
    for (const std::string& error : reload.errors) html.raw("<li>").text(error).raw("</li>");
    html.raw("</ul></dd></div>");
}

}  // namespace

void add_upstream(Html& html, const std::vector<UpstreamServerStatus>& servers, WallTime now) {
    if (servers.empty()) return;
    html.raw(
        "<section id=\"upstream\"><h2>Upstream servers</h2><table class=\"cards\"><caption>Who is asked for the ");
    html.raw("services, and for every other name</caption><thead><tr><th scope=\"col\">server</th>");
    html.raw("<th scope=\"col\">state</th><th scope=\"col\">queries</th><th scope=\"col\">failed</th>");
    html.raw("<th scope=\"col\">round trip</th><th scope=\"col\">last answer (age)</th>");
    html.raw("<th scope=\"col\">last error</th></tr></thead><tbody>\n");
    for (const UpstreamServerStatus& server : servers) add_server(html, server, now);
    html.raw("</tbody></table></section>\n");
}

void add_daemon(Html& html, const DaemonStatus& daemon) {
    html.raw("<section id=\"daemon\"><h2>This taskdns</h2><dl class=\"facts\">");
    add_fact(html, "version", daemon.version);
    add_fact(html, "task", daemon.identity.empty() ? "-" : daemon.identity);
    if (daemon.task) {
        for (const auto& [name, text] : describe(*daemon.task)) add_fact(html, name, text);
    }
    add_fact(html, "started", format_wall_time(daemon.started));
    add_fact(html, "running for", format_age(daemon.started, daemon.now));
    add_fact(html, "ready", daemon.ready.ready ? "yes" : "no");
    for (const auto& [service, reason] : daemon.ready.missing) {
        add_fact(html, "waiting for", fmt::format("{}{}{}", service, service.empty() ? "" : ": ", reason));
    }
    add_fact(html, "DNS on", join(daemon.dns_listeners));
    add_fact(html, "HTTP on", join(daemon.http_listeners));
    if (!daemon.upstream_from.empty()) {
        add_fact(html, "upstream servers from", std::string(explain_origin(daemon.upstream_from)));
    }
    if (daemon.resolv_conf) add_fact(html, "resolv.conf", describe(*daemon.resolv_conf));
    std::string from;
    for (const std::string& source : daemon.configuration) from += (from.empty() ? "" : ", ") + source;
    add_fact(html, "configuration", from.empty() ? "defaults" : from);
    add_reload(html, daemon.last_reload, daemon.now);
    html.raw("</dl></section>\n");
}

}  // namespace taskdns::http_server
