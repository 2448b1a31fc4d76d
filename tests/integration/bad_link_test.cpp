// A bad network between the task, its resolver and its endpoints: loss, delay, duplicates, reordering, damaged
// packets, partitions. What was promised holds, and all is as it was soon after.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>

#include "support/child_process.hpp"
#include "support/fake_registry.hpp"
#include "support/impaired_link.hpp"
#include "support/service_report.hpp"
#include "support/task_network.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsSubsetOf;
using testing::Not;

constexpr unsigned stale_answer = 3;  // RFC 8914
const std::string resolver = "10.0.1.2";
const std::string other_name = "www.example";
const std::string other_address = "192.0.2.1";
// In subnets of their own: so that nobody's sorting makes an answer shorter.
const std::vector<std::string> addresses{"10.0.2.10", "10.0.3.10", "10.0.4.10", "10.0.5.10",
                                         "10.0.6.10", "10.0.7.10", "10.0.8.10", "10.0.9.10"};

/// One way: 20 % of the packets get lost, the others take 20 to 80 ms.
constexpr Impairment bad{
    .loss = 0.2, .duplicate = 0.1, .reorder = 0.1, .corrupt = 0.02, .delay = 50ms, .jitter = 30ms};

/// The test's thread is in the task, the resolver and the endpoints are behind the link.
class BadLink : public testing::Test {
protected:
    BadLink() {
        task.network.add_addresses({resolver});
        {
            const auto inside = task.network.in_vpc();
            registry.emplace(resolver.c_str(), 53);
        }
        registry->set("orders.test", addresses, 1);
        registry->set(other_name, {other_address}, 1);
    }

    /// `health`: the inner part of the mapping.
    DaemonOptions options(const std::string& health, const std::string& upstream = "timeout: 500ms") const {
        return {.yaml =
                    "upstream: {servers: [" + resolver + "], " + upstream +
                    "}\nservices:\n  - {name: orders.test, record: A, port: " + std::to_string(task.backends.port()) +
                    ", answer: {fair: false}, membership: {reserve: 0s}, health: {" + health + "}}\n"};
    }

    /// Asks for the service each 10 ms: none of the answers may be empty or name somebody else.
    std::vector<double> expect_answers(const DaemonUnderTest& daemon, milliseconds duration,
                                       std::size_t at_least = 1) const {
        std::vector<double> times_ms;
        const auto end = steady_clock::now() + duration;
        while (steady_clock::now() < end) {
            const auto asked = steady_clock::now();
            const DnsReply reply = daemon.ask({.name = "orders.test"});
            times_ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - asked).count());
            EXPECT_GE(reply.rdata("A").size(), at_least) << reply;
            EXPECT_THAT(reply.rdata("A"), IsSubsetOf(addresses));
            if (HasFailure()) break;
            std::this_thread::sleep_for(10ms);
        }
        std::ranges::sort(times_ms);
        return times_ms;
    }

    TaskNetwork task{addresses};
    ImpairedLink link{task.network};
    std::optional<FakeRegistry> registry;
};

double median(const std::vector<double>& sorted_times) { return sorted_times.at(sorted_times.size() / 2); }

/// Stateless: nothing of the daemon's is in the way of what is measured.
TEST_F(BadLink, DoesToPacketsWhatItIsTold) {
    link.impair({.loss = 0.3, .duplicate = 0.3, .reorder = 0.3, .corrupt = 0.1, .delay = 20ms, .jitter = 10ms});
    int answered = 0;
    milliseconds least = 1s;
    for (int i = 0; i < 20; ++i) {
        const DnsReply reply = ask({.name = "orders.test", .server = resolver, .edns = {}, .timeout = 150ms});
        if (!reply.arrived) continue;
        ++answered;
        least = std::min(least, reply.elapsed);
    }
    const ImpairedLink::Counts counts = link.counts();
    EXPECT_GT(answered, 0);
    EXPECT_LT(answered, 20);
    EXPECT_GT(counts.lost, 0U);
    EXPECT_GT(counts.duplicated, 0U);
    EXPECT_GT(counts.reordered, 0U);
    EXPECT_GT(counts.corrupted, 0U);
    link.impair({.delay = 20ms});
    const DnsReply slow = ask({.name = "orders.test", .server = resolver});
    EXPECT_GE(slow.elapsed, 40ms) << "there and back";
    EXPECT_LT(slow.elapsed, 1s);
    link.cut({resolver});
    EXPECT_FALSE(ask({.name = "orders.test", .server = resolver, .timeout = 200ms}).arrived);
    link.join();
    EXPECT_TRUE(ask({.name = "orders.test", .server = resolver, .timeout = 2s}).arrived);
}

