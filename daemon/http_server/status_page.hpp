// The status page for people, and the daemon's own state: what `GET /` and `GET /v1/status` answer.
// Layer: http_server (may include base, Boost.JSON). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::http_server {

/// The whole page, tables included: it can be read without JavaScript. `services` with their endpoints. `nonce` (any
/// base64 text, another one each time) stands at the page's own style and script, which are all that it loads.
std::string status_page(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                        std::string_view nonce);
/// Only what changes of it, for the script: it asks `GET /?fragment` again whenever something has happened.
std::string status_fragment(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services);
/// The Content-Security-Policy that allows the page what it needs and nothing else.
std::string status_page_policy(std::string_view nonce);

std::string daemon_json(const DaemonStatus& daemon);
std::string daemon_text(const DaemonStatus& daemon);

}  // namespace taskdns::http_server
