// What the host runs short of is no evidence against an endpoint, and no reason to stop answering.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::UnorderedElementsAreArray;

/// Connections that say nothing, open until destruction.
class Connections {
public:
    Connections(std::uint16_t port, std::size_t count) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (std::size_t i = 0; i < count; ++i) {
            descriptors_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            connect(descriptors_.back(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
        }
    }
    ~Connections() {
        for (const int descriptor : descriptors_) close(descriptor);
    }
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

private:
    std::vector<int> descriptors_;
};

TEST(Limits, RunningOutOfDescriptorsTakesNoEndpointAway) {
    Vpc vpc;
    DaemonOptions options =
        vpc.daemon_options("    health: {interval: 200ms, fast_interval: 100ms, timeout: 100ms}\n");
    options.launcher = {"sh", "-c", "ulimit -n 32; exec \"$0\""};
    const DaemonUnderTest daemon(options);
    ASSERT_TRUE(daemon.wait_until_ready());
    {
        const Connections many(daemon.http_port(), 64);
        const auto end = steady_clock::now() + 2s;  // many checks, none of which gets a socket
        while (steady_clock::now() < end) {
            ASSERT_THAT(daemon.ask_a(Vpc::service), UnorderedElementsAreArray(vpc.backends.addresses()));
        }
        EXPECT_FALSE(daemon.ask({.name = Vpc::service, .tcp = true, .timeout = 200ms}).arrived)
            << "there were descriptors left: the test shows nothing";
    }
    EXPECT_TRUE(wait_until(5s, [&] { return daemon.get("/healthz").status == 200; }));
    EXPECT_THAT(daemon.ask({.name = Vpc::service, .tcp = true}).rdata("A"),
                UnorderedElementsAreArray(vpc.backends.addresses()));
    vpc.backends["127.0.0.12"].kill();
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a(Vpc::service).size() == 3; })) << "checks go on afterwards";
}

/// Of all its threads, since its start.
double cpu_seconds(pid_t pid) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;  // proc(5): utime is the 14th
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

TEST(Limits, WithoutDescriptorsNothingSpins) {
    Vpc vpc;
    DaemonOptions options =
        vpc.daemon_options("    health: {interval: 500ms, fast_interval: 100ms, timeout: 100ms}\n");
    options.launcher = {"sh", "-c", "ulimit -n 32; exec \"$0\""};
    DaemonUnderTest daemon(options);
    ASSERT_TRUE(daemon.wait_until_ready());
    {
        const Connections http(daemon.http_port(), 200);
        const Connections dns(daemon.dns_port(), 200);
        ASSERT_TRUE(wait_until(3s, [&] { return daemon.log().find("cannot accept") != std::string::npos; }));
        const double before = cpu_seconds(daemon.process().pid());
        const auto end = steady_clock::now() + 2s;
        while (steady_clock::now() < end) {
            ASSERT_THAT(daemon.ask_a(Vpc::service), UnorderedElementsAreArray(vpc.backends.addresses()));
            std::this_thread::sleep_for(50ms);
        }
        const double used = cpu_seconds(daemon.process().pid()) - before;
        std::printf("without descriptors, 400 connections waiting: %.2f s of CPU in 2 s\n", used);
        EXPECT_LT(used, 0.2) << "who accepts again and again what it cannot accept needs all of them";
        EXPECT_THAT(daemon.log(), testing::Not(testing::HasSubstr("endpoint unhealthy")));
    }
    EXPECT_TRUE(wait_until(5s, [&] { return daemon.get("/healthz").status == 200; }));
    EXPECT_THAT(daemon.ask({.name = Vpc::service, .tcp = true}).rdata("A"), testing::SizeIs(4));
}

TEST(Limits, MoreTcpConnectionsThanAreKeptCloseTheLongestIdle) {
    Vpc vpc;
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    // Fewer than wait in the kernel's queue: what does not fit there comes a second later, more than 64 at once, and
    // then a client that has not asked yet is among the longest idle.
    const Connections many(daemon.dns_port(), 120);
    for (int i = 0; i < 20; ++i) {
        EXPECT_THAT(daemon.ask({.name = Vpc::service, .tcp = true}).rdata("A"),
                    UnorderedElementsAreArray(vpc.backends.addresses()));
    }
}

}  // namespace
}  // namespace taskdns::testing_support
