// An endpoint that refuses connections leaves the answers at its next check, and comes back when it is there again.
#include <algorithm>
#include <thread>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

bool names(const std::vector<std::string>& addresses, const std::string& address) {
    return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

/// Asks without pause until no answer has named `address` for `quiet`; how long after `start` the last one did.
milliseconds last_answer_that_names(const std::string& address, const DaemonUnderTest& daemon,
                                    steady_clock::time_point start, milliseconds quiet) {
    auto last = start;
    while (steady_clock::now() - last < quiet) {
        if (names(daemon.ask_a(Vpc::service), address)) last = steady_clock::now();
        std::this_thread::sleep_for(1ms);
    }
    return duration_cast<milliseconds>(last - start);
}

TEST(Health, LeavesOutAKilledBackendWithinTheIntervalAndTakesItBack) {
    Vpc vpc;
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_THAT(daemon.ask_a(Vpc::service), UnorderedElementsAreArray(vpc.backends.addresses()));

    const auto killed_at = steady_clock::now();
    vpc.backends["127.0.0.12"].kill();
    const milliseconds last = last_answer_that_names("127.0.0.12", daemon, killed_at, 2'500ms);
    RecordProperty("last_answer_ms", static_cast<int>(last.count()));
    EXPECT_LE(last, 2s + 100ms);
    EXPECT_THAT(sorted(daemon.ask_a(Vpc::service)), testing::ElementsAre("127.0.0.11", "127.0.0.13", "127.0.0.14"));

    vpc.backends["127.0.0.12"].start();
    EXPECT_TRUE(wait_until(8s, [&] { return names(daemon.ask_a(Vpc::service), "127.0.0.12"); }));
}

TEST(Health, AnswersEveryEndpointWhenNoneIsWell) {
    Vpc vpc({.addresses = {"127.0.0.11", "127.0.0.12"}, .registered = {}, .other_zones = {}});
    const DaemonUnderTest daemon(
        vpc.daemon_options("    health: {interval: 200ms, fast_interval: 200ms, timeout: 100ms}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    vpc.backends["127.0.0.11"].kill();
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a(Vpc::service) == std::vector<std::string>{"127.0.0.12"}; }));
    vpc.backends["127.0.0.12"].kill();
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a(Vpc::service).size() == 2; })) << "all is better than none";
}

TEST(Health, TakesStatus503ForCertain) {
    Vpc vpc;
    const DaemonUnderTest daemon(
        vpc.daemon_options("    health: {check: http, path: /healthz, interval: 1s, timeout: 500ms}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    const auto start = steady_clock::now();
    vpc.backends["127.0.0.13"].answer_with(503);
    EXPECT_LE(last_answer_that_names("127.0.0.13", daemon, start, 1'500ms), 1s + 100ms);
    vpc.backends["127.0.0.13"].answer_with(200);
    EXPECT_TRUE(wait_until(5s, [&] { return names(daemon.ask_a(Vpc::service), "127.0.0.13"); }));
}

TEST(Health, DoubtsAnyOtherStatusUntilItCameThreeTimes) {
    Vpc vpc;
    const DaemonUnderTest daemon(vpc.daemon_options(
        "    health: {check: http, interval: 1s, timeout: 500ms, fast_interval: 300ms, fall: 3}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    const auto start = steady_clock::now();
    vpc.backends["127.0.0.13"].answer_with(500);
    const milliseconds last = last_answer_that_names("127.0.0.13", daemon, start, 2s);
    EXPECT_GE(last, 500ms) << "two further checks, 300 ms apart at the least, come before the verdict";
    EXPECT_LE(last, 1s + 2 * 300ms + 100ms);
}

TEST(Health, DoesNotCheckWhereNoPortIsKnown) {
    Vpc vpc({.addresses = {"127.0.0.11"}, .registered = {"127.0.0.11", "127.0.0.15"}, .other_zones = {}});
    DaemonOptions options = vpc.daemon_options();
    options.services = Vpc::service;
    const DaemonUnderTest daemon(options);
    ASSERT_TRUE(daemon.wait_until_ready());
    EXPECT_EQ(daemon.ask_a(Vpc::service).size(), 2U);
    EXPECT_EQ(vpc.backends["127.0.0.11"].connections(), 0U);
    EXPECT_THAT(daemon.ask({.name = Vpc::service, .type = "SRV"}).answer, IsEmpty());
}

}  // namespace
}  // namespace taskdns::testing_support
