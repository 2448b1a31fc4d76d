// A service's endpoints as lines for `CH TXT <service>`.
// Layer: app (may include all). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "http_server/model.hpp"

namespace taskdns::app {

/// "10.0.1.10:8080 healthy served 12s" for each endpoint, `most` at most, in the order of the HTTP interface and with
/// its words: address, state, reason, and for how long it has been in this state.
std::vector<std::string> describe(const http_server::ServiceStatus& status, WallTime now, std::size_t most);

}  // namespace taskdns::app
