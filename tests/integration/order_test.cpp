// Who comes first, and how often: by weight, at random, and by and by after a recovery (slow start).
// What it prints: the shares. To see them: build/dev/tests/integration --gtest_filter='Order.*'
#include <array>
#include <cstdio>
#include <set>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::steady_clock;
using testing::Contains;
using testing::Pair;

const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);

std::string static_service(const std::string& name, std::uint16_t port, const std::string& keys) {
    return "  - {name: " + name + ", source: static, port: " + std::to_string(port) +
           ", addresses: [127.0.1.11, 127.0.1.12, 127.0.1.13, 127.0.1.14], health: {interval: 200ms, "
           "fast_interval: 100ms, timeout: 150ms}, " +
           keys + "}\n";
}

void print(const char* title, const std::map<std::string, int>& counts) {
    std::printf("%-28s", title);
    for (const auto& [address, times] : counts) std::printf("  %s: %d", address.c_str(), times);
    std::printf("\n");
}

TEST(Order, WeightedGivesSrvWeightsTheirShares) {
    ManyBackends tasks(addresses);
    FakeRegistry registry;
    Registered held;
    for (const std::string& address : addresses) {
        const std::string target = "task" + address.substr(address.rfind('.') + 1) + ".test";
        const std::uint16_t weight = address == addresses[0] || address == addresses[2] ? 1 : 3;
        held.records.push_back(srv("orders.test", tasks.port(), target, 5, 1, weight));
        held.additional.push_back(a(target, address, 5));
    }
    registry.set("orders.test", dns::RrType::srv, held);
    const DaemonUnderTest daemon(
        {.yaml = "services:\n  - {name: orders.test, record: SRV, answer: {order: weighted}}\n",
         .upstream_port = registry.port()});
    ASSERT_TRUE(wait_until(4s, [&] { return report(daemon, "orders.test").served().size() == 4; }));
    ASSERT_TRUE(daemon.wait_until_ready());
    const std::map<std::string, int> counts = firsts(daemon, "orders.test", 400);
    print("weights 1 3 1 3, of 400:", counts);
    for (const std::string& address : addresses) {
        const int weight = address == addresses[0] || address == addresses[2] ? 1 : 3;
        EXPECT_THAT(counts, Contains(Pair(address, 50 * weight)));
    }
    const DnsReply reply = daemon.ask({.name = "orders.test", .type = "SRV"});
    EXPECT_THAT(reply.rdata("SRV"), Contains(testing::StartsWith("1 3 " + std::to_string(tasks.port())))) << reply;
}

/// The shortest distance at which the whole sequence repeats itself; 0: none below half of its length.
std::size_t period(const std::vector<std::string>& sequence) {
    for (std::size_t p = 1; p <= sequence.size() / 2; ++p) {
        if (std::equal(sequence.begin() + static_cast<std::ptrdiff_t>(p), sequence.end(), sequence.begin())) return p;
    }
    return 0;
}

TEST(Order, RandomGivesEachEquallyOftenWithoutAPattern) {
    ManyBackends tasks(addresses);
    const DaemonUnderTest daemon(
        {.yaml = "services:\n" + static_service("random.test", tasks.port(), "answer: {order: random}") +
                 static_service("turns.test", tasks.port(), "answer: {order: round_robin}")});
    ASSERT_TRUE(daemon.wait_until_ready());
    std::map<std::string, int> counts;
    std::vector<std::string> sequence;
    for (int i = 0; i < 1024; ++i) {
        sequence.push_back(daemon.ask_a("random.test").at(0));
        ++counts[sequence.back()];
    }
    std::set<std::vector<std::string>> runs;  // of three, one behind the other
    for (std::size_t i = 0; i + 3 <= sequence.size(); ++i) runs.insert({&sequence[i], &sequence[i] + 3});
    print("random, of 1024:", counts);
    std::printf(
        "different runs of three: %zu of 64; the whole repeats itself after %zu (0: not within 512); in turns: ",
        runs.size(), period(sequence));
    for (const std::string& address : addresses) EXPECT_NEAR(counts[address], 256, 26) << address;
    EXPECT_GE(runs.size(), 48U);
    EXPECT_TRUE(period(sequence) == 0 || period(sequence) >= 256);

    std::vector<std::string> turns;
    for (int i = 0; i < 64; ++i) turns.push_back(daemon.ask_a("turns.test").at(0));
    std::printf("%zu\n", period(turns));
    EXPECT_EQ(period(turns), 4U) << "so that this test can fail";
}

TEST(Order, SlowStartGivesARecoveredEndpointItsShareByAndBy) {
    ManyBackends tasks(addresses);
    const DaemonUnderTest daemon(
        {.yaml = "services:\n" + static_service("orders.test", tasks.port(), "slow_start: 3s")});
    ASSERT_TRUE(daemon.wait_until_ready());
    const std::string& back = addresses[1];
    EXPECT_EQ(firsts(daemon, "orders.test", 400).at(back), 100) << "nobody is new when taskdns starts";

    tasks.set(back, Conduct::refuses);
    ASSERT_TRUE(wait_until(2s, [&] { return !report(daemon, "orders.test").serves(back); }));
    tasks.set(back, Conduct::answers);
    ASSERT_TRUE(wait_until(2s, [&] { return report(daemon, "orders.test").serves(back); }));
    const auto start = steady_clock::now();
    std::printf("slow_start 3 s:  ms   weight expected   as asked   share in JSON\n");
    for (int step = 0; step <= 10; ++step) {
        const auto due = start + step * 330ms;
        wait_until(1s, [&] { return steady_clock::now() >= due; });
        const double seconds = duration<double>(steady_clock::now() - start).count();
        const double expected = std::min(1.0, 0.1 + 0.9 * seconds / 3);
        constexpr int questions = 300;
        const int first = firsts(daemon, "orders.test", questions)[back];
        const double weight = 3.0 * first / (questions - first);  // of the others' mean
        const EndpointReport endpoint = *report(daemon, "orders.test").find(back);
        std::printf("%20.0f%18.2f%11.2f%16.3f\n", 1000 * seconds, expected, weight, endpoint.share);
        EXPECT_NEAR(weight, expected, 0.12) << step;
        EXPECT_NEAR(endpoint.share, expected / (3 + expected), 0.03) << step;
    }
    EXPECT_EQ(firsts(daemon, "orders.test", 400).at(back), 100);
}

}  // namespace
}  // namespace taskdns::testing_support
