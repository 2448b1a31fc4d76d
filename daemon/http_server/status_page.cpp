// The status page: what is shown, and in which order. Layer: http_server.
#include "http_server/status_page.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "http_server/plain_words.hpp"
#include "http_server/status_page_files.hpp"
#include "http_server/status_parts.hpp"

namespace taskdns::http_server {
namespace {

constexpr std::size_t unfolded = 12;  // services; beyond that only those with a trouble are

/// The worst first; else in the order of the configuration.
std::vector<ShownService> sort_services(const std::vector<ServiceStatus>& services) {
    std::vector<ShownService> out;
    out.reserve(services.size());
    for (const ServiceStatus& service : services) out.push_back({&service, level_of(service), {}});
    std::stable_sort(out.begin(), out.end(),
                     [](const ShownService& a, const ShownService& b) { return a.level > b.level; });
    return out;
}

/// What is wrong goes first, in all services, then the rest, until there are enough.
void choose_endpoints(std::vector<ShownService>& services, std::size_t most) {
    for (const bool wrong : {true, false}) {
        for (ShownService& service : services) {
            for (const EndpointStatus& endpoint : service.status->endpoints) {
                if (most == 0) return;
                if ((level_of(endpoint) >= Level::warning) != wrong) continue;
                service.endpoints.push_back(&endpoint);
                --most;
            }
        }
    }
}

void add_summary(Html& html, const std::vector<Trouble>& troubles, const std::vector<ServiceStatus>& services) {
    constexpr std::size_t most = 20;
    const Level level = worst(troubles);
    const std::string line = headline(troubles, services);
    html.raw("<section id=\"summary\" class=\"").raw(to_string(level)).raw("\" data-title=\"");
    html.raw(sign_of(level).sign).raw(" ").text(line).raw("\"><p id=\"headline\" role=\"status\">");
    html.raw("<span class=\"sign\" aria-hidden=\"true\">").raw(sign_of(level).sign).raw("</span> <b>");
    html.text(line).raw("</b></p>");
    if (!troubles.empty()) html.raw("<ul>");
    for (std::size_t i = 0; i < std::min(most, troubles.size()); ++i) {
        const Trouble& trouble = troubles[i];
        html.raw("<li class=\"").raw(to_string(trouble.level)).raw("\">");
        add_badge(html, trouble.level);
        if (!trouble.service.empty()) {
            html.raw(" <a href=\"#s-").raw(escape_url(trouble.service)).raw("\">").text(trouble.service).raw("</a>:");
        }
        html.raw(" ").text(trouble.text).raw("</li>");
    }
    if (troubles.size() > most) html.raw(fmt::format("<li>and {} more</li>", troubles.size() - most));
    html.raw(troubles.empty() ? "</section>\n" : "</ul></section>\n");
}

/// How many are served, in colour and in figures. Attributes only: the policy allows no style here.
void add_bar(Html& html, const EndpointCounts& counts) {
    const double total = counts.total == 0 ? 1 : static_cast<double>(counts.total);
    const double healthy = 100 * static_cast<double>(std::min(counts.served, counts.healthy)) / total;
    const double served = 100 * static_cast<double>(counts.served) / total;
    html.raw("<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    html.raw(fmt::format("<rect class=\"s\" width=\"{:.1f}\" height=\"6\"/>", served));
    html.raw(fmt::format("<rect class=\"h\" width=\"{:.1f}\" height=\"6\"/></svg>", healthy));
}

std::string data_age(const ServiceStatus& service, WallTime now) {
    if (!service.last_poll) return "not polled yet";
    return format_age(service.last_poll->at, now);
}

/// Of the last poll, else of the last one that failed.
std::string poll_error(const ServiceStatus& service) {
    if (service.last_poll && !service.last_poll->error.empty()) return service.last_poll->error;
    return service.last_error.empty() ? "" : "earlier: " + service.last_error;
}

void add_overview_row(Html& html, const ShownService& service, WallTime now) {
    const ServiceStatus& status = *service.status;
    html.raw("<tr class=\"").raw(to_string(service.level)).raw("\" data-key=\"o-").text(status.name);
    html.raw("\" data-mark=\"").text(status.state + " " + status.rung);
    html.raw(fmt::format(" {} {}\">", status.counts.served, status.counts.total));
    html.raw("<th scope=\"row\"><a href=\"#s-").raw(escape_url(status.name)).raw("\">").text(status.name);
    html.raw("</a></th><td class=\"st\">");
    add_badge(html, service.level);
    html.raw(" ").text(status.state).raw("</td><td class=\"rng\">").text(explain_rung(status.rung));
    if (status.stale) html.raw(" <span class=\"tag\">stale</span>");
    if (status.panic) html.raw(" <span class=\"tag\">panic</span>");
    html.raw("</td><td class=\"cnt\">");
    html.raw(fmt::format("{} served, {} healthy, {} in all", status.counts.served, status.counts.healthy,
                         status.counts.total));
    add_bar(html, status.counts);
    html.raw("</td><td class=\"dat\">").text(data_age(status, now)).raw("</td>");
    add_error(html, poll_error(status));
    html.raw("</tr>\n");
}

void add_overview(Html& html, const std::vector<ShownService>& shown, std::size_t total, WallTime now) {
    html.raw("<section id=\"overview\"><h2>Services</h2><table class=\"cards\"><caption>The worst first");
    if (total > shown.size()) {
        html.raw(
            fmt::format("; {} more, none of them worse: <a href=\"/v1/services\">all</a>", total - shown.size()));
    }
    html.raw("</caption><thead><tr><th scope=\"col\">service</th><th scope=\"col\">state</th>");
    html.raw("<th scope=\"col\">answers hold</th><th scope=\"col\">endpoints</th>");
    html.raw("<th scope=\"col\">data is this old</th><th scope=\"col\">last poll error</th></tr></thead><tbody>\n");
    for (const ShownService& service : shown) add_overview_row(html, service, now);
    html.raw("</tbody></table></section>\n");
}

struct Parts {
    std::string summary;
    std::string detail;
};

Parts build_parts(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services, const PageLimits& limits) {
    const std::vector<Trouble> troubles = find_troubles(daemon, services);
    std::vector<ShownService> shown = sort_services(services);
    if (shown.size() > limits.services) shown.resize(limits.services);
    choose_endpoints(shown, limits.endpoints);
    Html summary;
    add_summary(summary, troubles, services);
    Html detail;
    detail.raw("<div id=\"detail\">\n");
    add_overview(detail, shown, services.size(), daemon.now);
    detail.raw("<section id=\"services\"><h2>Endpoints</h2>\n");
    for (const ShownService& service : shown) {
        add_service_section(detail, service, daemon.now, shown.size() <= unfolded || service.level >= Level::warning);
    }
    detail.raw("</section>\n");
    add_upstream(detail, daemon.upstream, daemon.now);
    add_daemon(detail, daemon);
    detail.raw("</div>\n");
    return {summary.take(), detail.take()};
}

std::string words_list() {
    Html html;
    for (const WordMeaning& reason : reason_meanings()) {
        html.raw("<div><dt><code>").text(reason.word).raw(reason.word.ends_with(":") ? "…" : "");
        html.raw("</code></dt><dd>").text(reason.meaning).raw("</dd></div>");
    }
    return html.take();
}

void replace(std::string& text, std::string_view placeholder, std::string_view by) {
    for (std::size_t at = text.find(placeholder); at != std::string::npos;
         at = text.find(placeholder, at + by.size())) {
        text.replace(at, placeholder.size(), by);
    }
}

}  // namespace

