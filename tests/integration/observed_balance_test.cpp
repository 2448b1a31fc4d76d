// Order least_connections: an endpoint that holds more of the application's connections comes first less often.
// How it compares with a proxy: tests/bench/balancing.py.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include <gtest/gtest.h>

#include "support/many_backends.hpp"
#include "support/observed_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

constexpr const char* service = "api.test";

/// Connections that stay open until this is gone.
class HeldConnections {
public:
    HeldConnections(const std::string& address, std::uint16_t port, int count) {
        sockaddr_in remote{};
        remote.sin_family = AF_INET;
        remote.sin_port = htons(port);
        inet_pton(AF_INET, address.c_str(), &remote.sin_addr);
        for (int i = 0; i < count; ++i) {
            sockets_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            EXPECT_EQ(connect(sockets_.back(), reinterpret_cast<const sockaddr*>(&remote), sizeof remote), 0);
        }
    }
    HeldConnections(const HeldConnections&) = delete;
    HeldConnections& operator=(const HeldConnections&) = delete;
    ~HeldConnections() {
        for (const int fd : sockets_) close(fd);
    }

private:
    std::vector<int> sockets_;
};

TEST(ObservedBalance, GivesFewerTurnsToWhoHoldsMoreConnections) {
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    ManyBackends backends(addresses, Conduct::silent);  // who connects stays connected
    std::string yaml = static_service(service, addresses, backends.port(), "check: none");
    yaml.insert(yaml.rfind(", health"), ", answer: {order: least_connections}");
    const DaemonUnderTest daemon(with_services(yaml));
    ASSERT_TRUE(daemon.wait_until_ready());
    for (const auto& [address, times] : firsts(daemon, service, 400)) EXPECT_EQ(times, 100) << address;

    const HeldConnections many(addresses[0], backends.port(), 30);
    const HeldConnections few(addresses[1], backends.port(), 5);
    const auto share = [&](std::size_t i) { return report(daemon, service).find(addresses[i])->share; };
    EXPECT_TRUE(wait_until(15s, [&] { return share(0) < 0.05; })) << share(0);
    std::printf("30, 5, 0, 0 connections held: shares %.3f %.3f %.3f %.3f\n", share(0), share(1), share(2), share(3));
    EXPECT_LT(share(0), share(1));
    EXPECT_LT(share(1), share(2));
    const std::map<std::string, int> now = firsts(daemon, service, 400);
    EXPECT_LT(now.at(addresses[0]), 40);
    EXPECT_GT(now.at(addresses[0]), 0) << "nobody is starved";
}

}  // namespace
}  // namespace taskdns::testing_support
