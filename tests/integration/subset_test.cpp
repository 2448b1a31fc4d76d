// A task uses only a few endpoints of a large service: the same ones after a restart, others than the next task.
// What it prints: the sets, and how soon one that was killed is replaced.
// To see it: build/dev/tests/integration --gtest_filter='Subset.*'
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
using testing::IsSubsetOf;
using testing::SizeIs;

const std::string service = "orders.test";

class Subset : public testing::Test {
protected:
    DaemonOptions options(const std::string& task) const {
        std::string list;
        for (const std::string& address : tasks.addresses()) list += (list.empty() ? "" : ", ") + address;
        // Nobody answers there: the identity is what the URI says.
        return {.yaml = "shutdown: {linger: 0s}\nservices:\n  - {name: " + service +
                        ", source: static, subset: 5, port: " + std::to_string(tasks.port()) +
                        ", health: {interval: 300ms, fast_interval: 100ms, timeout: 200ms}, addresses: [" + list +
                        "]}\n",
                .environment = {{"ECS_CONTAINER_METADATA_URI_V4", "http://127.0.0.1:1/v4/" + task}}};
    }
    std::set<std::string> checked() const {
        std::set<std::string> out;
        for (const std::string& address : tasks.addresses()) {
            if (tasks.connections(address) > 0) out.insert(address);
        }
        return out;
    }
    std::set<std::string> chosen_by(const std::string& task) const {
        const DaemonUnderTest daemon(options(task));
        EXPECT_TRUE(daemon.wait_until_ready());
        EXPECT_TRUE(wait_until(2s, [&] { return report(daemon, service).served().size() == 5; }));
        return report(daemon, service).served();
    }

    ManyBackends tasks{address_range("127.0.1.", 1, 40)};
};

TEST_F(Subset, OnlyTheChosenAreCheckedAndAKilledOneIsReplaced) {
    const DaemonUnderTest daemon(options("0123456789abcdef-1"));
    ASSERT_TRUE(wait_until(3s, [&] { return report(daemon, service).served().size() == 5; }));
    const std::set<std::string> first = report(daemon, service).served();
    std::this_thread::sleep_for(1s);  // some checks
    EXPECT_EQ(checked(), first) << "nobody else is ever connected to";
    EXPECT_EQ(named_by(daemon, service, 40), first);
    ASSERT_THAT(first, SizeIs(5));

    const std::string victim = *first.begin();
    const auto killed_at = steady_clock::now();
    tasks.set(victim, Conduct::refuses);
    const auto replaced = [&] {
        const std::set<std::string> now = report(daemon, service).served();
        return now.size() == 5 && !now.contains(victim);
    };
    ASSERT_TRUE(wait_until(3s, replaced));
    const auto took = duration_cast<milliseconds>(steady_clock::now() - killed_at);
    const std::set<std::string> second = report(daemon, service).served();
    std::printf("5 of 40: %s; %s is killed and replaced after %ld ms (interval 300 ms): %s\n",
                last_numbers(first).c_str(), last_numbers({victim}).c_str(), static_cast<long>(took.count()),
                last_numbers(second).c_str());
    EXPECT_LE(took, 300ms + 100ms);
    EXPECT_TRUE(wait_until(2s, [&] { return checked().size() == 6; }))
        << "the new one is served before it is checked";
    EXPECT_THAT(second, IsSubsetOf(checked()));

    tasks.set(victim, Conduct::answers);
    EXPECT_TRUE(wait_until(3s, [&] { return report(daemon, service).served() == first; })) << "it takes its place";
    EXPECT_THAT(checked(), SizeIs(6));
}

TEST_F(Subset, IsTheTasksOwnAndStaysTheSameAfterARestart) {
    const std::set<std::string> one = chosen_by("0123456789abcdef-1");
    const std::set<std::string> two = chosen_by("0123456789abcdef-2");
    const std::set<std::string> again = chosen_by("0123456789abcdef-1");
    std::printf("task 1: %s\ntask 2: %s\ntask 1 after a restart: %s\n", last_numbers(one).c_str(),
                last_numbers(two).c_str(), last_numbers(again).c_str());
    EXPECT_NE(one, two);
    EXPECT_EQ(one, again);
}

}  // namespace
}  // namespace taskdns::testing_support
