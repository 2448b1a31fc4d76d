// Down the whole ladder with the real daemon: each step takes away what the rung before stood on. Three services with
// the same registry and the same tasks differ in answer.when_none_healthy.
// What it prints: rung and served set at each step. To see it: build/dev/tests/integration --gtest_filter='Ladder.*'
#include <cstdio>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> names{"all.test", "last.test", "servfail.test"};
const std::string a1 = "127.0.1.11";
const std::string a2 = "127.0.1.12";
const std::string a3 = "127.0.1.13";
const std::string new1 = "127.0.1.14";
const std::string new2 = "127.0.1.15";

class Ladder : public testing::Test {
protected:
    Ladder() {
        tasks.set(new1, Conduct::silent);
        tasks.set(new2, Conduct::silent);
        registered_are({a1, a2, a3});
        daemon.emplace(DaemonOptions{.yaml = configuration(tasks.port()), .upstream_port = registry.port()});
    }

    static std::string configuration(std::uint16_t port) {
        std::string yaml = "defaults: {record: A, port: " + std::to_string(port) +
                           ", poll: {min: 100ms}, health: {check: http, interval: 1s, fast_interval: 100ms, "
                           "timeout: 900ms}}\nservices:\n";
        for (const std::string& name : names) {
            const std::string policy = name == "all.test" ? "all" : name == "last.test" ? "last_healthy" : "servfail";
            yaml += "  - {name: " + name + ", answer: {when_none_healthy: " + policy + "}}\n";
        }
        return yaml;
    }

    void registered_are(const std::vector<std::string>& addresses) {
        for (const std::string& name : names) registry.set(name, addresses, 0);
    }

    /// Waits until `service` stands on `rung` and serves `served`, prints it, and asks for it by DNS.
    void expect(const char* step, const std::string& service, const std::string& rung, const std::string& served) {
        const auto as_wanted = [&] {
            const ServiceReport now = report(*daemon, service);
            return now.rung == rung && last_numbers(now.served()) == served;
        };
        EXPECT_TRUE(wait_until(5s, as_wanted)) << step;
        const ServiceReport now = report(*daemon, service);
        const DnsReply reply = daemon->ask({.name = service});
        std::string codes;
        for (const auto& [code, text] : reply.errors) codes += " EDE " + std::to_string(code) + " (" + text + ")";
        std::printf("%-52s%-15s%-14s%-13s%s%s\n", step, service.c_str(), now.rung.c_str(),
                    last_numbers(now.served()).c_str(), reply.rcode.c_str(), codes.c_str());
        EXPECT_EQ(now.rung, rung) << step;
        EXPECT_EQ(last_numbers(named_by(*daemon, service)), served) << step << reply;
        EXPECT_EQ(reply.rcode, served.empty() ? "SERVFAIL" : "NOERROR") << step << reply;
        EXPECT_EQ(reply.has_error(3), rung == "reserve") << step << reply;
        EXPECT_EQ(reply.has_error(0), served.empty()) << step << reply;
    }
    void expect_all(const char* step, const std::string& rung, const std::string& served) {
        for (const std::string& name : names) expect(step, name, rung, served);
    }

    ManyBackends tasks{{a1, a2, a3, new1, new2}};
    FakeRegistry registry;
    std::optional<DaemonUnderTest> daemon;
};

TEST_F(Ladder, IsWalkedDownRungByRung) {
    std::printf("%-52s%-15s%-14s%-13s%s\n", "step", "service", "rung", "served", "answer");
    expect_all("three tasks, all pass", "healthy", "11 12 13");
    registered_are({a2, a3});
    expect_all("11 is registered no more", "healthy", "12 13");
    tasks.set(a2, Conduct::refuses);
    expect_all("12 refuses", "healthy", "13");
    tasks.set(a3, Conduct::refuses);
    expect_all("13 refuses, 11 passes", "reserve", "11");

    registered_are({a2, a3, new1, new2});  // from here on there are 2.9 s until the newcomers are doubtful
    ASSERT_TRUE(wait_until(2s, [&] { return report(*daemon, names[0]).find(new2) != nullptr; }));
    EXPECT_EQ(report(*daemon, names[0]).reason(new1), "withheld:first_check");
    EXPECT_EQ(last_numbers(report(*daemon, names[0]).served()), "11") << "the reserve passes";
    tasks.set(a1, Conduct::refuses);
    expect_all("14 and 15 are new and not yet checked; 11 refuses", "unverified", "14 15");
    expect_all("14 and 15 have timed out three times", "doubtful", "14 15");
    EXPECT_EQ(report(*daemon, names[0]).reason(new1), "unhealthy:timeout");

    tasks.set(new1, Conduct::refuses);
    tasks.set(new2, Conduct::refuses);
    expect("14 and 15 refuse", "all.test", "all", "12 13 14 15");
    expect("14 and 15 refuse", "last.test", "last_healthy", "13");
    expect("14 and 15 refuse", "servfail.test", "no_endpoint", "");

    tasks.set(a2, Conduct::answers);
    expect_all("12 answers again", "healthy", "12");
}

}  // namespace
}  // namespace taskdns::testing_support
