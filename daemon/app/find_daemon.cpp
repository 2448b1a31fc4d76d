// Where the daemon beside us listens for HTTP. Layer: app.
#include "app/find_daemon.hpp"

#include "config/load.hpp"

namespace taskdns::app {
namespace {

constexpr std::uint16_t default_http_port = 8053;

}  // namespace

Result<SocketAddress> find_daemon(const ConfigPath& path, const std::optional<std::string>& http) {
    SocketAddress found;
    if (http) {
        const auto parsed = SocketAddress::parse(*http, default_http_port);
        if (!parsed) {
            return Error{Errc::malformed, "--http: '" + *http + "' is not ADDRESS:PORT (try 127.0.0.1:8053)"};
        }
        found = *parsed;
    } else {
        const Result<config::Config> config = config::load({.path = path, .need_services = false});
        if (!config) return Error{Errc::invalid_config, config.error().message};
        if (config->listen.http.empty()) {
            return Error{Errc::internal, "listen.http is empty: there is nothing to ask"};
        }
        found = config->listen.http.front();
    }
    if (found.address.is_unspecified()) {
        found.address = *IpAddress::parse(found.address.is_v4() ? "127.0.0.1" : "::1");
    }
    return found;
}

}  // namespace taskdns::app
