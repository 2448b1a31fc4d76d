// Which paths there are, and what can be done with each.
// Layer: http_server (standard library only). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taskdns::http_server {

enum class Route {
    page,
    healthz,
    readyz,
    metrics,
    status,
    services,
    service,
    endpoints,
    endpoint,
    report,
    admin,
    pick,
    events,
    reload
};

struct RouteRow {
    Route route;
    std::string_view pattern;  ///< NAME and ADDR stand for a segment that is not empty
    std::string_view methods;  ///< as Allow names them; HEAD wherever GET is, OPTIONS everywhere
    bool vital = false;        ///< answered to everybody who may ask at all, and when we are full
};

std::span<const RouteRow> route_table();

struct FoundRoute {
    const RouteRow* row = nullptr;  ///< null: there is no such path
    std::string name;               ///< what stands for NAME
    std::string address;            ///< what stands for ADDR
};

/// `segments` as parse_target() gives them.
FoundRoute find_route(const std::vector<std::string>& segments);

bool allows(const RouteRow& row, std::string_view method);

/// All patterns in one line, for a message.
std::string known_paths();

}  // namespace taskdns::http_server
