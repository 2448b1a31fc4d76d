// What the interface writes as JSON, read back: for `taskdns status`, which shows another process's state.
// Layer: http_server (may include base, Boost.JSON). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http_server/model.hpp"

namespace taskdns::http_server {

/// The answers to `GET /v1/status`, `GET /v1/services` and `GET /v1/services/NAME`. What is not there, or is of
/// another type, keeps its default, so that the answers of another version can be read too. Error: no JSON object.
Result<DaemonStatus> read_daemon(std::string_view json);
Result<std::vector<ServiceStatus>> read_services(std::string_view json);
Result<ServiceStatus> read_service(std::string_view json);

}  // namespace taskdns::http_server