TEST_F(BadLink, ServicesAreFoundAndNeverEmpty) {
    link.impair(bad);
    const DaemonUnderTest daemon(options("interval: 500ms, fast_interval: 200ms, timeout: 300ms", "timeout: 1s"));
    ASSERT_TRUE(wait_until(20s, [&] { return !daemon.ask_a("orders.test").empty(); })) << "not found";
    std::size_t right = 0;
    std::size_t failed = 0;
    const auto end = steady_clock::now() + 5s;
    std::vector<double> times;
    while (steady_clock::now() < end) {
        for (const double time : expect_answers(daemon, 200ms)) times.push_back(time);
        const std::string name = "host" + std::to_string(right + failed) + ".example";  // a failure is remembered
        registry->set(name, {other_address}, 60);
        const DnsReply other = daemon.ask({.name = name});
        EXPECT_LT(other.elapsed, 2s + 500ms) << "two tries";
        ++(other.rcode == "NOERROR" ? right : failed);
        EXPECT_THAT(other.rdata("A"), IsSubsetOf({other_address})) << other;
        ASSERT_FALSE(HasFailure());
    }
    std::ranges::sort(times);
    const ImpairedLink::Counts counts = link.counts();
    std::printf(
        "20 %% loss, 50 ms +- 30 ms, each way (%u of %u packets lost): p50 %.2f ms, p99 %.2f ms for a configured "
        "name; of others, %zu were answered and %zu failed\n",
        counts.lost, counts.taken, median(times), times.at(times.size() * 99 / 100), right, failed);
    EXPECT_LT(median(times), 20) << "the link's delay is in it";
    EXPECT_GT(right, 0U);
    link.impair({});
    EXPECT_TRUE(wait_until(10s, [&] { return daemon.ask_a("orders.test").size() == addresses.size(); }));
}

/// Of 20 connections one fails because of its first packet or the answer to it, and one in 8,000 times three in a
/// row.
TEST_F(BadLink, EndpointsBehindLossStay) {
    const DaemonUnderTest daemon(options("interval: 600ms, fast_interval: 200ms, timeout: 500ms"));
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.ask_a("orders.test").size() == addresses.size(); }));
    link.impair({.loss = 0.025, .delay = 5ms, .jitter = 5ms});
    expect_answers(daemon, 3s, addresses.size());
    link.impair({.loss = 0.05, .delay = 5ms, .jitter = 5ms});
    expect_answers(daemon, 3s, addresses.size() - 2);
    EXPECT_GT(link.counts().lost, 0U);
    link.impair({});
    EXPECT_TRUE(wait_until(5s, [&] { return daemon.ask_a("orders.test").size() == addresses.size(); }));
}

class Partition : public BadLink, public testing::WithParamInterface<Way> {};

TEST_P(Partition, FromTheResolverChangesNoAnswerAndIsOverSoonAfterItsEnd) {
    const DaemonUnderTest daemon(options("interval: 500ms, fast_interval: 200ms, timeout: 300ms"));
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_THAT(daemon.ask_a(other_name), ElementsAre(other_address));
    const std::vector<double> before = expect_answers(daemon, 500ms, addresses.size());

    link.cut({resolver}, GetParam());
    const std::vector<double> meanwhile = expect_answers(daemon, 3s, addresses.size());
    std::printf("answers of a configured name: p50 %.2f ms before, %.2f ms without the resolver\n", median(before),
                median(meanwhile));
    EXPECT_LT(median(meanwhile), 2 * median(before) + 1);
    EXPECT_TRUE(daemon.ask({.name = "orders.test"}).has_error(stale_answer));
    const DnsReply held = daemon.ask({.name = other_name});
    EXPECT_THAT(held.rdata("A"), ElementsAre(other_address)) << held;
    EXPECT_TRUE(held.has_error(stale_answer)) << held;
    EXPECT_LT(held.elapsed, 2s + 500ms);
    const DnsReply unknown = daemon.ask({.name = "never.example"});
    EXPECT_EQ(unknown.rcode, "SERVFAIL") << unknown;
    EXPECT_LT(unknown.elapsed, 2s) << "two tries of 500 ms";

    link.join();
    const auto healed = steady_clock::now();
    const auto both_are_fresh = [&] {
        return !daemon.ask({.name = "orders.test"}).has_error(stale_answer) &&
               daemon.ask({.name = other_name}).errors.empty();
    };
    EXPECT_TRUE(wait_until(10s, both_are_fresh))
        << "polls wait up to 1.6 times as long as before, forwarded names 5 s";
    std::printf("fresh again after %.0f ms\n",
                std::chrono::duration<double, std::milli>(steady_clock::now() - healed).count());
    EXPECT_EQ(daemon.ask({.name = "orders.test"}).rdata("A").size(), addresses.size());
}

