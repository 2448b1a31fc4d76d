// The daemon stands still (SIGSTOP; a frozen container, a host that is suspended or starved) and goes on: what nobody
// was here to hear is no evidence against an endpoint, but for one that is never heard, queries that wait are
// answered at once, and what is overdue does not all go out together.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <future>
#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/impaired_link.hpp"
#include "support/service_report.hpp"
#include "support/task_network.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::string resolver = "10.0.1.2";
const std::vector<std::string> addresses{"10.0.2.10", "10.0.3.10", "10.0.4.10", "10.0.5.10",
                                         "10.0.6.10", "10.0.7.10", "10.0.8.10", "10.0.9.10"};
constexpr int polled_services = 60;
constexpr int max_qps = 30;

std::string polled(int number) { return "polled" + std::to_string(number) + ".test"; }

/// Endpoints and resolver are 100 ms away, and one failed check is enough: whenever the daemon is stopped, some of
/// its checks are half done.
class StandingStill : public testing::Test {
protected:
    StandingStill() {
        task.network.add_addresses({resolver});
        {
            const auto inside = task.network.in_vpc();
            registry.emplace(resolver.c_str(), 53);
        }
        registry->set("orders.test", addresses, 1);
        for (int i = 0; i < polled_services; ++i) registry->set(polled(i), addresses, 2);
        link.impair({.delay = 50ms});
        daemon.emplace(DaemonOptions{.yaml = yaml()});
    }

    std::string yaml() const {
        const std::string port = std::to_string(task.backends.port());
        std::string text =
            "upstream: {servers: [" + resolver + "], max_qps: " + std::to_string(max_qps) + "}\nservices:\n";
        for (const char* check : {"tcp", "http"}) {
            text += std::string("  - {name: ") + check + ".test, source: static, port: " + port +
                    ", answer: {fair: false}, health: {check: " + check +
                    ", interval: 600ms, fast_interval: 600ms, timeout: 500ms, fall: 1}, addresses: [";
            for (const std::string& address : addresses) text += (address == addresses[0] ? "" : ", ") + address;
            text += "]}\n";
        }
        for (int i = 0; i < polled_services; ++i) {
            text += "  - {name: " + polled(i) + ", record: A, health: {check: none}}\n";
        }
        return text;
    }

    bool all_are_named() const {
        return daemon->ask_a("tcp.test").size() == addresses.size() &&
               daemon->ask_a("http.test").size() == addresses.size();
    }

    /// Returns when all threads stand: one that runs on another processor is told a moment later.
    void stop() const {
        daemon->process().signal(SIGSTOP);
        const std::string threads = "/proc/" + std::to_string(daemon->process().pid()) + "/task";
        const auto all_stand = [&] {
            for (const auto& thread : std::filesystem::directory_iterator(threads)) {
                const std::string stat = read_file(thread.path() / "stat");
                if (stat.find(") T ") == std::string::npos) return false;
            }
            return true;
        };
        ASSERT_TRUE(wait_until(5s, all_stand));
    }

    void stand_still(milliseconds duration) const {
        stop();
        std::this_thread::sleep_for(duration);
        daemon->process().signal(SIGCONT);
    }

    /// One late timeout is excused, not two in a row: each endpoint has answered a check since the last.
    bool nobody_is_late() const {
        return daemon->get("/v1/services/tcp.test").body.find("late_timeout") == std::string::npos &&
               daemon->get("/v1/services/http.test").body.find("late_timeout") == std::string::npos;
    }

    unsigned long late_timeouts() const {
        const std::string metrics = daemon->get("/metrics").body;
        const std::string name = "taskdns_health_probes_total{outcome=\"late_timeout\"} ";
        const std::size_t at = metrics.find(name);
        return at == std::string::npos ? 0 : std::stoul(metrics.substr(at + name.size()));
    }

    /// The most polls that came within any second from `begin` on.
    std::size_t most_polls_in_a_second(steady_clock::time_point begin) const {
        std::vector<steady_clock::time_point> times;
        for (int i = 0; i < polled_services; ++i) {
            for (const auto& answered : registry->answers(polled(i))) {
                if (answered.at >= begin) times.push_back(answered.at);
            }
        }
        std::ranges::sort(times);
        std::size_t most = 0;
        for (auto first = times.begin(); first != times.end(); ++first) {
            const auto after = std::ranges::lower_bound(times, *first + 1s);
            most = std::max(most, static_cast<std::size_t>(after - first));
        }
        return most;
    }

