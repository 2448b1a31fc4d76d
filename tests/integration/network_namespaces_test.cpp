// The network that other tests stand on does what its header says: who answers, who refuses, who is silent.
#include "support/network_namespaces.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include <gmock/gmock.h>

#include "support/child_process.hpp"

namespace taskdns::testing_support {
namespace {

constexpr std::uint16_t port = 8080;

/// 0 if it connected, else errno; nothing if 300 ms brought neither.
std::optional<int> connect_to(const std::string& address) {
    sockaddr_in6 where{};  // IPv4 as a mapped address
    where.sin6_family = AF_INET6;
    where.sin6_port = htons(port);
    const bool ipv6 = address.find(':') != std::string::npos;
    inet_pton(AF_INET6, (ipv6 ? address : "::ffff:" + address).c_str(), &where.sin6_addr);
    const Descriptor connection(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(connection.number(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    pollfd waiting{.fd = connection.number(), .events = POLLOUT, .revents = 0};
    if (poll(&waiting, 1, 300) == 0) return std::nullopt;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection.number(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

TEST(NetworkNamespaces, HaveBackendsThatAnswerRefuseAndAreSilent) {
    const NetworkNamespaces network;
    network.add_addresses({"10.0.1.10", "10.0.2.10", "fd00:1::10", "fd00:2::10"});
    std::optional<TcpAcceptor> acceptor;
    {
        const auto inside = network.in_vpc();
        acceptor.emplace(port);
    }
    const auto inside = network.in_task();
    for (const char* address : {"10.0.1.10", "10.0.2.10", "fd00:1::10", "fd00:2::10"}) {
        EXPECT_EQ(connect_to(address), 0) << address;
    }
    network.black_hole("10.0.1.10");
    EXPECT_EQ(connect_to("10.0.1.10"), std::nullopt);
    network.remove_default_route();
    EXPECT_EQ(connect_to("10.0.2.10"), ENETUNREACH);
    EXPECT_EQ(connect_to("10.0.1.1"), 0) << "the own subnet needs no such route";
    network.restore_default_route();
    EXPECT_EQ(connect_to("10.0.2.10"), 0);
    acceptor.reset();
    EXPECT_EQ(connect_to("10.0.2.10"), ECONNREFUSED);
}

TEST(NetworkNamespaces, LosePackets) {
    const NetworkNamespaces network;
    network.add_addresses({"10.0.1.10"});
    std::optional<TcpAcceptor> acceptor;
    {
        const auto inside = network.in_vpc();
        acceptor.emplace(port);
    }
    const auto inside = network.in_task();
    network.lose_packets(100);
    EXPECT_EQ(connect_to("10.0.1.10"), std::nullopt);
    network.lose_packets(2);
    int connected = 0;
    for (int i = 0; i < 50; ++i) connected += connect_to("10.0.1.10") == 0 ? 1 : 0;
    EXPECT_GE(connected, 35);
    network.lose_packets(0);
    EXPECT_EQ(connect_to("10.0.1.10"), 0);
}

TEST(NetworkNamespaces, GiveACommandItsOwnResolver) {
    const NetworkNamespaces network;
    const std::string ours = read_file("/etc/resolv.conf");
    EXPECT_EQ(run(network.with_own_resolver({"cat", "/etc/resolv.conf"})).out, "nameserver 127.0.0.1\n");
    EXPECT_EQ(read_file("/etc/resolv.conf"), ours);
}

}  // namespace
}  // namespace taskdns::testing_support
