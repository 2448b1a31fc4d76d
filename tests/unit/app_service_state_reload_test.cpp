// A service whose settings change goes on with what it knew: no endpoint vanishes, and none comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/app_service_states.hpp"

namespace taskdns::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// 10.0.0.1 passes, .2 refuses, .3 is withdrawn and passes, .4 passes.
struct Before {
    explicit Before(config::Service service = make_service()) : state(std::move(service), 3) {
        state.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"}), 10s, start);
        state.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.4:80"}), 10s, start + 10s);
        for (const char* address : {"10.0.0.1:80", "10.0.0.3:80", "10.0.0.4:80"}) {
            verdicts.set(address, health::Status::healthy, health::Observed::connected);
        }
        verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::refused);
        decide(state, verdicts, start + 10s);
    }

    ServiceState state;
    Verdicts verdicts;
};

using Change = void (*)(config::Service& service);

struct ChangeRow {
    const char* name;
    Change change;
};

void PrintTo(const ChangeRow& row, std::ostream* out) { *out << row.name; }

class TakesOver : public testing::TestWithParam<ChangeRow> {};

TEST_P(TakesOver, WhoIsServedStaysSo) {
    Before before;
    const std::uint64_t index = before.state.index();
    const std::uint64_t polls = before.state.tally().records;
    const TimePoint answered = before.state.last_answer();
    ASSERT_GT(polls, 0U);
    ASSERT_NE(answered, never);
    config::Service service = make_service();
    GetParam().change(service);
    ServiceState state(service);
    state.take_over(std::move(before.state), start + 20s);
    EXPECT_EQ(state.index(), index) << "until it is decided";
    EXPECT_EQ(state.tally().records, polls) << "counters go on";
    EXPECT_EQ(state.last_answer(), answered);
    EXPECT_FALSE(state.view()->a.empty()) << "meanwhile the view before";
    EXPECT_TRUE(decide(state, before.verdicts, start + 20s)) << "a view by the new settings";
    EXPECT_EQ(state.index(), index + 1);
    EXPECT_THAT(described(state), ElementsAre("10.0.0.1:80 + served", "10.0.0.2:80 - unhealthy:refused",
                                              "10.0.0.3:80 - withdrawn", "10.0.0.4:80 + served"));
    EXPECT_FALSE(decide(state, before.verdicts, start + 20s));
    EXPECT_EQ(state.index(), index + 1) << "once";
    EXPECT_EQ(state.next_deadline(), start + 10s + service.membership.reserve);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, TakesOver,
    testing::Values(
        ChangeRow{"None", [](config::Service&) {}},
        ChangeRow{"HealthInterval", [](config::Service& service) { service.health.interval = 9s; }},
        ChangeRow{"Reserve", [](config::Service& service) { service.membership.reserve = 99s; }},
        ChangeRow{"StaleMax", [](config::Service& service) { service.membership.stale_max = 1min; }},
        ChangeRow{"ShrinkGuard", [](config::Service& service) { service.membership.shrink_guard = 0; }},
        ChangeRow{"Poll", [](config::Service& service) { service.poll.max = 7s; }},
        ChangeRow{"Subset", [](config::Service& service) { service.subset = 10; }},
        ChangeRow{"Order", [](config::Service& service) { service.answer.order = config::Order::random; }},
        ChangeRow{"Ttl", [](config::Service& service) { service.answer.ttl = 1s; }},
        ChangeRow{"MaxEndpoints", [](config::Service& service) { service.membership.max_endpoints = 4; }}),
    [](const auto& instance) { return instance.param.name; });

TEST(ServiceStateTakeOver, TheNewSettingsHoldAtOnce) {
    Before before;
    config::Service service = make_service();
    service.answer.ttl = 1s;
    service.membership.reserve = 5s;
    ServiceState state(service);
    state.take_over(std::move(before.state), start + 12s);
    decide(state, before.verdicts, start + 12s);
    EXPECT_EQ(state.view()->answer_ttl, 1U);
    EXPECT_EQ(state.next_deadline(), start + 15s);
}

TEST(ServiceStateTakeOver, ASmallerLimitLetsGoOfTheWithdrawnFirst) {
    Before before;
    config::Service service = make_service();
    service.membership.max_endpoints = 3;
    ServiceState state(service);
    state.take_over(std::move(before.state), start + 20s);
    decide(state, before.verdicts, start + 20s);
    EXPECT_THAT(described(state),
                ElementsAre("10.0.0.1:80 + served", "10.0.0.2:80 - unhealthy:refused", "10.0.0.4:80 + served"));
    EXPECT_EQ(state.view()->targets.size(), 4U) << "the name of its target is answered for a minute";
}

TEST(ServiceStateTakeOver, GoesOnWithTheRotationThePollAndTheLastError) {
    config::Service service = make_service(config::CheckKind::none);
    ServiceState before(service, 3);
    before.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}), 10s, start);
    before.observe(Failed{"timeout"}, 1s, start + 10s);
    decide(before, Verdicts{});
    std::vector<std::optional<SocketAddress>> picks;
    for (int i = 0; i < 6; ++i) picks.push_back(before.pick());
    service.answer.ttl = 1s;
    ServiceState state(service, 99);
    state.take_over(std::move(before), start + 20s);
    decide(state, Verdicts{}, start + 20s);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(state.pick(), picks[static_cast<std::size_t>(i)]);
    EXPECT_EQ(state.last_error(), "timeout");
    ASSERT_TRUE(state.last_poll());
    EXPECT_STREQ(state.last_poll()->outcome, "failed");
}

