// What is wrong, the worst first: the top of the status page and of `taskdns status`.
// Layer: http_server (may include base). Pure.
#pragma once

#include <string>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::http_server {

enum class Level {
    well,
    notice,   ///< as somebody or something wanted it: drained, withdrawn, outside the subset, not checked yet
    warning,  ///< not as it should be, but the application is served what is healthy
    wrong     ///< the application is, or soon will be, worse off
};

/// "well", "notice", "warning", "wrong"
const char* to_string(Level level);

struct Trouble {
    Level level = Level::warning;
    std::string service;  ///< empty: not of one service
    std::string text;
};

Level level_of(const EndpointStatus& endpoint);
/// The worst of the service itself and of its endpoints, as far as they are there.
Level level_of(const ServiceStatus& service);
Level level_of(const UpstreamServerStatus& server);

/// Warnings and what is wrong. Holds no ages, so that it changes only when something does.
std::vector<Trouble> find_troubles(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services);

/// One line: "All well: 3 services, 12 of 12 endpoints served", or how much is wrong.
std::string headline(const std::vector<Trouble>& troubles, const std::vector<ServiceStatus>& services);
/// Of the first, which is the worst.
Level worst(const std::vector<Trouble>& troubles);

}  // namespace taskdns::http_server
