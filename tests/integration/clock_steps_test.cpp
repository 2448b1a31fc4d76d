// The wall clock is set a day forward and back while the daemon runs and between two runs: only people read it, so
// that no answer, poll, check, TTL or age changes by it. (That nothing else reads it is a lint: check_layers.py.)
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include <array>
#include <cstdio>
#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/network_namespaces.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr unsigned stale_answer = 3;  // RFC 8914
constexpr seconds day = 24h;

/// What clock_shim.cpp reads.
class WrongBy {
public:
    explicit WrongBy(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        if (ftruncate(file_.number(), sizeof(std::int64_t)) != 0) throw std::runtime_error("ftruncate");
        set(0s);
    }
    void set(seconds offset) {
        const std::int64_t value = offset.count();
        if (pwrite(file_.number(), &value, sizeof value, 0) != sizeof value) throw std::runtime_error("pwrite");
        offset_ = offset;
    }
    /// The date that the daemon believes in, and the next: "2026-11-23".
    bool dates(const std::string& text) const {
        const time_t now = time(nullptr) + offset_.count();
        for (const time_t at : {now - 5, now}) {
            std::array<char, 11> date{};
            tm parts{};
            strftime(date.data(), date.size(), "%Y-%m-%d", gmtime_r(&at, &parts));
            if (text.find(date.data()) != std::string::npos) return true;
        }
        return false;
    }

private:
    Descriptor file_;
    seconds offset_{0};
};

class ClockSteps : public testing::Test {
protected:
    ClockSteps() {
        registry.set("orders.test", addresses, 1);
        registry.set("www.example", {"192.0.2.1"}, 300);
    }

    DaemonOptions options() const {
        return {.yaml = "snapshot: " + snapshot +
                        "\nupstream: {timeout: 300ms}\nservices:\n  - {name: orders.test, "
                        "record: A, port: " +
                        std::to_string(tasks.port()) +
                        ", poll: {min: 200ms}, health: {interval: 300ms, fast_interval: 100ms, timeout: 200ms}}\n",
                .upstream_port = registry.port(),
                .environment = {{"LD_PRELOAD", TASKDNS_CLOCK_SHIM}, {"CLOCK_SHIM_FILE", dir / "clock"}},
                .built_here = true};  // a static binary takes no LD_PRELOAD
    }

    const TempDir dir;
    const std::string snapshot = dir / "snapshot";
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    ManyBackends tasks{addresses};
    FakeRegistry registry;
    WrongBy clock{dir / "clock"};
};

TEST_F(ClockSteps, ChangeNothingButWhatPeopleRead) {
    const DaemonUnderTest daemon(options());
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_EQ(daemon.ask_a("www.example").size(), 1U);
    for (const seconds offset : {day, -day, seconds(0)}) {
        SCOPED_TRACE("the clock is wrong by " + std::to_string(offset.count()) + " s");
        clock.set(offset);
        const std::size_t polls = registry.answers("orders.test").size();
        const unsigned checks = tasks.connections(addresses[0]);
        const std::size_t logged = daemon.log().size();
        const auto end = steady_clock::now() + 2500ms;
        while (steady_clock::now() < end) {
            const DnsReply reply = daemon.ask({.name = "orders.test"});
            ASSERT_EQ(reply.rdata("A").size(), addresses.size()) << reply;
            ASSERT_FALSE(reply.has_error(stale_answer)) << reply;
            std::this_thread::sleep_for(10ms);
        }
        EXPECT_GE(registry.answers("orders.test").size(), polls + 1) << "polls go on";
        EXPECT_LE(registry.answers("orders.test").size(), polls + 4) << "and not faster";
        EXPECT_GE(tasks.connections(addresses[0]), checks + 3) << "checks go on";
        EXPECT_LE(tasks.connections(addresses[0]), checks + 12) << "and not faster";
        const DnsReply other = daemon.ask({.name = "www.example"});
        ASSERT_EQ(other.answer.size(), 1U) << other;
        EXPECT_GE(other.answer[0].ttl, 200U) << other;
        EXPECT_LE(other.answer[0].ttl, 300U) << other;
        EXPECT_EQ(registry.answers("www.example").size(), 1U) << "it is still in the cache";

        tasks.set(addresses[1], Conduct::refuses);
        EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a("orders.test").size() == 3; }));
        tasks.set(addresses[1], Conduct::answers);
        EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a("orders.test").size() == 4; }));
        EXPECT_TRUE(clock.dates(daemon.log().substr(logged))) << "the shim is not at work: the test shows nothing";
    }
}

TEST_F(ClockSteps, ASnapshotFromTheFutureIsServed) {
    clock.set(day);
    {
        DaemonUnderTest daemon(options());
        ASSERT_TRUE(daemon.wait_until_ready());
        ASSERT_TRUE(wait_until(5s, [&] { return read_file(snapshot).find(addresses[3]) != std::string::npos; }));
        ASSERT_TRUE(clock.dates(read_file(snapshot))) << "the shim is not at work: the test shows nothing";
    }
    registry.silence("orders.test");
    clock.set(-day);
    const DaemonUnderTest daemon(options());
    ASSERT_TRUE(wait_until(3s, [&] { return daemon.ask_a("orders.test").size() == addresses.size(); }))
        << daemon.log();
    ASSERT_TRUE(daemon.wait_until_ready());
    const auto end = steady_clock::now() + 2s;  // polls fail meanwhile
    while (steady_clock::now() < end) {
        const DnsReply reply = daemon.ask({.name = "orders.test"});
        ASSERT_EQ(reply.rdata("A").size(), addresses.size()) << reply;
        ASSERT_TRUE(reply.has_error(stale_answer)) << reply;
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace
}  // namespace taskdns::testing_support
