// What `taskdns status` prints: the status page for a terminal.
// Layer: app (may include http_server). Pure.
#pragma once

#include <string>
#include <vector>

#include "app/terminal_table.hpp"
#include "http_server/model.hpp"

namespace taskdns::app {

/// What is wrong first, then the services, their endpoints, the upstream servers. `services` with their endpoints.
std::string status_text(const http_server::DaemonStatus& daemon,
                        const std::vector<http_server::ServiceStatus>& services, const TerminalStyle& style);

}  // namespace taskdns::app
