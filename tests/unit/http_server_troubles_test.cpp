// What counts as wrong, how much, and in which words.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/troubles.hpp"
#include "http_server_example.hpp"

namespace taskdns::http_server {
namespace {

using namespace example;
using testing::ElementsAre;
using testing::HasSubstr;

struct TroubleCase {
    const char* name;
    std::function<void(ServiceStatus&)> change;
    Level level;
    const char* text;  // of the first trouble; null: none
};

void PrintTo(const TroubleCase& c, std::ostream* out) { *out << c.name; }

class ServiceTrouble : public testing::TestWithParam<TroubleCase> {};

TEST_P(ServiceTrouble, Is) {
    ServiceStatus service = well();
    GetParam().change(service);
    EXPECT_EQ(level_of(service), GetParam().level) << to_string(level_of(service));
    const std::vector<Trouble> troubles = find_troubles(daemon(), {service});
    EXPECT_EQ(worst(troubles), GetParam().level) << "the top says what the service's row says";
    if (GetParam().text == nullptr) {
        EXPECT_TRUE(troubles.empty());
    } else {
        ASSERT_FALSE(troubles.empty());
        EXPECT_EQ(troubles[0].text, GetParam().text);
        EXPECT_EQ(troubles[0].service, "resource-server.local");
    }
}

/// Two of the four fail for the same reason.
void fail_two(ServiceStatus& service, const char* reason) {
    for (const std::size_t i : {0U, 2U}) {
        service.endpoints[i].state = "unhealthy";
        service.endpoints[i].reason = reason;
        service.endpoints[i].served = false;
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, ServiceTrouble,
    testing::Values(
        TroubleCase{"Well", [](ServiceStatus&) {}, Level::well, nullptr},
        TroubleCase{"OneFails", [](ServiceStatus& s) { s.endpoints[1] = endpoint("10.0.1.11:8080", "unhealthy", "unhealthy:refused", false); }, Level::warning, "10.0.1.11:8080: left out: connection refused"},
        TroubleCase{"TwoFail", [](ServiceStatus& s) { fail_two(s, "unhealthy:timeout"); }, Level::warning, "2 of 4 endpoints: 10.0.1.10:8080 (unhealthy:timeout), 10.0.2.10:8080 (unhealthy:timeout)"},
        TroubleCase{"Ejected", [](ServiceStatus& s) { s.endpoints[0].reason = "ejected:reports"; s.endpoints[0].reports = ReportStatus{5, 1, now + 20s}; }, Level::warning, "10.0.1.10:8080: left out for a while: the application has reported failures"},
        TroubleCase{"ReportedButNotEjected", [](ServiceStatus& s) { s.endpoints[0].reports = ReportStatus{2, 0, std::nullopt}; }, Level::well, nullptr},
        TroubleCase{"Held", [](ServiceStatus& s) { s.endpoints[0].reason = "held:upstream_empty"; }, Level::warning, "10.0.1.10:8080: in the answers although the registry says that there is none"},
        TroubleCase{"DrainedOnPurpose", [](ServiceStatus& s) { s.endpoints[0].reason = "drained"; s.endpoints[0].drained_until = now + 1min; }, Level::well, nullptr},
        TroubleCase{"WithdrawnAndGone", [](ServiceStatus& s) { s.endpoints[0] = endpoint("10.0.1.10:8080", "unhealthy", "unhealthy:refused", false); s.endpoints[0].presence = "withdrawn"; }, Level::well, nullptr},
        TroubleCase{"NotCheckedYet", [](ServiceStatus& s) { s.endpoints[0] = endpoint("10.0.1.10:8080", "pending", "withheld:first_check", false); }, Level::well, nullptr},
        TroubleCase{"NotPolledYet", [](ServiceStatus& s) { s.rung = s.state = "not_ready"; s.last_poll.reset(); }, Level::warning, "not polled yet"},
        TroubleCase{"Reserve", [](ServiceStatus& s) { s.rung = "reserve"; }, Level::warning, "serves only withdrawn endpoints that still pass"},
        TroubleCase{"FailOpen", [](ServiceStatus& s) { s.rung = "all"; }, Level::wrong, "serves all that are named, although they fail"},
        TroubleCase{"Doubtful", [](ServiceStatus& s) { s.rung = "doubtful"; }, Level::wrong, "serves only endpoints that fail, though not for certain"},
        TroubleCase{"NothingPasses", [](ServiceStatus& s) { s.rung = s.state = "no_endpoint"; s.counts.served = 0; }, Level::wrong, "nothing to serve: all 4 endpoints fail"},
        TroubleCase{"NothingIsKnown", [](ServiceStatus& s) { s.rung = s.state = "no_endpoint"; s.counts = {}; s.endpoints.clear(); s.last_poll->outcome = "empty"; s.last_poll->error = "NXDOMAIN"; }, Level::wrong, "nothing to serve: the registry says that there is none: NXDOMAIN"},
        TroubleCase{"Panic", [](ServiceStatus& s) { s.panic = true; }, Level::warning, "panic: so many fail that those in doubt are served with the healthy"},
        TroubleCase{"PollFails", [](ServiceStatus& s) { s.last_poll->outcome = "failed"; s.last_poll->error = "10.0.0.2:53: SERVFAIL"; }, Level::warning, "the registry cannot be asked: 10.0.0.2:53: SERVFAIL"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Troubles, AreSaidOnce) {
    const std::vector<Trouble> troubles = find_troubles(daemon(), {dark()});
    ASSERT_EQ(troubles.size(), 1U);
    EXPECT_EQ(troubles[0].text, "nothing to serve: the registry cannot be asked: 10.0.0.2:53: timeout");
}

TEST(Troubles, OfTheDaemon) {
    DaemonStatus daemon = example::daemon();
    daemon.upstream.push_back(daemon.upstream[0]);
    daemon.upstream[1].state = "failing";
    daemon.last_reload.outcome = "failed";
    daemon.last_reload.errors = {"a", "b"};
    std::vector<Trouble> troubles = find_troubles(daemon, {well()});
    ASSERT_EQ(troubles.size(), 2U);
    EXPECT_EQ(troubles[0].text, "1 of 2 upstream servers fail");
    EXPECT_EQ(troubles[1].text, "the changed configuration has 2 mistakes; the one before goes on");
    EXPECT_EQ(headline(troubles, {well()}), "1 of 2 upstream servers fail (1 service, 4 endpoints served)");

    daemon.upstream[0].state = "failing";
    daemon.upstream[0].last_error = "timeout";
    daemon.ready = {false, {{"", "shutting down"}}};
    troubles = find_troubles(daemon, {well()});
    EXPECT_EQ(worst(troubles), Level::wrong);
    EXPECT_EQ(troubles[0].text, "taskdns is shutting down");
    EXPECT_EQ(troubles[1].text, "no upstream server answers: timeout");
}

TEST(Troubles, OfResolvConf) {
    DaemonStatus status = daemon();
    EXPECT_TRUE(find_troubles(status, {}).empty());
    status.resolv_conf = ResolvConfStatus{"/etc/resolv.conf", "pending", {}, {}, ""};
    EXPECT_TRUE(find_troubles(status, {}).empty());
    status.resolv_conf = ResolvConfStatus{"/etc/resolv.conf", "failing", {}, {}, "/etc/resolv.conf: is a directory"};
    const auto troubles = find_troubles(status, {});
    ASSERT_EQ(troubles.size(), 1U);
    EXPECT_EQ(troubles[0].level, Level::warning);
    EXPECT_EQ(troubles[0].text, "resolv.conf is not managed: /etc/resolv.conf: is a directory");
}

TEST(Headline, CountsAndNames) {
    const auto line = [](const std::vector<ServiceStatus>& services) {
        return headline(find_troubles(daemon(), services), services);
    };
    EXPECT_EQ(line({}), "No service is configured");
    EXPECT_EQ(line({well(), well()}), "All well: 2 services, 8 endpoints served");
    EXPECT_EQ(line({well(), impaired()}), "1 of 2 services with a warning: orders.local");
    EXPECT_EQ(
        line({dark(), dark(), dark(), dark(), impaired()}),
        "4 of 5 services failing: dark.local, dark.local, dark.local and 1 more; 1 with a warning: orders.local");
}

}  // namespace
}  // namespace taskdns::http_server
