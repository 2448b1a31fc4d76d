// A restart while the resolver is down: the snapshot's endpoints are answered at once, marked as stale, and checked.
// And a file system that hangs holds nothing up.
// What it prints: the time from exec to the first answer. To see it (TASKDNS_BINARY for the release binary):
// build/dev/tests/integration --gtest_filter='Snapshot.*'
#include <sys/stat.h>

#include <cstdio>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/quick_start.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

const std::string service = "orders.test";
constexpr double generous_ms = 250;  // the release binary takes less than 20 (design.md, section 11)

class Snapshot : public testing::Test {
protected:
    Snapshot() {
        registry.emplace();
        registry->set(service, addresses, 1);
        upstream_port = registry->port();
    }

    std::string yaml(const std::string& path) const {
        return (path.empty() ? "" : "snapshot: " + path + "\n") +
               "upstream: {timeout: 200ms, attempts: 1}\nservices:\n  - name: " + service +
               "\n    record: A\n    port: " + std::to_string(tasks.port()) +
               "\n    poll: {min: 100ms}\n    health: {interval: 1s, fast_interval: 200ms, timeout: 500ms}\n";
    }

    /// Lets a daemon learn the endpoints and write them down, then kills it.
    void learn() const {
        QuickStart daemon(yaml(file), upstream_port);
        EXPECT_THAT(daemon.first_reply(service).reply.rdata("A"), UnorderedElementsAreArray(addresses));
        EXPECT_TRUE(wait_until(3s, [&] { return read_file(file).find(addresses[3]) != std::string::npos; }));
        daemon.kill();
    }

    void expect_answers_at_once(const char* title) const {
        std::vector<double> times;
        int wrong = 0;
        std::string what;
        for (int i = 0; i < 20; ++i) {
            const QuickStart daemon(yaml(file), upstream_port);
            const QuickStart::FirstReply first = daemon.first_reply(service);
            ASSERT_TRUE(first.reply.arrived) << daemon.log();
            times.push_back(first.after_ms);
            if (first.reply.rdata("A").size() == addresses.size() && first.reply.has_error(3)) continue;
            ++wrong;
            std::ostringstream text;
            text << first.reply << "\n" << daemon.log();
            what = text.str();
        }
        print(title, times);
        EXPECT_EQ(wrong, 0) << "of 20 starts had not the four and EDE 3; the last of these:\n" << what;
    }

    static void print(const char* title, std::vector<double> times) {
        std::sort(times.begin(), times.end());
        std::printf("%-60s%3zu starts: %7.1f ms min %7.1f median %7.1f max\n", title, times.size(), times.front(),
                    times[times.size() / 2], times.back());
        EXPECT_LE(times[times.size() / 2], generous_ms) << title;
    }

    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    const TempDir dir;
    const std::string file = dir / "snapshot";
    const std::string fifo = dir / "fifo";
    ManyBackends tasks{addresses};
    std::optional<FakeRegistry> registry;
    std::uint16_t upstream_port = 0;
};

TEST_F(Snapshot, IsAnsweredAtOnceWhileTheResolverIsSilent) {
    learn();
    registry->silence(service);
    expect_answers_at_once("exec to first answer, snapshot, resolver silent:");
}

TEST_F(Snapshot, IsAnsweredAtOnceWhileTheResolverRefuses) {
    learn();
    registry.reset();
    expect_answers_at_once("exec to first answer, snapshot, resolver refuses:");
}

/// As read from a slow file system: what is written into the FIFO after the first poll has failed.
TEST_F(Snapshot, ThatIsReadAfterTheFirstPollHasFailedIsServedAllTheSame) {
    learn();
    const std::string text = read_file(file);
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    registry.reset();
    QuickStart daemon(yaml(fifo), upstream_port);
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.log().find("poll failed") != std::string::npos; }));
    EXPECT_EQ(ask({.name = service, .port = daemon.dns_port()}).rcode, "SERVFAIL") << "nothing is known yet";
    write_file(fifo, text);
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.log().find("snapshot: loaded") != std::string::npos; }));
    EXPECT_TRUE(wait_until(1s, [&] { return ask_a(service, daemon.dns_port()).size() == 4; })) << daemon.log();
    EXPECT_TRUE(ask({.name = service, .port = daemon.dns_port()}).has_error(3));

    // It is replaced at the next change: by what is known, not by nothing.
    std::this_thread::sleep_for(1'200ms);
    EXPECT_EQ(daemon.stop().status, std::optional(0));
    struct stat status {};
    ASSERT_EQ(stat(fifo.c_str(), &status), 0);
    if (!S_ISREG(status.st_mode)) return;  // not yet
    EXPECT_THAT(read_file(fifo), HasSubstr(addresses[3])) << "the last good one is lost";
}