TEST_P(Partition, FromAnEndpointTakesItOutInTimeAndBringsItBack) {
    const DaemonUnderTest daemon(options("interval: 500ms, fast_interval: 100ms, timeout: 300ms, rise: 2"));
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.ask_a("orders.test").size() == addresses.size(); }));
    const auto names = [&](const std::string& address) {
        return std::ranges::count(daemon.ask_a("orders.test"), address) == 1;
    };
    link.cut({addresses[0]}, GetParam());
    const auto cut = steady_clock::now();
    EXPECT_TRUE(wait_until(10s, [&] { return !names(addresses[0]); }));
    const auto out_after = std::chrono::duration_cast<milliseconds>(steady_clock::now() - cut);
    EXPECT_LE(out_after, 500ms + 3 * 300ms + 2 * 100ms + 400ms) << "section 11, and what a busy machine adds";
    EXPECT_EQ(daemon.ask_a("orders.test").size(), addresses.size() - 1) << "the others stay";
    link.join();
    const auto joined = steady_clock::now();
    EXPECT_TRUE(wait_until(10s, [&] { return names(addresses[0]); }));
    const auto back_after = std::chrono::duration_cast<milliseconds>(steady_clock::now() - joined);
    EXPECT_LE(back_after, 300ms + 500ms + 100ms + 500ms) << "one that is under way, the next, and one more";
    std::printf("out after %ld ms, back after %ld ms\n", static_cast<long>(out_after.count()),
                static_cast<long>(back_after.count()));

    link.cut(addresses, GetParam());
    expect_answers(daemon, 2s + 500ms);
    EXPECT_EQ(daemon.ask_a("orders.test").size(), addresses.size()) << "nobody is better than another";
    link.join();
    EXPECT_TRUE(wait_until(10s, [&] { return report(daemon, "orders.test").rung == "healthy"; }));
}

INSTANTIATE_TEST_SUITE_P(BadLink, Partition, testing::Values(Way::both, Way::to_vpc, Way::to_task),
                         testing::PrintToStringParamName());

/// The task's own interface goes down and comes up again: a fault of its own, which is no evidence against anybody.
TEST(InterfaceDown, TakesNoEndpointAwayAndIsOverWithoutARestart) {
    TaskNetwork task(addresses);
    task.network.add_addresses({resolver});
    std::optional<FakeRegistry> registry;
    {
        const auto inside = task.network.in_vpc();
        registry.emplace(resolver.c_str(), 53);
    }
    registry->set("orders.test", addresses, 1);
    registry->set(other_name, {other_address}, 1);
    const DaemonUnderTest daemon(
        {.yaml = "upstream: {servers: [" + resolver +
                 "], timeout: 500ms}\nservices:\n  - {name: orders.test, record: A, port: " +
                 std::to_string(task.backends.port()) +
                 ", answer: {fair: false}, health: {interval: 300ms, fast_interval: 100ms, timeout: 200ms}}\n"});
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.ask_a("orders.test").size() == addresses.size(); }));

    ASSERT_EQ(run({"ip", "link", "set", "task", "down"}).status, 0);
    const auto end = steady_clock::now() + 3s;
    while (steady_clock::now() < end) {
        const DnsReply reply = daemon.ask({.name = "orders.test"});
        ASSERT_EQ(reply.rdata("A").size(), addresses.size()) << reply;
        std::this_thread::sleep_for(10ms);
    }
    const ServiceReport meanwhile = report(daemon, "orders.test");
    EXPECT_EQ(meanwhile.rung, "healthy") << "not: all, since nobody is healthy";
    EXPECT_THAT(daemon.log(), Not(testing::HasSubstr("endpoint unhealthy")));
    const DnsReply other = daemon.ask({.name = "never.example"});
    EXPECT_EQ(other.rcode, "SERVFAIL") << other;
    EXPECT_LT(other.elapsed, 2s);

    ASSERT_EQ(run({"ip", "link", "set", "task", "up"}).status, 0);
    task.network.restore_default_route();  // the kernel has dropped it
    EXPECT_TRUE(wait_until(10s, [&] { return !daemon.ask({.name = "orders.test"}).has_error(stale_answer); }));
    EXPECT_TRUE(wait_until(10s, [&] { return daemon.ask({.name = other_name}).errors.empty(); }));
    task.set(addresses[0], Conduct::refuses);
    EXPECT_TRUE(wait_until(3s, [&] { return daemon.ask_a("orders.test").size() == addresses.size() - 1; }))
        << "checks go on";
}

}  // namespace
}  // namespace taskdns::testing_support
