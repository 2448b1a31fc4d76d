// The parts that the status page is put together from.
// Layer: http_server (may include base). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "http_server/html.hpp"
#include "http_server/model.hpp"
#include "http_server/troubles.hpp"

namespace taskdns::http_server {

/// The sign and the word of a level: never colour alone.
struct LevelSign {
    std::string_view sign;
    std::string_view word;
};
LevelSign sign_of(Level level);
/// The same as markup.
void add_badge(Html& html, Level level);
/// A cell with the last error; where there is none, one that a phone does not show.
void add_error(Html& html, const std::string& error);

/// A service and how many of its endpoints are shown.
struct ShownService {
    const ServiceStatus* status = nullptr;
    Level level = Level::well;
    std::vector<const EndpointStatus*> endpoints;  ///< what is wrong first, else in the service's order
};

/// One service: facts, rotation, endpoints. `open`: unfolded at first.
void add_service_section(Html& html, const ShownService& service, WallTime now, bool open);
void add_upstream(Html& html, const std::vector<UpstreamServerStatus>& servers, WallTime now);
void add_daemon(Html& html, const DaemonStatus& daemon);

}  // namespace taskdns::http_server
