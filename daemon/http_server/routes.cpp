// From an HTTP request to a response. Layer: http_server.
#include "http_server/routes.hpp"

#include <algorithm>

#include "http_server/accept.hpp"
#include "http_server/render.hpp"
#include "http_server/target.hpp"

namespace taskdns::http_server {
namespace {

constexpr const char* known_routes =
    "/healthz, /readyz, /v1/services, /v1/services/NAME, /v1/services/NAME/endpoints and /v1/services/NAME/pick";
constexpr const char* allowed_methods = "GET, HEAD, OPTIONS";

enum class Route { unknown, healthz, readyz, services, service, endpoints, pick };

Route find_route(const std::vector<std::string>& segments) {
    const std::size_t depth = segments.size();
    if (depth == 1 && segments[0] == "healthz") return Route::healthz;
    if (depth == 1 && segments[0] == "readyz") return Route::readyz;
    if (depth < 2 || segments[0] != "v1" || segments[1] != "services") return Route::unknown;
    if (depth == 2) return Route::services;
    if (segments[2].empty()) return Route::unknown;
    if (depth == 3) return Route::service;
    if (depth == 4 && segments[3] == "endpoints") return Route::endpoints;
    if (depth == 4 && segments[3] == "pick") return Route::pick;
    return Route::unknown;
}

Response text(std::string body) {
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(body);
    return response;
}

Response json(std::string body) {
    Response response;
    response.body = std::move(body);
    return response;
}

Response no_content() {
    Response response;
    response.status = 204;
    response.content_type.clear();
    response.headers.emplace_back("Allow", allowed_methods);
    return response;
}

void add_index(Response& response, std::uint64_t index) {
    response.headers.emplace_back("X-Taskdns-Index", std::to_string(index));
}

Response answer_ready(const Request& request, const ReadyStatus& status) {
    if (status.ready) return text("ready\n");
    if (choose_format(request.accept, Format::json) == Format::json) return not_ready_problem(status);
    Response response = text(missing_text(status));
    response.status = 503;
    return response;
}

Response answer_services(const Request& request, const std::vector<ServiceStatus>& services) {
    const bool as_json = choose_format(request.accept, Format::json) == Format::json;
    Response response = as_json ? json(services_json(services)) : text(services_text(services));
    std::uint64_t index = 0;
    for (const ServiceStatus& service : services) index = std::max(index, service.index);
    add_index(response, index);
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

Response answer_pick(const Request& request, const ServiceStatus& service, const Model& model) {
    const auto& endpoints = service.endpoints;
    const bool as_json = choose_format(request.accept, Format::text) == Format::json;
    if (request.method == "HEAD") {  // must not move the rotation, and so cannot know which one GET would give
        const bool any = std::any_of(endpoints.begin(), endpoints.end(), [](const auto& e) { return e.served; });
        if (any) return as_json ? json("") : text("");
    } else if (const auto address = model.pick(service.name)) {
        return as_json ? json(pick_json(*address)) : text(pick_text(*address));
    }
    return problem(503, "Service Unavailable",
                   service.name + " has no endpoint to serve (state " + service.state + ", " +
                       std::to_string(endpoints.size()) + " known); GET /v1/services/" + service.name +
                       " says why for each");
}

Response answer_service(Route route, const Request& request, const ServiceStatus& service, const Model& model) {
    Response response;
    if (route == Route::service) {
        const bool as_json = choose_format(request.accept, Format::json) == Format::json;
        response = as_json ? json(service_json(service)) : text(service_text(service));
    } else if (route == Route::endpoints) {
        if (model.asked) model.asked(service.name);
        const bool as_json = choose_format(request.accept, Format::text) == Format::json;
        response = as_json ? json(endpoints_json(service)) : text(endpoints_text(service));
    } else {
        if (model.asked) model.asked(service.name);
        response = answer_pick(request, service, model);
    }
    add_index(response, service.index);
    return response;
}

Response answer_route(Route route, const Request& request, const std::vector<std::string>& segments,
                      const Model& model) {
    if (request.method == "OPTIONS") return no_content();
    if (request.method != "GET" && request.method != "HEAD") {
        Response response =
            problem(405, "Method Not Allowed", in_quotes(request.method) + " is not possible here; use GET or HEAD");
        response.headers.emplace_back("Allow", allowed_methods);
        return response;
    }
    if (route == Route::healthz) return text("ok\n");
    if (route == Route::readyz) return answer_ready(request, model.ready());
    if (route == Route::services) return answer_services(request, model.services());
    const auto service = model.service(segments[2]);
    if (!service) return unknown_service(segments[2], model.services());
    return answer_service(route, request, *service, model);
}

Response answer(const Request& request, const Access& access, const Model& model) {
    if (request.target.size() > longest_target) {
        return problem(414, "URI Too Long",
                       "the target has " + std::to_string(request.target.size()) + " octets; at most " +
                           std::to_string(longest_target) + " are read");
    }
    const bool asterisk = request.method == "OPTIONS" && request.target == "*";  // RFC 9110, section 9.3.7
    const auto target = asterisk ? std::optional<Target>(std::in_place) : parse_target(request.target);
    if (!target) {
        return problem(400, "Bad Request",
                       "cannot read the target " + in_quotes(request.target) +
                           ": expected a path such as /v1/services, with any % followed by two hexadecimal digits");
    }
    const std::string& host = target->authority.empty() ? request.host : target->authority;
    if (host.empty() && request.version >= 11) {
        return problem(400, "Bad Request", "the Host header is missing, which HTTP/1.1 demands");
    }
    if (!host.empty() && !host_is_ours(host, access.hosts)) {
        return problem(421, "Misdirected Request",
                       "this is not the host " + in_quotes(host) +
                           "; use localhost or an IP address, or add the name to listen.hosts in the configuration");
    }
    if (asterisk) return no_content();
    const Route route = find_route(target->segments);
    if (!access.everything && route != Route::healthz && route != Route::readyz) {
        return problem(
            403, "Forbidden",
            "a listener that is not on loopback answers only /healthz and /readyz; ask on loopback, or set "
            "listen.allow_admin: true in the configuration");
    }
    if (route == Route::unknown) {
        return problem(404, "Not Found", std::string("nothing is here; there are ") + known_routes);
    }
    return answer_route(route, request, target->segments, model);
}

}  // namespace

Response respond(const Request& request, const Access& access, const Model& model) {
    Response response = answer(request, access, model);
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return response;
}

}  // namespace taskdns::http_server
