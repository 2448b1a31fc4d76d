// Panic with the real daemon: when too many are slow, they take their turn with the healthy; those that refuse do
// not. What it prints: who is served at each step. To see it: build/dev/tests/integration --gtest_filter='Panic.*'
#include <cstdio>

#include <gmock/gmock.h>

#include "support/many_backends.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::SizeIs;

const std::string service = "orders.test";

class Panic : public testing::Test {
protected:
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 6);
    ManyBackends tasks{addresses};
    const DaemonUnderTest daemon{{.yaml = "services:\n  - {name: " + service +
                                          ", source: static, port: " + std::to_string(tasks.port()) +
                                          ", addresses: [127.0.1.11, 127.0.1.12, 127.0.1.13, 127.0.1.14, 127.0.1.15, "
                                          "127.0.1.16], health: {check: http, interval: 200ms, fast_interval: 60ms, "
                                          "timeout: 150ms, rise: 1}}\n"}};

    void SetUp() override {
        ASSERT_TRUE(daemon.wait_until_ready());
        std::printf("%-34s%-10s%-7s%s\n", "6 backends", "rung", "panic", "named in 24 answers");
    }

    /// Makes the i-th behave so, each digit one of: `a`nswers, `s`ilent, `r`efuses. Then waits until `named` are
    /// served, and looks at how it came to that.
    void expect(const std::string& conducts, bool panic, const std::string& served) {
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            const char conduct = conducts.at(i);
            tasks.set(addresses[i], conduct == 'a'   ? Conduct::answers
                                    : conduct == 's' ? Conduct::silent
                                                     : Conduct::refuses);
        }
        const auto as_wanted = [&] {
            const ServiceReport now = report(daemon, service);
            return last_numbers(now.served()) == served && now.panic == panic && all_judged(now, conducts);
        };
        EXPECT_TRUE(wait_until(4s, as_wanted)) << conducts << ": " << last_numbers(report(daemon, service).served());
        const ServiceReport now = report(daemon, service);
        const std::set<std::string> named = named_by(daemon, service, 24);
        std::printf("%-34s%-10s%-7s%s\n", conducts.c_str(), now.rung.c_str(), now.panic ? "true" : "false",
                    last_numbers(named).c_str());
        EXPECT_EQ(last_numbers(named), served) << conducts;
        EXPECT_EQ(now.rung, "healthy") << conducts;
    }

private:
    bool all_judged(const ServiceReport& now, const std::string& conducts) const {
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            const std::string slow = now.panic ? "panic:timeout" : "unhealthy:timeout";
            const std::string wanted = conducts[i] == 'a'   ? "served"
                                       : conducts[i] == 's' ? slow
                                                            : "unhealthy:refused";
            if (now.reason(addresses[i]) != wanted) return false;
        }
        return true;
    }
};

TEST_F(Panic, LetsTheSlowTakeTheirTurnWhenTheyAreMoreThanHalf) {
    expect("aaaaaa", false, "11 12 13 14 15 16");
    expect("sssaaa", false, "14 15 16");          // half is not more than half
    expect("ssssaa", true, "11 12 13 14 15 16");  // two thirds
    expect("ssssra", true, "11 12 13 14 16");     // one that refuses stays out
    expect("sssara", true, "11 12 13 14 16");     // half: above 40 %, where a panic ends
    expect("ssaara", false, "13 14 16");          // a third
    expect("sssrra", false, "16");                // half again: it does not begin there
    expect("aaaaaa", false, "11 12 13 14 15 16");
}

TEST_F(Panic, LetsTheSlowComeFirstAsOftenAsTheHealthy) {
    expect("ssssaa", true, "11 12 13 14 15 16");
    for (const auto& [address, times] : firsts(daemon, service, 120)) EXPECT_EQ(times, 20) << address;
}

}  // namespace
}  // namespace taskdns::testing_support
