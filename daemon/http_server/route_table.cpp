// Which paths there are. Layer: http_server.
#include "http_server/route_table.hpp"

#include <array>

namespace taskdns::http_server {
namespace {

constexpr std::string_view reading = "GET, HEAD, OPTIONS";

// docs/openapi.yaml has the same paths and methods; tests/integration/openapi_test.py compares them.
constexpr std::array<RouteRow, 14> rows{{
    {Route::page, "/", reading},
    {Route::healthz, "/healthz", reading, true},
    {Route::readyz, "/readyz", reading, true},
    {Route::metrics, "/metrics", reading, true},
    {Route::status, "/v1/status", reading},
    {Route::services, "/v1/services", reading},
    {Route::service, "/v1/services/NAME", reading},
    {Route::endpoints, "/v1/services/NAME/endpoints", reading},
    {Route::endpoint, "/v1/services/NAME/endpoints/ADDR", reading},
    {Route::report, "/v1/services/NAME/endpoints/ADDR/report", "POST, OPTIONS"},
    {Route::admin, "/v1/services/NAME/endpoints/ADDR/admin", "GET, HEAD, PUT, DELETE, OPTIONS"},
    {Route::pick, "/v1/services/NAME/pick", reading},
    {Route::events, "/v1/events", reading},
    {Route::reload, "/v1/reload", "POST, OPTIONS"},
}};

/// The next segment of a pattern, cut off; patterns begin with a slash.
std::string_view take_segment(std::string_view& pattern) {
    pattern.remove_prefix(1);
    const std::string_view segment = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(segment.size());
    return segment;
}

bool matches(std::string_view pattern, const std::vector<std::string>& segments, FoundRoute& found) {
    if (pattern == "/") return segments.empty();
    for (const std::string& segment : segments) {
        if (pattern.empty()) return false;
        const std::string_view wanted = take_segment(pattern);
        if (wanted == "NAME") {
            found.name = segment;
        } else if (wanted == "ADDR") {
            found.address = segment;
        } else if (wanted != segment) {
            return false;
        }
        if (segment.empty()) return false;
    }
    return pattern.empty();
}

}  // namespace

std::span<const RouteRow> route_table() { return rows; }

FoundRoute find_route(const std::vector<std::string>& segments) {
    for (const RouteRow& row : rows) {
        FoundRoute found{&row, "", ""};
        if (matches(row.pattern, segments, found)) return found;
    }
    return {};
}

bool allows(const RouteRow& row, std::string_view method) {
    std::string_view methods = row.methods;
    while (!methods.empty()) {
        const std::string_view one = methods.substr(0, methods.find(','));
        if (one == method) return true;
        methods.remove_prefix(one.size());
        while (methods.starts_with(',') || methods.starts_with(' ')) methods.remove_prefix(1);
    }
    return false;
}

std::string known_paths() {
    std::string out;
    for (const RouteRow& row : rows) out.append(out.empty() ? "" : ", ").append(row.pattern);
    return out;
}

}  // namespace taskdns::http_server
