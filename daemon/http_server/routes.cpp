// From an HTTP request to a response. Layer: http_server.
#include "http_server/routes.hpp"

#include <algorithm>

#include "http_server/accept.hpp"
#include "http_server/change.hpp"
#include "http_server/entity_tag.hpp"
#include "http_server/nonce.hpp"
#include "http_server/query.hpp"
#include "http_server/render.hpp"
#include "http_server/route_table.hpp"
#include "http_server/status_page.hpp"
#include "http_server/target.hpp"

namespace taskdns::http_server {
namespace {

constexpr const char* all_methods = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

/// A request, and what has been found out about it.
struct Asked {
    const Request& request;
    const Model& model;
    FoundRoute route;
    Query query;
    std::string host;

    bool wants_json(Format otherwise) const { return choose_format(request.accept, otherwise) == Format::json; }
};

Response typed(std::string content_type, std::string body) {
    Response response;
    response.content_type = std::move(content_type);
    response.body = std::move(body);
    return response;
}

Response text(std::string body) { return typed("text/plain; charset=utf-8", std::move(body)); }
Response json(std::string body) { return typed("application/json", std::move(body)); }

Response no_content(std::string_view allow) {
    Response response = typed("", "");
    response.status = 204;
    response.headers.emplace_back("Allow", allow);
    return response;
}

void add_index(Response& response, std::uint64_t index) {
    response.headers.emplace_back("X-Taskdns-Index", std::to_string(index));
}

Response answer_ready(const Asked& asked) {
    const ReadyStatus status = asked.model.ready();
    if (status.ready) return text("ready\n");
    if (asked.wants_json(Format::json)) return not_ready_problem(status);
    Response response = text(missing_text(status));
    response.status = 503;
    return response;
}

Response answer_page(const Asked& asked) {
    constexpr const char* html = "text/html; charset=utf-8";
    const DaemonStatus daemon = asked.model.daemon();
    const std::vector<ServiceStatus> services = services_for_page(asked.model);
    Response response = typed(html, "");
    if (asked.query.fragment) {
        response.body = status_fragment(daemon, services);
    } else {
        const std::string nonce = make_nonce();
        response.body = status_page(daemon, services, nonce);
        response.headers.emplace_back("Content-Security-Policy", status_page_policy(nonce));
    }
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    add_index(response, daemon.index);
    return response;
}

Response answer_status(const Asked& asked) {
    const DaemonStatus daemon = asked.model.daemon();
    Response response = asked.wants_json(Format::json) ? json(daemon_json(daemon)) : text(daemon_text(daemon));
    add_index(response, daemon.index);
    return response;
}

Response answer_services(const Asked& asked) {
    const std::vector<ServiceStatus> services = asked.model.services();
    Response response =
        asked.wants_json(Format::json) ? json(services_json(services)) : text(services_text(services));
    add_index(response, asked.model.index());
    return response;
}

Response unknown_service(const std::string& name, const std::vector<ServiceStatus>& services) {
    constexpr std::size_t most = 20;  // names in one message
    std::string known;
    for (std::size_t i = 0; i < std::min(services.size(), most); ++i)
        known += (i == 0 ? "" : ", ") + services[i].name;
    if (services.size() > most) known += " and " + std::to_string(services.size() - most) + " more";
    if (known.empty()) known = "none";
    return problem(404, "Not Found",
                   in_quotes(name) + " is not a configured service; known: " + known +
                       "; GET /v1/services lists them with their aliases");
}

Response answer_endpoints(const Asked& asked, const ServiceStatus& service) {
    Response response =
        asked.wants_json(Format::text) ? json(endpoints_json(service)) : text(endpoints_text(service));
    const std::string tag = entity_tag(response.body);
    if (matches_entity_tag(asked.request.if_none_match, tag)) {
        response = typed("", "");
        response.status = 304;
    }
    response.headers.emplace_back("ETag", tag);
    response.headers.emplace_back("Vary", "Accept");
    return response;
}

Response answer_pick(const Asked& asked, const ServiceStatus& service) {
    const auto& endpoints = service.endpoints;
    const bool as_json = asked.wants_json(Format::text);
    if (asked.request.method == "HEAD") {  // must not move the rotation, and so cannot know which one GET would give
        const bool any = std::any_of(endpoints.begin(), endpoints.end(), [](const auto& e) { return e.served; });
        if (any) return as_json ? json("") : text("");
    } else if (const auto address = asked.model.pick(service.name)) {
        return as_json ? json(pick_json(*address)) : text(pick_text(*address));
    }
    return problem(503, "Service Unavailable",
                   service.name + " has no endpoint to serve (state " + service.state + ", " +
                       std::to_string(endpoints.size()) + " known); GET /v1/services/" + service.name +
                       " says why for each");
}

/// Makes the change that is asked for; null if it was made.
std::optional<Response> change(const Asked& asked, const ServiceStatus& service, const SocketAddress& endpoint) {
    const Model& model = asked.model;
    if (asked.route.row->route == Route::report) {
        auto report = parse_report(asked.request.body);
        if (auto* refusal = std::get_if<Response>(&report)) return std::move(*refusal);
        model.report(service.name, endpoint, std::get<Report>(report));
        return std::nullopt;
    }
    AdminChange wanted;
    if (asked.request.method == "PUT") {
        auto admin = parse_admin_change(asked.request.body);
        if (auto* refusal = std::get_if<Response>(&admin)) return std::move(*refusal);
        wanted = std::get<AdminChange>(admin);
    }
    if (wanted.drained_for) {
        model.drain(service.name, endpoint, *wanted.drained_for);
    } else {
        model.undrain(service.name, endpoint);
    }
    return std::nullopt;
}

/// One endpoint: shown, or changed and then shown.
Response answer_endpoint(const Asked& asked, ServiceStatus& service) {
    auto found = find_endpoint(service, asked.route.address);
    if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
    const bool reads = asked.request.method == "GET" || asked.request.method == "HEAD";
    if (reads && asked.route.row->route == Route::admin) {
        return json(admin_json(service.endpoints[std::get<std::size_t>(found)]));
    }
    if (!reads) {
        const SocketAddress address = service.endpoints[std::get<std::size_t>(found)].address;
        if (auto refusal = change(asked, service, address)) return std::move(*refusal);
        if (auto after = asked.model.service(service.name)) service = std::move(*after);
        found = find_endpoint(service, address.to_string());
        if (auto* refusal = std::get_if<Response>(&found)) return std::move(*refusal);
    }
    return json(endpoint_json(service.endpoints[std::get<std::size_t>(found)]));
}

Response answer_service(const Asked& asked) {
    auto service = asked.model.service(asked.route.name);
    if (!service) return unknown_service(asked.route.name, asked.model.services());
    const Route route = asked.route.row->route;
    Response response;
    if (route == Route::service) {
        response = asked.wants_json(Format::json) ? json(service_json(*service)) : text(service_text(*service));
    } else if (route == Route::endpoints) {
        response = answer_endpoints(asked, *service);
    } else if (route == Route::pick) {
        response = answer_pick(asked, *service);
    } else {
        response = answer_endpoint(asked, *service);
    }
    if ((route == Route::endpoints || route == Route::pick) && asked.model.asked) asked.model.asked(service->name);
    add_index(response, service->index);
    return response;
}

Response answer_now(const Asked& asked) {
    switch (asked.route.row->route) {
        case Route::page:
            return answer_page(asked);
        case Route::status:
            return answer_status(asked);
        case Route::healthz:
            return text("ok\n");
        case Route::readyz:
            return answer_ready(asked);
        case Route::metrics:
            return typed("text/plain; version=0.0.4; charset=utf-8", asked.model.metrics());
        case Route::services:
            return answer_services(asked);
        default:
            return answer_service(asked);
    }
}

bool is_watched(Route route) {
    return route == Route::services || route == Route::service || route == Route::endpoints;
}

Plan now(Response response) {
    Plan plan;
    plan.response = std::move(response);
    return plan;
}

Plan plan_events(const Asked& asked) {
    Plan plan = now(typed("text/event-stream", ""));
    add_index(plan.response, asked.model.index());
    if (asked.request.method == "HEAD") return plan;
    plan.kind = Plan::Kind::events;
    plan.after = asked.query.index;
    // A browser's EventSource repeats its URL when it connects again; what it has seen since is in the header.
    const auto last = parse_query("index=" + asked.request.last_event_id);
    if (last && !asked.request.last_event_id.empty()) plan.after = last->index;
    return plan;
}

Plan plan_route(Asked& asked) {
    const RouteRow& row = *asked.route.row;
    const std::string& method = asked.request.method;
    if (method == "OPTIONS") return now(no_content(row.methods));
    if (!allows(row, method)) {
        Response response = problem(405, "Method Not Allowed",
                                    in_quotes(method) + " is not possible here; use " + std::string(row.methods));
        response.headers.emplace_back("Allow", row.methods);
        return now(std::move(response));
    }
    if (method != "GET" && method != "HEAD") {
        if (auto refusal = refuse_change(asked.request, asked.host)) return now(std::move(*refusal));
    }
    if (row.route == Route::reload) {
        if (auto refusal = refuse_reload_body(asked.request.body)) return now(std::move(*refusal));
        Plan plan;
        plan.kind = Plan::Kind::reload;
        return plan;
    }
    if (row.route == Route::events) return plan_events(asked);
    if (!is_watched(row.route) || !asked.query.index) return now(answer_now(asked));
    Plan plan;
    plan.watch = {asked.route.name, *asked.query.index, asked.query.wait, row.route == Route::endpoints};
    if (is_due(plan.watch, asked.model)) return now(answer_now(asked));
    plan.kind = Plan::Kind::watch;
    return plan;
}

/// What is wrong with the request whatever it is for; null: nothing, and `asked` says what it is for.
std::optional<Plan> refuse(Asked& asked, const Access& access) {
    const Request& request = asked.request;
    if (request.target.size() > longest_target) {
        return now(problem(414, "URI Too Long",
                           "the target has " + std::to_string(request.target.size()) + " octets; at most " +
                               std::to_string(longest_target) + " are read"));
    }
    const bool asterisk = request.method == "OPTIONS" && request.target == "*";  // RFC 9110, section 9.3.7
    const auto target = asterisk ? std::optional<Target>(std::in_place) : parse_target(request.target);
    if (!target) {
        return now(
            problem(400, "Bad Request",
                    "cannot read the target " + in_quotes(request.target) +
                        ": expected a path such as /v1/services, with any % followed by two hexadecimal digits"));
    }
    asked.host = target->authority.empty() ? request.host : target->authority;
    if (asked.host.empty() && request.version >= 11) {
        return now(problem(400, "Bad Request", "the Host header is missing, which HTTP/1.1 demands"));
    }
    if (!asked.host.empty() && !host_is_ours(asked.host, access.hosts)) {
        return now(
            problem(421, "Misdirected Request",
                    "this is not the host " + in_quotes(asked.host) +
                        "; use localhost or an IP address, or add the name to listen.hosts in the configuration"));
    }
    if (asterisk) return now(no_content(all_methods));
    asked.route = find_route(target->segments);
    if (!access.everything && (asked.route.row == nullptr || !asked.route.row->vital)) {
        return now(problem(
            403, "Forbidden",
            "a listener that is not on loopback answers only /healthz, /readyz and /metrics; ask on loopback, or set "
            "listen.allow_admin: true in the configuration"));
    }
    if (access.crowded && (asked.route.row == nullptr || !asked.route.row->vital)) {
        Response busy =
            problem(503, "Service Unavailable", "too many connections; close idle ones, or try again later");
        busy.headers.emplace_back("Retry-After", "1");
        return now(std::move(busy));
    }
    if (asked.route.row == nullptr) {
        return now(problem(404, "Not Found", "nothing is here; there are " + known_paths()));
    }
    const Result<Query> query = parse_query(target->query);
    const bool reads_query = is_watched(asked.route.row->route) || asked.route.row->route == Route::events;
    if (query) asked.query = *query;
    if (!query && reads_query) return now(problem(400, "Bad Request", query.error().message));
    return std::nullopt;
}

}  // namespace

void add_common_headers(Response& response) {
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

bool is_due(const Watch& watch, const Model& model) {
    const std::uint64_t last = model.index();
    if (watch.index > last) return true;
    if (watch.service.empty()) return last > watch.index;
    const auto index = model.service_index(watch.service);
    return !index || *index > watch.index;
}

Plan plan(const Request& request, const Access& access, const Model& model) {
    Asked asked{request, model, {}, {}, {}};
    auto refused = refuse(asked, access);
    Plan out = refused ? std::move(*refused) : plan_route(asked);
    add_common_headers(out.response);
    return out;
}

Response respond(const Request& request, const Access& access, const Model& model) {
    Asked asked{request, model, {}, {}, {}};
    auto refused = refuse(asked, access);
    asked.query.index.reset();
    Response out = refused ? std::move(refused->response) : plan_route(asked).response;
    add_common_headers(out);
    return out;
}

Response answer_reload(const std::optional<ReloadStatus>& status) {
    Response response;
    if (!status) {
        response = problem(504, "Gateway Timeout",
                           "the reload has not ended yet; GET /v1/status will say what became of it");
    } else if (status->outcome == "failed") {
        response = reload_problem(*status);
    } else {
        response = json(reload_json(*status));
    }
    add_common_headers(response);
    return response;
}

}  // namespace taskdns::http_server
