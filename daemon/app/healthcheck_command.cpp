// `taskdns healthcheck`: is the daemon beside us ready? For ECS: ["CMD", "/taskdns", "healthcheck"]. Layer: app.
#include <algorithm>
#include <iostream>

#include "app/commands.hpp"
#include "app/http_get.hpp"
#include "config/load.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto limit = 2s;  // ECS's smallest timeout of a health check
constexpr std::uint16_t default_http_port = 8053;

int fail(const std::string& what) {
    std::cerr << "taskdns healthcheck: " << what << '\n';
    return 1;
}

/// A wildcard listener is asked over loopback.
SocketAddress reachable(SocketAddress address) {
    if (address.address.is_unspecified()) {
        address.address = *IpAddress::parse(address.address.is_v4() ? "127.0.0.1" : "::1");
    }
    return address;
}

}  // namespace

int healthcheck_command(const ConfigPath& path, const std::optional<std::string>& address) {
    SocketAddress target;
    if (address) {
        const auto parsed = SocketAddress::parse(*address, default_http_port);
        if (!parsed) return fail("--http: '" + *address + "' is not ADDRESS:PORT (try 127.0.0.1:8053)");
        target = *parsed;
    } else {
        const Result<config::Config> config = config::load({.path = path, .need_services = false});
        if (!config) {
            std::cerr << config.error().message << '\n';
            return 2;
        }
        if (config->listen.http.empty()) return fail("listen.http is empty: there is nothing to ask");
        target = config->listen.http.front();
    }
    const auto response = http_get(reachable(target), "/readyz", limit);
    if (!response) return fail(response.error().message);
    if (response->status != 200) {
        std::string body = response->body;
        std::ranges::replace(body, '\n', ' ');
        return fail("not ready: " + body);
    }
    return 0;
}

}  // namespace taskdns::app
