// `taskdns healthcheck`: is the daemon beside us ready? For ECS: ["CMD", "/taskdns", "healthcheck"]. Layer: app.
#include <algorithm>
#include <iostream>

#include "app/commands.hpp"
#include "app/find_daemon.hpp"
#include "app/http_get.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto limit = 2s;  // ECS's smallest timeout of a health check

int fail(const std::string& what) {
    std::cerr << "taskdns healthcheck: " << what << '\n';
    return 1;
}

}  // namespace

int healthcheck_command(const ConfigPath& path, const std::optional<std::string>& address) {
    const Result<SocketAddress> target = find_daemon(path, address);
    if (!target && target.error().code == Errc::invalid_config) {
        std::cerr << target.error().message << '\n';
        return 2;
    }
    if (!target) return fail(target.error().message);
    const auto response = http_get(*target, "/readyz", limit);
    if (!response) return fail(response.error().message);
    if (response->status != 200) {
        std::string body = response->body;
        std::ranges::replace(body, '\n', ' ');
        return fail("not ready: " + body);
    }
    return 0;
}

}  // namespace taskdns::app
