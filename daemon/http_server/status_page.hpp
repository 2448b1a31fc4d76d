// The status page for people, and the daemon's own state: what `GET /` and `GET /v1/status` answer.
// Layer: http_server (may include base, Boost.JSON). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::http_server {

/// What the page shows at most, so that it stays bounded: services, and endpoints of all services together. What is
/// wrong comes first, the rest is counted.
struct PageLimits {
    std::size_t services = 500;
    std::size_t endpoints = 2'000;
};

/// What the page needs of the model: all services, the worst first, each with its endpoints until there are enough.
std::vector<ServiceStatus> services_for_page(const Model& model, const PageLimits& limits = {});

/// The whole page, tables included: it can be read without JavaScript. `services` with their endpoints. `nonce` (any
/// base64 text, another one each time) stands at the page's own style and script, which are all that it loads.
std::string status_page(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                        std::string_view nonce, const PageLimits& limits = {});
/// Only what changes of it, for the script: it asks `GET /?fragment` again whenever something has happened.
std::string status_fragment(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services,
                            const PageLimits& limits = {});
/// The Content-Security-Policy that allows the page what it needs and nothing else.
std::string status_page_policy(std::string_view nonce);

std::string daemon_json(const DaemonStatus& daemon);
std::string daemon_text(const DaemonStatus& daemon);

}  // namespace taskdns::http_server
