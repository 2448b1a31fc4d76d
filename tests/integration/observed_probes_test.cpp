// Where new connections of the application succeed, the endpoint is not probed with TCP; and only new ones count: one
// that has been open for long says nothing of the endpoint of today.
// To see the figures: build/dev/tests/integration --gtest_filter='ObservedProbes.*'
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <numeric>
#include <string_view>
#include <thread>

#include <gmock/gmock.h>

#include "support/application.hpp"
#include "support/many_backends.hpp"
#include "support/network_namespaces.hpp"
#include "support/observed_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::string service = "api.test";

/// A service of static endpoints that is asked for all the time, so that it is in use.
class Served {
public:
    Served(unsigned endpoints, const std::string& health)
        : addresses(address_range("127.0.1.", 11, endpoints)),
          backends(addresses),
          daemon(with_services(static_service(service, addresses, backends.port(), health))) {}

    /// Asks meanwhile; false if `address` was named.
    bool stays_out(const std::string& address, milliseconds time) const {
        const auto end = steady_clock::now() + time;
        while (steady_clock::now() < end) {
            if (named_by(daemon, service).contains(address)) return false;
            std::this_thread::sleep_for(5ms);
        }
        return true;
    }
    void ask_for(milliseconds time) const { stays_out("nobody", time); }

    template <typename Count>
    unsigned sum(Count count) const {
        return std::accumulate(addresses.begin(), addresses.end(), 0U,
                               [&](unsigned all, const std::string& address) { return all + count(address); });
    }
    unsigned wordless() const {
        return sum([this](const auto& address) { return backends.wordless(address); });
    }
    unsigned connections() const {
        return sum([this](const auto& address) { return backends.connections(address); });
    }
    unsigned connected(const Application& application) const {
        return sum([&](const auto& address) { return application.met(address, backends.port()).connected; });
    }

    /// TCP checks in so much time.
    unsigned checks_in(milliseconds time) const {
        const unsigned before = wordless();
        ask_for(time);
        return wordless() - before;
    }

    const std::vector<std::string> addresses;
    ManyBackends backends;
    const DaemonUnderTest daemon;
};

/// One connection over which requests are answered, again and again. Threads: one of its own.
class LongConnection {
public:
    LongConnection(const std::string& address, std::uint16_t port)
        : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        inet_pton(AF_INET, address.c_str(), &where.sin_addr);
        if (connect(socket_.number(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return;
        thread_ = std::thread([this] { converse(); });
    }
    ~LongConnection() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    LongConnection(const LongConnection&) = delete;
    LongConnection& operator=(const LongConnection&) = delete;

    unsigned answers() const { return answers_; }

private:
    void converse() {
        constexpr std::string_view request = "GET /stay HTTP/1.1\r\nHost: test\r\n\r\n";
        char answer[4096];
        while (!stopping_) {
            if (send(socket_.number(), request.data(), request.size(), MSG_NOSIGNAL) <= 0) return;
            if (recv(socket_.number(), answer, sizeof answer, 0) <= 0) return;
            ++answers_;
            std::this_thread::sleep_for(20ms);
        }
    }

    Descriptor socket_;
    std::atomic<bool> stopping_ = false;
    std::atomic<unsigned> answers_ = 0;
    std::thread thread_;
};

TEST(ObservedProbes, AreSparedWhereNewConnectionsSucceed) {
    const Served served(16, "check: tcp");  // interval: 2s
    ASSERT_TRUE(served.daemon.wait_until_ready());
    served.ask_for(2s);
    const unsigned before = served.checks_in(10s);
    unsigned during = 0;
    {
        const Application application(turns_to(served.addresses, {.port = served.backends.port()}), 20ms);
        served.ask_for(3s);
        during = served.checks_in(10s);
        EXPECT_EQ(observe_state(served.daemon, service), "on");
    }
    served.ask_for(3s);
    const unsigned after = served.checks_in(10s);
    std::printf("TCP checks of 16 endpoints in 10 s, interval 2 s: %u without traffic, %u under it, %u after it\n",
                before, during, after);
    std::fflush(stdout);
    EXPECT_GE(before, 16U * 4);
    EXPECT_LE(during * 10, before);
    EXPECT_GE(after * 10, before * 9);
}

TEST(ObservedProbes, OfHttpGoOnUnderTraffic) {
    const Served served(4, "check: http, path: /healthz, interval: 1s, timeout: 500ms");
    ASSERT_TRUE(served.daemon.wait_until_ready());
    unsigned checks = 0;
    {
        const Application application(turns_to(served.addresses, {.port = served.backends.port()}), 20ms);
        served.ask_for(3s);
        const auto not_of_the_application = [&] { return served.connections() - served.connected(application); };
        const unsigned before = not_of_the_application();
        served.ask_for(6s);
        checks = not_of_the_application() - before;
    }
    EXPECT_GE(checks, 4U * 5);
    EXPECT_LE(checks, 4U * 8);
}

TEST(ObservedProbes, AreNotSparedForAnOldConnection) {
    const Served served(4, "check: tcp, interval: 1s, timeout: 500ms");
    const std::string& victim = served.addresses.front();
    const LongConnection old(victim, served.backends.port());
    ASSERT_TRUE(served.daemon.wait_until_ready());
    served.ask_for(3s);  // by then it has been seen, and is old
    const unsigned before = served.backends.wordless(victim);
    const unsigned answers = old.answers();
    served.ask_for(6s);
    EXPECT_GE(served.backends.wordless(victim) - before, 5U);
    EXPECT_GT(old.answers(), answers + 50);
    const auto seen = observed_connections(served.daemon, service, victim);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->open, 1U);
}

class ObservedOldConnection : public testing::TestWithParam<std::string> {};

TEST_P(ObservedOldConnection, NeverBringsBackWhoRefusesNewOnes) {
    Served served(4, GetParam());
    const std::string& victim = served.addresses.front();
    auto old = std::make_unique<LongConnection>(victim, served.backends.port());
    ASSERT_TRUE(served.daemon.wait_until_ready());
    const Application application(turns_to(served.addresses, {.port = served.backends.port()}), 50ms);
    served.ask_for(3s);
    ASSERT_TRUE(named_by(served.daemon, service).contains(victim));

    served.backends.set(victim, Conduct::refuses);
    ASSERT_TRUE(wait_until(2s, [&] { return !named_by(served.daemon, service).contains(victim); }));
    const unsigned answers = old->answers();
    EXPECT_TRUE(served.stays_out(victim, 5s));
    EXPECT_GT(old->answers(), answers + 50) << "the old connection lives";
    old.reset();
    EXPECT_TRUE(served.stays_out(victim, 4s)) << "its end is no success either";
}

INSTANTIATE_TEST_SUITE_P(Health, ObservedOldConnection,
                         testing::Values("check: none", "check: tcp, interval: 1s, timeout: 500ms"),
                         [](const auto& named) { return named.index == 0 ? "WithoutProbes" : "WithProbes"; });

}  // namespace
}  // namespace taskdns::testing_support
