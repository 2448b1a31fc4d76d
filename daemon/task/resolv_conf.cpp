// resolv.conf: what the task's stub resolvers read. Layer: task.
#include "task/resolv_conf.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"
#include "base/local_listener.hpp"
#include "base/log.hpp"
#include "base/reaches.hpp"
#include "base/whole_file.hpp"

namespace taskdns::task {
namespace {

// The VPC resolver's fixed addresses (vpc-dns.md); the second is the only one that an IPv6-only task reaches.
const SocketAddress vpc_resolver_v4{IpAddress(IpAddress::V4Bytes{169, 254, 169, 253}), resolv_conf_port};
const SocketAddress vpc_resolver_v6{
    IpAddress(IpAddress::V6Bytes{0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x53}), resolv_conf_port};

/// systemd-resolved's two stub listeners (systemd-resolved.service(8)).
bool is_resolved_stub(const SocketAddress& server) {
    static const IpAddress stub(IpAddress::V4Bytes{127, 0, 0, 53});
    static const IpAddress proxy_stub(IpAddress::V4Bytes{127, 0, 0, 54});
    return server.port == resolv_conf_port && (server.address == stub || server.address == proxy_stub);
}

/// Empty where there is none, or none that can be read.
std::string read_resolv_conf(const std::string& path) {
    auto text = read_whole_file(path, longest_resolv_conf);
    if (!text) {
        log::warning("resolv_conf", "not read, so the VPC resolver is asked", {{"reason", text.error().message}});
        return {};
    }
    return std::move(*text).value_or("");
}

std::vector<SocketAddress> servers_of(const std::string& path, const std::string& resolved) {
    std::vector<SocketAddress> servers = original_name_servers(read_resolv_conf(path));
    if (std::none_of(servers.begin(), servers.end(), is_resolved_stub)) return servers;
    std::vector<SocketAddress> behind = original_name_servers(read_resolv_conf(resolved));
    return behind.empty() ? servers : behind;
}

}  // namespace

std::vector<SocketAddress> find_upstream_servers(const std::string& path,
                                                 const std::vector<SocketAddress>& own_listeners,
                                                 const HasRoute& has_route, const std::string& resolved) {
    std::vector<SocketAddress> out;
    for (const SocketAddress& server : servers_of(path, resolved)) {
        const bool ours = std::any_of(own_listeners.begin(), own_listeners.end(),
                                      [&server](const SocketAddress& own) { return reaches(server, own); });
        const bool twice = std::find(out.begin(), out.end(), server) != out.end();
        if (!ours && !twice) out.push_back(server);
    }
    if (!out.empty()) return out;
    const bool only_v6 = !has_route(vpc_resolver_v4) && has_route(vpc_resolver_v6);
    return {only_v6 ? vpc_resolver_v6 : vpc_resolver_v4};
}

bool kernel_has_route(const SocketAddress& destination) {
    asio::io_context context;
    asio::ip::udp::socket socket(context);
    boost::system::error_code error;
    socket.connect(to_udp(destination), error);
    return !error;
}

}  // namespace taskdns::task
