// What the HTTP interface shows of the upstream servers. Layer: app.
#include "app/upstream_status.hpp"

namespace taskdns::app {

std::vector<http_server::UpstreamServerStatus> upstream_status(const upstream::Resolver& resolver,
                                                               const WallAnchor& wall) {
    std::vector<http_server::UpstreamServerStatus> out;
    for (const upstream::ServerStatus& server : resolver.server_status()) {
        http_server::UpstreamServerStatus& status = out.emplace_back();
        status.address = server.address;
        status.state = server.queries == 0 ? "not_asked" : server.failing ? "failing" : "answers";
        status.queries = server.queries;
        status.failures = server.failures;
        status.rtt = std::chrono::duration_cast<std::chrono::microseconds>(server.round_trip);
        if (server.last_answer != never) status.last_answer = wall.at(server.last_answer);
        status.last_error = server.last_error;
    }
    return out;
}

}  // namespace taskdns::app