TEST_F(Snapshot, IsStaleOnlyUntilTheResolverAnswers) {
    learn();
    registry->silence(service);
    QuickStart daemon(yaml(file), upstream_port);
    EXPECT_TRUE(daemon.first_reply(service).reply.has_error(3));
    registry->set(service, {addresses.begin(), addresses.begin() + 3}, 1);
    EXPECT_TRUE(wait_until(5s, [&] { return ask_a(service, daemon.dns_port()).size() == 3; }));
    EXPECT_FALSE(ask({.name = service, .port = daemon.dns_port()}).has_error(3));
    EXPECT_EQ(daemon.stop().status, std::optional(0));
}

TEST_F(Snapshot, EndpointsAreCheckedAtOnce) {
    learn();
    registry->silence(service);
    tasks.set(addresses[2], Conduct::refuses);
    QuickStart daemon(yaml(file), upstream_port);
    const QuickStart::FirstReply first = daemon.first_reply(service);
    EXPECT_EQ(first.reply.rcode, "NOERROR") << first.reply;
    const auto left = [&] {
        const std::vector<std::string> answer = ask_a(service, daemon.dns_port());
        return answer.size() == 3 && std::ranges::count(answer, addresses[2]) == 0;
    };
    EXPECT_TRUE(wait_until(3s, left));
    const double after = std::chrono::duration<double, std::milli>(steady_clock::now() - daemon.started()).count();
    std::printf("first answer after %.1f ms with %zu addresses; the dead one of the four is gone after %.1f ms\n",
                first.after_ms, first.reply.rdata("A").size(), after);
    EXPECT_LE(after, first.after_ms + 100);
    const DnsReply later = ask({.name = service, .port = daemon.dns_port()});
    EXPECT_TRUE(later.has_error(3)) << "still stale: " << later;
    EXPECT_EQ(daemon.stop().status, std::optional(0));
}

TEST_F(Snapshot, AFileThatHangsHoldsNothingUpWhileTheResolverIsUp) {
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    std::vector<double> without;
    std::vector<double> hanging;
    for (int i = 0; i < 7; ++i) {
        for (const bool hangs : {false, true}) {
            QuickStart daemon(yaml(hangs ? fifo : ""), upstream_port);
            const QuickStart::FirstReply first = daemon.first_reply(service);
            (hangs ? hanging : without).push_back(first.after_ms);
            EXPECT_THAT(first.reply.rdata("A"), UnorderedElementsAreArray(addresses)) << first.reply;
            EXPECT_TRUE(first.reply.errors.empty()) << first.reply;
            const QuickStart::Stopped stopped = daemon.stop();
            EXPECT_EQ(stopped.status, std::optional(0)) << daemon.log();
            EXPECT_LE(stopped.elapsed, 1s);
        }
    }
    print("exec to first answer, resolver up, no snapshot:", without);
    print("exec to first answer, resolver up, open() of it hangs:", hanging);
}

TEST_F(Snapshot, AFileThatHangsHoldsNothingUpWhileTheResolverIsDown) {
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    registry.reset();
    std::vector<double> times;
    for (int i = 0; i < 3; ++i) {
        QuickStart daemon(yaml(fifo), upstream_port);
        const QuickStart::FirstReply first = daemon.first_reply(service);
        times.push_back(first.after_ms);
        EXPECT_EQ(first.reply.rcode, "SERVFAIL") << first.reply;
        const QuickStart::Stopped stopped = daemon.stop();
        EXPECT_EQ(stopped.status, std::optional(0)) << daemon.log();
        EXPECT_LE(stopped.elapsed, 1s);
    }
    print("exec to SERVFAIL, resolver down, open() of it hangs:", times);
}

TEST_F(Snapshot, AWriteThatHangsHoldsNothingUp) {
    ASSERT_EQ(mkfifo((file + ".tmp").c_str(), 0600), 0);  // what is renamed to `file` once it is written
    QuickStart daemon(yaml(file), upstream_port);
    EXPECT_THAT(daemon.first_reply(service).reply.rdata("A"), SizeIs(4));
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.log().find("there is none yet") != std::string::npos; }));
    tasks.set(addresses[0], Conduct::refuses);
    registry->set(service, {addresses.begin(), addresses.end() - 1}, 1);
    EXPECT_TRUE(wait_until(4s, [&] { return ask_a(service, daemon.dns_port()).size() == 2; })) << "it follows";
    const QuickStart::Stopped stopped = daemon.stop();
    std::printf("a write that hangs: SIGTERM is obeyed after %ld ms\n", static_cast<long>(stopped.elapsed.count()));
    EXPECT_EQ(stopped.status, std::optional(0)) << daemon.log();
    EXPECT_LE(stopped.elapsed, 1s);
}

}  // namespace
}  // namespace taskdns::testing_support
