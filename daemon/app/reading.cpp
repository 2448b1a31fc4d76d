// What a configuration leads to once all that it depends on is read. Layer: app.
#include "app/reading.hpp"

#include <algorithm>

#include "app/own_listeners.hpp"
#include "base/local_listener.hpp"
#include "base/reaches.hpp"
#include "task/resolv_conf.hpp"

namespace taskdns::app {
Result<Reading> read_surroundings(config::Config config) {
    Reading out{.config = std::move(config), .resolvers = {}};
    std::vector<SocketAddress>& heard = out.resolvers.heard;
    heard = heard_addresses(out.config.listen.dns, local_addresses());
    if (auto loop = find_own_listener(out.config.upstream, heard)) return std::move(*loop);
    out.resolvers.resolv_conf = task::find_upstream_servers(out.config.resolv_conf.path, heard);
    return out;
}

const char* to_string(UpstreamOrigin origin) {
    switch (origin) {
        case UpstreamOrigin::configuration:
            return "configuration";
        case UpstreamOrigin::task_metadata:
            return "task_metadata";
        case UpstreamOrigin::resolv_conf:
            break;
    }
    return "resolv_conf";
}

UpstreamChoice choose_upstream(const config::Upstream& configured, const Reading::Resolvers& resolvers,
                               const std::vector<IpAddress>& metadata) {
    if (!configured.servers.empty()) return {configured.servers, UpstreamOrigin::configuration};
    UpstreamChoice out{{}, UpstreamOrigin::task_metadata};
    for (const IpAddress& address : metadata) {
        const SocketAddress server{address, resolv_conf_port};
        const bool ours = std::any_of(resolvers.heard.begin(), resolvers.heard.end(),
                                      [&server](const SocketAddress& own) { return reaches(server, own); });
        const bool twice = std::find(out.servers.begin(), out.servers.end(), server) != out.servers.end();
        if (!ours && !twice) out.servers.push_back(server);
    }
    if (out.servers.empty()) return {resolvers.resolv_conf, UpstreamOrigin::resolv_conf};
    return out;
}

}  // namespace taskdns::app
