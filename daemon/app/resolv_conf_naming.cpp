// What a managed resolv.conf is to name. Layer: app.
#include "app/resolv_conf_naming.hpp"

#include "app/own_listeners.hpp"
#include "base/local_listener.hpp"
#include "task/resolv_conf.hpp"

namespace taskdns::app {

Result<task::Naming> find_naming(const std::vector<SocketAddress>& listeners, const config::Upstream& upstream,
                                 const std::string& path, bool fallback) {
    const auto own = find_local_listener(listeners);
    if (!own) {
        return Error{Errc::invalid_config,
                     path +
                         ": cannot name taskdns, since no listener is on port 53, and the file has no ports "
                         "(such as listen: {dns: [127.0.0.1:53]})"};
    }
    task::Naming naming;
    naming.own = *own;
    naming.fallback = fallback;
    if (!fallback) return naming;
    naming.never = heard_addresses(listeners, local_addresses());
    naming.upstream = upstream.servers;
    if (naming.upstream.empty()) naming.upstream = task::find_upstream_servers(path, naming.never);
    return naming;
}

std::string name_servers(const std::vector<IpAddress>& servers) {
    if (servers.empty()) return "no nameserver";
    std::string out = "nameserver ";
    for (const IpAddress& server : servers) out += (&server == &servers.front() ? "" : ", ") + server.to_string();
    return out;
}

std::string describe(const task::ResolvConfChange& change) {
    if (!change.written) return name_servers(change.servers) + " already";
    return name_servers(change.servers) + " now; what was there before (" + name_servers(change.before) +
           ") is saved in it";
}

}  // namespace taskdns::app
