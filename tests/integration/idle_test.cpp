// A service that nobody has asked for in a minute is checked seldom, and at once when the first question comes.
// It takes more than a minute, most of which it sleeps: let others run beside it.
// To see the figures: build/dev/tests/integration --gtest_filter='Idle.*'
#include <cstdio>
#include <thread>

#include <gmock/gmock.h>

#include "support/many_backends.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(Idle, ChecksAreSlowUntilTheFirstQuestion) {
    const std::string address = "127.0.1.11";
    const ManyBackends tasks({address});
    const auto start = steady_clock::now();
    const DaemonUnderTest daemon({.yaml = "services:\n  - {name: orders.test, source: static, addresses: [" +
                                          address + "], port: " + std::to_string(tasks.port()) +
                                          ", health: {interval: 500ms, idle_interval: 4s, fast_interval: 100ms, "
                                          "timeout: 200ms}}\n"});
    ASSERT_TRUE(daemon.wait_until_ready());
    const auto checks_in = [&](milliseconds time) {
        const unsigned before = tasks.connections(address);
        std::this_thread::sleep_for(time);
        return tasks.connections(address) - before;
    };
    const unsigned awake = checks_in(8s);
    std::this_thread::sleep_until(start + 63s);  // the minute, and how long it may take to be noticed
    report(daemon, "orders.test");               // to look at a service is no demand
    const unsigned asleep = checks_in(8s);

    // Right behind a check, so that the next one is seconds away.
    const unsigned last = tasks.connections(address);
    ASSERT_TRUE(wait_until(5s, [&] { return tasks.connections(address) > last; }));
    std::this_thread::sleep_for(300ms);
    const unsigned before = tasks.connections(address);
    const auto asked_at = steady_clock::now();
    EXPECT_FALSE(daemon.ask_a("orders.test").empty());
    ASSERT_TRUE(wait_until(5s, [&] { return tasks.connections(address) > before; }));
    const auto took = duration_cast<milliseconds>(steady_clock::now() - asked_at);
    const unsigned again = checks_in(2s);

    std::printf(
        "checks in 8 s: %u at first (interval 500 ms), %u after a minute without a question (idle_interval "
        "4 s); %ld ms after a question, and then %u in 2 s\n",
        awake, asleep, static_cast<long>(took.count()), again);
    EXPECT_GE(awake, 15U);
    EXPECT_LE(awake, 19U);
    EXPECT_GE(asleep, 1U);
    EXPECT_LE(asleep, 3U);
    EXPECT_LE(took, 100ms);
    EXPECT_GE(again, 3U);
}

}  // namespace
}  // namespace taskdns::testing_support
