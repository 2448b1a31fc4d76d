// resolv.conf: what the task's stub resolvers read. Layer: task.
#include "task/resolv_conf.hpp"

#include <algorithm>
#include <fstream>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"
#include "base/reaches.hpp"

namespace taskdns::task {
namespace {

constexpr std::uint16_t dns_port = 53;           // resolv.conf cannot name another
constexpr std::size_t longest_file = 64 * 1024;  // a real one has a few lines
// The VPC resolver's fixed addresses (vpc-dns.md); the second is the only one that an IPv6-only task reaches.
const SocketAddress vpc_resolver_v4{IpAddress(IpAddress::V4Bytes{169, 254, 169, 253}), dns_port};
const SocketAddress vpc_resolver_v6{
    IpAddress(IpAddress::V6Bytes{0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x53}), dns_port};

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(longest_file, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

}  // namespace

std::vector<SocketAddress> find_upstream_servers(const std::string& path,
                                                 const std::vector<SocketAddress>& own_listeners,
                                                 const HasRoute& has_route) {
    std::vector<SocketAddress> out;
    for (const SocketAddress& server : original_name_servers(read_file(path))) {
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