    TaskNetwork task{addresses};
    ImpairedLink link{task.network};
    std::optional<FakeRegistry> registry;
    mutable std::optional<DaemonUnderTest> daemon;
};

TEST_F(StandingStill, ForTenSecondsLosesNoEndpointAndNoQueryAndHurriesNothing) {
    ASSERT_TRUE(daemon->wait_until_ready(20s));
    ASSERT_TRUE(wait_until(5s, [&] { return all_are_named(); }));
    const auto last = [&] { return !daemon->ask_a(polled(polled_services - 1)).empty(); };
    ASSERT_TRUE(wait_until(10s, last));
    for (int i = 0; i < 3 || (i < 12 && late_timeouts() == 0); ++i) {  // until a check was interrupted
        stand_still(1s + 100ms);                                       // now every check is overdue, and begins
        std::this_thread::sleep_for(60ms);                             // the endpoints are 100 ms away
        stand_still(1s + 200ms);
        for (int round = 0; round < 20; ++round) {
            ASSERT_TRUE(all_are_named()) << "after stop " << i << "\n" << daemon->log();
            std::this_thread::sleep_for(20ms);
        }
        ASSERT_TRUE(wait_until(5s, [&] { return nobody_is_late(); }));
    }
    EXPECT_GT(late_timeouts(), 0U) << "no check was interrupted: the test shows nothing";

    const auto begin = steady_clock::now();
    stop();
    auto waiting = std::async(std::launch::async, [this] {
        const DnsReply reply = daemon->ask({.name = "tcp.test", .timeout = 30s});
        return std::pair(steady_clock::now(), reply.rdata("A").size());
    });
    std::this_thread::sleep_for(10s);
    const auto goes_on = steady_clock::now();
    daemon->process().signal(SIGCONT);
    const auto [answered, size] = waiting.get();
    EXPECT_GE(answered, goes_on) << "it was not stopped: the test shows nothing";
    EXPECT_LT(answered - goes_on, 500ms) << "the query that was waiting";
    EXPECT_EQ(size, addresses.size());
    const auto end = steady_clock::now() + 2s;
    while (steady_clock::now() < end) {
        ASSERT_TRUE(all_are_named()) << "none was seen to fail";
        ASSERT_EQ(daemon->get("/readyz").status, 200);
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(daemon->log().find("endpoint unhealthy"), std::string::npos);
    const std::size_t most = most_polls_in_a_second(begin);
    std::printf("answered %.1f ms after SIGCONT; at most %zu polls within a second, of %d that were overdue\n",
                std::chrono::duration<double, std::milli>(answered - goes_on).count(), most, polled_services);
    EXPECT_LE(most, 2 * max_qps) << "what was saved up, and what a second brings";
    EXPECT_GE(most, 10U) << "nothing was overdue: the test shows nothing";

    task.set(addresses[0], Conduct::refuses);
    EXPECT_TRUE(wait_until(5s, [&] {
        return daemon->ask_a("tcp.test").size() == addresses.size() - 1 &&
               daemon->ask_a("http.test").size() == addresses.size() - 1;
    })) << "checks go on";
}

/// None of its timeouts is noticed in time, and the second in a row counts.
TEST_F(StandingStill, AgainAndAgainStillTakesOutABlackHole) {
    ASSERT_TRUE(daemon->wait_until_ready(20s));
    ASSERT_TRUE(wait_until(5s, [&] { return all_are_named(); }));
    link.impair({});  // the others answer at once, whenever they are asked
    link.cut({addresses[0]});
    const auto is_out = [&](const std::string& name) { return daemon->ask_a(name).size() == addresses.size() - 1; };
    int stops = 0;
    while (stops < 30 && !(is_out("tcp.test") && is_out("http.test"))) {
        std::this_thread::sleep_for(60ms);  // what is due begins
        stand_still(1s + 100ms);
        ++stops;
    }
    EXPECT_LT(stops, 30) << daemon->log();
    EXPECT_GT(late_timeouts(), 0U) << "those that were excused before";
    std::printf("out after %d stops, %lu timeouts noticed late\n", stops, late_timeouts());
    for (const char* name : {"tcp.test", "http.test"}) {
        EXPECT_THAT(daemon->ask_a(name), testing::Not(testing::Contains(addresses[0])));
    }
}

}  // namespace
}  // namespace taskdns::testing_support
