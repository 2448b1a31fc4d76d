// What the application reports and what an operator drains, through the running daemon: requests in, answers out.
// To see it: build/dev/tests/integration --gtest_filter='Outliers.*'
#include <chrono>
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
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

const std::string service = "orders.test";
constexpr const char* a = "127.0.2.1";
constexpr const char* b = "127.0.2.2";
constexpr const char* c = "127.0.2.3";

class Outliers : public testing::Test {
protected:
    DaemonOptions options() const {
        return {.yaml = "services:\n  - {name: " + service +
                        ", source: static, port: " + std::to_string(tasks.port()) +
                        ", health: {interval: 300ms, fast_interval: 100ms, timeout: 200ms}, addresses: [" + a + ", " +
                        b + ", " + c + "]}\n"};
    }
    void SetUp() override {
        ASSERT_TRUE(daemon.wait_until_ready());
        ASSERT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, b, c));
    }
    std::string path(const std::string& address) const {
        return "/v1/services/" + service + "/endpoints/" + address + ":" + std::to_string(tasks.port());
    }
    unsigned report(const std::string& address, const std::string& outcome) const {
        return http_change(daemon.http_port(), "POST", path(address) + "/report",
                           R"({"outcome": ")" + outcome + "\"}")
            .status;
    }
    unsigned drain(const std::string& address, const std::string& time) const {
        return http_change(daemon.http_port(), "PUT", path(address) + "/admin",
                           R"({"state": "drained", "for": ")" + time + "\"}")
            .status;
    }
    unsigned undrain(const std::string& address) const {
        return http_change(daemon.http_port(), "DELETE", path(address) + "/admin").status;
    }
    std::string reason(const std::string& address) const {
        return testing_support::report(daemon, service).reason(address);
    }
    std::vector<std::string> explained() const {
        return daemon.ask({.name = service, .type = "TXT", .rr_class = 3}).rdata("TXT");
    }

    ManyBackends tasks{{a, b, c}};
    const DaemonUnderTest daemon{options()};
};

TEST_F(Outliers, ADrainedEndpointLeavesAtOnceAndComesBackByRequest) {
    const auto asked = steady_clock::now();
    EXPECT_EQ(drain(b, "10m"), 200U);
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, c));
    const auto took = duration_cast<milliseconds>(steady_clock::now() - asked);
    std::printf("from the request to an answer without it: %ld ms\n", static_cast<long>(took.count()));
    EXPECT_LT(took, 100ms);
    EXPECT_EQ(reason(b), "drained");
    EXPECT_THAT(explained(), Contains(HasSubstr("healthy drained")));
    EXPECT_TRUE(daemon.says("endpoint drained"));

    EXPECT_LT(undrain(b), 300U);
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, b, c));
    EXPECT_EQ(reason(b), "served");
    EXPECT_TRUE(daemon.says("drain has ended"));
}

TEST_F(Outliers, ADrainEndsByItself) {
    EXPECT_EQ(drain(b, "1s"), 200U);
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, c));
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a(service).size() == 3; }));
}

TEST_F(Outliers, AnOperatorIsObeyedThoughNobodyIsLeft) {
    for (const char* address : {a, b, c}) EXPECT_EQ(drain(address, "10m"), 200U);
    EXPECT_EQ(daemon.ask({.name = service}).rdata("A").size(), 0U);
    EXPECT_EQ(undrain(c), 200U);
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(c));
}

TEST_F(Outliers, FiveReportsTakeAnEndpointOutAndAPassingCheckBringsItBackAfter30s) {
    for (int i = 0; i < 4; ++i) EXPECT_LT(report(b, "failure"), 300U);
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, b, c));
    const auto ejected_at = steady_clock::now();
    EXPECT_LT(report(b, "failure"), 300U);
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, c));
    EXPECT_EQ(reason(b), "ejected:reports");
    EXPECT_THAT(explained(), Contains(HasSubstr("healthy ejected:reports")));

    for (int i = 0; i < 5; ++i) report(c, "failure");
    EXPECT_THAT(daemon.ask_a(service), UnorderedElementsAre(a, c)) << "at most half of three";
    tasks.set(a, Conduct::refuses);
    tasks.set(c, Conduct::refuses);
    EXPECT_TRUE(wait_until(3s, [&] { return daemon.ask_a(service) == std::vector<std::string>{b}; }))
        << "nobody else passes";
    EXPECT_EQ(reason(b), "ejected:reports");
    tasks.set_all(Conduct::answers);
    EXPECT_TRUE(wait_until(3s, [&] { return daemon.ask_a(service).size() == 2; }));
    EXPECT_THAT(daemon.ask_a(service), Not(Contains(b)));

    EXPECT_TRUE(wait_until(32s, [&] { return daemon.ask_a(service).size() == 3; }));
    const auto took = duration_cast<milliseconds>(steady_clock::now() - ejected_at);
    std::printf("an ejection of 30 s took %ld ms\n", static_cast<long>(took.count()));
    EXPECT_GE(took, 29s);
    EXPECT_TRUE(daemon.says("ejection has ended"));
}

}  // namespace
}  // namespace taskdns::testing_support