LevelSign sign_of(Level level) {
    switch (level) {
        case Level::well:
            return {"✓", "well"};
        case Level::notice:
            return {"–", "note"};
        case Level::warning:
            return {"!", "warning"};
        case Level::wrong:
            break;
    }
    return {"✗", "failing"};
}

void add_error(Html& html, const std::string& error) {
    if (error.empty()) {
        html.raw("<td class=\"err none\">-</td>");
    } else {
        html.raw("<td class=\"err\">").text(error).raw("</td>");
    }
}

void add_badge(Html& html, Level level) {
    const LevelSign sign = sign_of(level);
    html.raw("<span class=\"badge ").raw(to_string(level)).raw("\"><span aria-hidden=\"true\">").raw(sign.sign);
    html.raw("</span> ").raw(sign.word).raw("</span>");
}

std::vector<ServiceStatus> services_for_page(const Model& model, const PageLimits& limits) {
    std::vector<ServiceStatus> services = model.services();
    std::stable_sort(services.begin(), services.end(), [](const ServiceStatus& a, const ServiceStatus& b) {
        const auto badness = [](const ServiceStatus& service) {
            return std::pair(level_of(service),
                             service.counts.total - std::min(service.counts.total, service.counts.healthy));
        };
        return badness(a) > badness(b);
    });
    std::size_t endpoints = 0;
    for (std::size_t i = 0; i < services.size() && i < limits.services && endpoints < limits.endpoints; ++i) {
        if (auto whole = model.service(services[i].name)) services[i] = std::move(*whole);
        endpoints += services[i].endpoints.size();
    }
    return services;
}

std::string status_page(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                        std::string_view nonce, const PageLimits& limits) {
    const Parts parts = build_parts(daemon, services, limits);
    std::string page(status_page_html);
    // What is ours goes in before what holds anybody's text, so that no text can be taken for a placeholder.
    replace(page, "@STYLE@", status_page_css);
    replace(page, "@SCRIPT@", status_page_js);
    replace(page, "@NONCE@", nonce);
    replace(page, "@WORDS@", words_list());
    const std::size_t detail = page.find("@DETAIL@");
    page.replace(detail, 8, parts.detail);
    page.replace(page.find("@SUMMARY@"), 9, parts.summary);  // stands before the detail
    page.replace(page.find("@IDENTITY@"), 10, escape_html(daemon.identity));
    return page;
}

std::string status_fragment(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                            const PageLimits& limits) {
    const Parts parts = build_parts(daemon, services, limits);
    return parts.summary + parts.detail;
}

std::string status_page_policy(std::string_view nonce) {
    return fmt::format(
        "default-src 'none'; style-src 'nonce-{0}'; script-src 'nonce-{0}'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        nonce);
}

}  // namespace taskdns::http_server