TEST(ServiceStateTakeOver, GoesOnWithReportsAndDrains) {
    Before before;
    for (int i = 0; i < 5; ++i) before.state.report(endpoint("10.0.0.1:80"), http_server::Report::failure, start);
    before.state.drain(endpoint("10.0.0.2:80"), start + 1h, start);
    ServiceState state(make_service());
    state.take_over(std::move(before.state), start + 20s);
    decide(state, before.verdicts, start + 20s);
    EXPECT_THAT(described(state), ElementsAre("10.0.0.1:80 - ejected:reports", "10.0.0.2:80 - drained",
                                              "10.0.0.3:80 - withdrawn", "10.0.0.4:80 + served"));
}

// Not even the first check of another kind is waited for.
TEST(ServiceStateTakeOver, WhoIsServedStaysSoUntilItsFirstCheckWhereThereWasNone) {
    config::Service service = make_service(config::CheckKind::none);
    ServiceState before(service);
    before.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    decide(before, Verdicts{});
    ServiceState state(make_service());
    state.take_over(std::move(before), start + 1s);
    Verdicts verdicts;
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    decide(state, verdicts, start + 1s);
    EXPECT_EQ(state.counts().served, 2U) << "the one that has not been checked yet, too";
    verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::refused);
    decide(state, verdicts, start + 2s);
    EXPECT_EQ(state.counts().served, 1U);
}

TEST(ServiceStateTakeOver, ANewPortIsThatOfAllMembers) {
    Before before;
    for (int i = 0; i < 4; ++i) before.state.report(endpoint("10.0.0.1:80"), http_server::Report::failure, start);
    before.state.drain(endpoint("10.0.0.4:80"), start + 1h, start);
    decide(before.state, before.verdicts, start + 11s);
    config::Service service = make_service();
    service.port = 90;
    ServiceState state(service);
    state.take_over(std::move(before.state), start + 20s);
    Verdicts none_yet;
    decide(state, none_yet, start + 20s);
    EXPECT_THAT(described(state), ElementsAre("10.0.0.1:90 + served", "10.0.0.2:90 - withheld:first_check",
                                              "10.0.0.3:90 - withdrawn", "10.0.0.4:90 - drained"));
    EXPECT_EQ(state.reports().size(), 0U) << "that was another listener";
    EXPECT_THAT(state.chosen(), testing::SizeIs(4));

    state.observe(seen({"10.0.0.1:90", "10.0.0.2:90", "10.0.0.4:90"}), 10s, start + 21s);
    none_yet.set("10.0.0.1:90", health::Status::unhealthy, health::Observed::refused);
    none_yet.set("10.0.0.2:90", health::Status::healthy, health::Observed::connected);
    decide(state, none_yet, start + 21s);
    EXPECT_THAT(described(state), ElementsAre("10.0.0.1:90 - unhealthy:refused", "10.0.0.2:90 + served",
                                              "10.0.0.3:90 - withdrawn", "10.0.0.4:90 - drained"));
}

TEST(ServiceStateTakeOver, APortThatTheRegistryNamesStays) {
    config::Service service = make_service();
    service.record = config::RecordKind::srv;
    ServiceState before(service);
    Rrset rrset{.type = dns::RrType::srv};
    rrset.sightings.push_back({.address = endpoint("10.0.0.1:80")});
    before.observe(Records{.rrsets = {rrset}, .ttl = 10s}, 10s, start);
    service.port = 90;
    ServiceState state(service);
    state.take_over(std::move(before), start + 20s);
    decide(state, Verdicts{}, start + 20s);
    EXPECT_THAT(described(state), ElementsAre("10.0.0.1:80 + served"));
}

config::Service near_service(std::vector<config::ZoneNetwork> map) {
    config::Service service = make_service(config::CheckKind::none);
    service.zone = {.prefer = true, .map = std::move(map)};
    return service;
}

// What we send from to 127.0.0.0/8 is 127.0.0.1.
TEST(ServiceStateHome, IsTheZoneOfOurOwnSubnet) {
    ServiceState state(near_service({}));
    state.observe(seen({"127.0.0.11:80", "127.0.0.12:80", "127.0.1.11:80", "127.0.1.12:80"}), 10s, start);
    decide(state, Verdicts{});
    EXPECT_EQ(state.own_zone(), "");
    EXPECT_FALSE(state.decision().zone_preferred);
    const std::uint64_t index = state.index();

    state.set_home({"use1-az1", "us-east-1a", {*Network::parse("127.0.0.0/24")}});
    decide(state, Verdicts{});
    EXPECT_EQ(state.own_zone(), "use1-az1");
    EXPECT_TRUE(state.decision().zone_preferred);
    EXPECT_GT(state.index(), index) << "who waits for a change hears of it";

    state.set_home({});
    decide(state, Verdicts{});
    EXPECT_EQ(state.own_zone(), "") << "nothing of the home before is left";
}

TEST(ServiceStateHome, IsTheMetadatasZoneInBridgeMode) {
    ServiceState state(near_service({{*Network::parse("10.0.1.0/24"), "use1-az1"}}));
    state.observe(seen({"127.0.0.11:80"}), 10s, start);
    state.set_home({"use1-az1", "us-east-1a", {}});
    decide(state, Verdicts{});
    EXPECT_EQ(state.own_zone(), "use1-az1") << "our own address is in no network of the map";
}

}  // namespace
}  // namespace taskdns::app
