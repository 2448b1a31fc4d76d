// Reports and drains through the stages of one service, under virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/describe.hpp"
#include "app/service_status.hpp"
#include "unit/app_service_states.hpp"

namespace taskdns::app {
namespace {

using http_server::Report;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

/// Members 10.0.0.1 and so on, that all pass, decided.
struct Serving {
    explicit Serving(unsigned members, config::Service service = make_service()) : state(std::move(service)) {
        Rrset rrset;
        for (unsigned i = 1; i <= members; ++i) rrset.sightings.push_back({.address = at(i)});
        state.observe(Records{.rrsets = {rrset}, .ttl = 10s}, 10s, start);
        for (unsigned i = 1; i <= members; ++i) pass(i, start);
        decide(state, verdicts);
    }

    static SocketAddress at(unsigned octet) {
        return {IpAddress(IpAddress::V4Bytes{10, 0, 0, static_cast<std::uint8_t>(octet)}), 80};
    }
    void pass(unsigned octet, TimePoint when) {
        verdicts.set(at(octet).to_string().c_str(), health::Status::healthy, health::Observed::connected);
        verdicts.all[at(octet)].last_at = when;
    }
    void refuse(unsigned octet) {
        verdicts.set(at(octet).to_string().c_str(), health::Status::unhealthy, health::Observed::refused);
    }
    bool fail(unsigned octet, TimePoint now, int times = 5) {
        bool changed = false;
        for (int i = 0; i < times; ++i) changed = state.report(at(octet), Report::failure, now) || changed;
        decide(state, verdicts, now);
        return changed;
    }
    std::vector<unsigned> served() const {
        std::vector<unsigned> out;
        for (const auto& endpoint : state.decision().endpoints) {
            if (endpoint.served) out.push_back(endpoint.address.address.bytes()[3]);
        }
        return out;
    }
    std::string reason(unsigned octet) const { return view::reason(*state.decision().find(at(octet))); }
    void expire(TimePoint now) {
        state.expire(now);
        decide(state, verdicts, now);
    }

    ServiceState state;
    Verdicts verdicts;
};

TEST(ServiceStateReports, FiveFailuresTakeAnEndpointOutFor30s) {
    Serving serving(3);
    const std::uint64_t index = serving.state.index();
    EXPECT_FALSE(serving.fail(2, start, 4));
    EXPECT_EQ(serving.state.index(), index) << "nothing to see in the answers";
    EXPECT_TRUE(serving.fail(2, start, 1));
    EXPECT_EQ(serving.state.index(), index + 1);
    EXPECT_THAT(serving.served(), ElementsAre(1, 3));
    EXPECT_EQ(serving.reason(2), "ejected:reports");

    EXPECT_EQ(serving.state.next_deadline(), start + 30s);
    EXPECT_FALSE(serving.state.expire(start + 29s).others);
    const ServiceState::Expired expired = serving.state.expire(start + 30s);
    EXPECT_TRUE(expired.others);
    EXPECT_FALSE(expired.members);
    decide(serving.state, serving.verdicts, start + 30s);
    EXPECT_THAT(serving.served(), ElementsAre(1, 2, 3));
    EXPECT_EQ(serving.state.next_deadline(), never);
}

TEST(ServiceStateReports, AnEndpointThatIsNoMemberIsIgnored) {
    Serving serving(2);
    EXPECT_FALSE(serving.fail(9, start));
    EXPECT_FALSE(serving.state.drain(Serving::at(9), start + 10s, start));
    EXPECT_EQ(serving.state.reports().size(), 0U);
    EXPECT_EQ(serving.state.drains().size(), 0U);
}

TEST(ServiceStateReports, ACheckThatPassesAfter30sEndsALongerOne) {
    Serving serving(3);
    serving.fail(2, start);
    serving.expire(start + 30s);
    serving.fail(2, start + 40s);
    const auto end_by_check = [&](TimePoint now) {
        serving.pass(2, now);
        return serving.state.let_back_if_passing(Serving::at(2), serving.verdicts.all[Serving::at(2)], now);
    };
    EXPECT_FALSE(end_by_check(start + 69s));
    EXPECT_THAT(serving.served(), ElementsAre(1, 3));
    health::Verdict failing = serving.verdicts.all[Serving::at(2)];
    failing.last.observed = health::Observed::timeout;
    failing.last_at = start + 71s;
    EXPECT_FALSE(serving.state.let_back_if_passing(Serving::at(2), failing, start + 71s));
    EXPECT_TRUE(end_by_check(start + 72s));
    EXPECT_FALSE(end_by_check(start + 73s)) << "once";
    decide(serving.state, serving.verdicts, start + 73s);
    EXPECT_THAT(serving.served(), ElementsAre(1, 2, 3));
}

TEST(ServiceStateReports, ASuccessReportAfter30sEndsIt) {
    Serving serving(3);
    serving.fail(2, start);
    EXPECT_FALSE(serving.state.report(Serving::at(2), Report::success, start + 29s));
    EXPECT_TRUE(serving.state.report(Serving::at(2), Report::success, start + 30s));
}

TEST(ServiceStateReports, AtMostHalfAreOutAndNeverTheLastThatPasses) {
    Serving serving(5);
    for (unsigned octet = 1; octet <= 5; ++octet) serving.fail(octet, start);
    EXPECT_THAT(serving.served(), ElementsAre(3, 4, 5));

    Serving failing(4);
    failing.refuse(1);
    failing.refuse(2);
    failing.refuse(3);
    decide(failing.state, failing.verdicts);
    EXPECT_FALSE(failing.fail(4, start)) << "no other passes";
    EXPECT_THAT(failing.served(), ElementsAre(4));
}

TEST(ServiceStateReports, AnEjectedOneIsServedWhenTheOthersFailLater) {
    Serving serving(2);
    serving.fail(1, start);
    EXPECT_THAT(serving.served(), ElementsAre(2));
    serving.refuse(2);
    decide(serving.state, serving.verdicts);
    EXPECT_THAT(serving.served(), ElementsAre(1));
    EXPECT_EQ(serving.reason(1), "ejected:reports");
    EXPECT_EQ(serving.state.decision().rung, view::Rung::healthy);
    EXPECT_FALSE(serving.fail(2, start)) << "the other one is ejected: that is no reason to believe in it";
}

TEST(ServiceStateReports, WhoIsOutFirstReturnsWhenMembersLeave) {
    Serving serving(4);
    serving.fail(1, start);
    serving.fail(2, start + 1s);
    EXPECT_THAT(serving.served(), ElementsAre(3, 4));
    serving.state.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}), 10s, start + 10s);
    decide(serving.state, serving.verdicts, start + 10s);
    EXPECT_THAT(serving.served(), ElementsAre(1, 3)) << "one of three may be out";
}

TEST(ServiceStateReports, WhoIsOutFirstReturnsWhenOthersAreDrained) {
    Serving serving(4);
    serving.fail(1, start);
    serving.fail(2, start + 1s);
    EXPECT_TRUE(serving.state.drain(Serving::at(4), start + 10min, start + 2s));
    decide(serving.state, serving.verdicts, start + 2s);
    EXPECT_THAT(serving.served(), ElementsAre(1, 3));
}

TEST(ServiceStateReports, WhoIsOutFirstReturnsWhenAnEjectedOneIsNoLongerDrained) {
    for (const bool by_time : {false, true}) {
        Serving serving(3);
        serving.fail(1, start);
        serving.state.drain(Serving::at(1), start + 20s, start);
        serving.fail(2, start + 1s);
        EXPECT_THAT(serving.served(), ElementsAre(3));
        const TimePoint now = start + 20s;
        if (by_time) {
            serving.state.expire(now);
        } else {
            serving.state.undrain(Serving::at(1), now);
        }
        decide(serving.state, serving.verdicts, now);
        EXPECT_THAT(serving.served(), ElementsAre(1, 3)) << "one of three may be out";
    }
}

TEST(ServiceStateReports, AreForgottenWithTheMember) {
    Serving serving(3);
    serving.fail(2, start);
    serving.state.observe(seen({"10.0.0.1:80", "10.0.0.3:80"}), 10s, start + 1s);
    EXPECT_EQ(serving.state.reports().size(), 1U) << "in the reserve";
    serving.state.expire(start + 61s);
    EXPECT_EQ(serving.state.reports().size(), 0U);
}

TEST(ServiceStateReports, APickOfASubsetHasAStandIn) {
    config::Service service = make_service();
    service.subset = 2;
    Serving serving(10, service);
    ASSERT_EQ(serving.served().size(), 2U);
    const std::vector<unsigned> before = serving.served();
    serving.fail(before[0], start);
    EXPECT_EQ(serving.served().size(), 2U);
    EXPECT_THAT(serving.served(), Contains(before[1]));
    EXPECT_THAT(serving.served(), testing::Not(Contains(before[0])));
    EXPECT_TRUE(serving.state.expire(start + 30s).members) << "it is chosen anew";
    decide(serving.state, serving.verdicts, start + 30s);
    EXPECT_EQ(serving.served(), before);
    unsigned ejected = 0;
    for (unsigned octet = 1; octet <= 10; ++octet) ejected += serving.fail(octet, start + 60s) ? 1U : 0U;
    EXPECT_EQ(ejected, 2U) << "not more than the subset has";
}

TEST(ServiceStateDrains, TakeAnEndpointOutUntilTheirTimeIsOver) {
    Serving serving(2);
    const std::uint64_t index = serving.state.index();
    EXPECT_TRUE(serving.state.drain(Serving::at(1), start + 10min, start));
    EXPECT_TRUE(decide(serving.state, serving.verdicts));
    EXPECT_EQ(serving.state.index(), index + 1);
    EXPECT_THAT(serving.served(), ElementsAre(2));
    EXPECT_EQ(serving.reason(1), "drained");
    EXPECT_THAT(serving.state.chosen(), Contains(Serving::at(1))) << "checks go on";
    EXPECT_EQ(serving.state.next_deadline(), start + 10min);
    EXPECT_TRUE(serving.state.expire(start + 10min).others);
    decide(serving.state, serving.verdicts, start + 10min);
    EXPECT_THAT(serving.served(), ElementsAre(1, 2));
}

TEST(ServiceStateDrains, AreTakenBack) {
    Serving serving(2);
    EXPECT_FALSE(serving.state.undrain(Serving::at(1), start));
    serving.state.drain(Serving::at(1), start + 10min, start);
    decide(serving.state, serving.verdicts);
    EXPECT_TRUE(serving.state.undrain(Serving::at(1), start));
    decide(serving.state, serving.verdicts);
    EXPECT_THAT(serving.served(), ElementsAre(1, 2));
}

TEST(ServiceStateDrains, AreObeyedIfNobodyIsLeft) {
    Serving serving(2);
    for (const unsigned octet : {1U, 2U}) serving.state.drain(Serving::at(octet), start + 10min, start);
    decide(serving.state, serving.verdicts);
    EXPECT_THAT(serving.served(), IsEmpty());
    EXPECT_EQ(serving.state.view()->readiness, view::Readiness::no_endpoint);
    EXPECT_EQ(serving.state.pick(), std::nullopt);
}

TEST(ServiceStateDrains, OutlastAMembersAbsence) {
    Serving serving(2);
    serving.state.drain(Serving::at(1), start + 10min, start);
    serving.state.observe(seen({"10.0.0.2:80"}), 10s, start + 1s);
    serving.expire(start + 61s);
    ASSERT_FALSE(serving.state.decision().find(Serving::at(1)));
    serving.state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start + 70s);
    decide(serving.state, serving.verdicts, start + 70s);
    EXPECT_EQ(serving.reason(1), "drained");
}

TEST(ServiceStateDrains, APickOfASubsetHasAStandIn) {
    config::Service service = make_service();
    service.subset = 2;
    Serving serving(10, service);
    const std::vector<unsigned> before = serving.served();
    serving.state.drain(Serving::at(before[0]), start + 10s, start);
    decide(serving.state, serving.verdicts);
    EXPECT_EQ(serving.served().size(), 2U);
    EXPECT_THAT(serving.served(), testing::Not(Contains(before[0])));
    EXPECT_TRUE(serving.state.expire(start + 10s).members);
    decide(serving.state, serving.verdicts, start + 10s);
    EXPECT_EQ(serving.served(), before);
}

TEST(ServiceStateDrains, DoNotStartSlowlyWhenTheyEnd) {
    config::Service service = make_service();
    service.slow_start = 60s;
    Serving serving(2, service);
    serving.state.drain(Serving::at(1), start + 1h, start);
    decide(serving.state, serving.verdicts);
    serving.expire(start + 1h);
    EXPECT_EQ(serving.state.decision().find(Serving::at(1))->weight, 1);
}

TEST(ServiceStateDrains, OfTheOwnZoneEndItsPreference) {
    config::Service service = make_service();
    service.zone.prefer = true;
    service.zone.map = {{*Network::parse("127.0.0.0/9"), "own"}, {*Network::parse("127.128.0.0/9"), "other"}};
    ServiceState state(service);
    Verdicts verdicts;
    const char* const all[] = {"127.0.0.1:80", "127.0.0.2:80", "127.128.0.1:80", "127.128.0.2:80"};
    state.observe(seen({all[0], all[1], all[2], all[3]}), 10s, start);
    for (const char* address : all) verdicts.set(address, health::Status::healthy, health::Observed::connected);
    decide(state, verdicts);
    ASSERT_TRUE(state.decision().zone_preferred);
    state.drain(endpoint(all[0]), start + 1h, start);
    decide(state, verdicts);
    EXPECT_FALSE(state.decision().zone_preferred) << "one alone would carry all";
}

TEST(ServiceStatusAdmin, SaysWhatWasReportedAndUntilWhenItIsDrained) {
    Serving serving(4);
    serving.fail(1, start, 3);
    serving.fail(2, start);
    serving.state.drain(Serving::at(3), start + 10min, start);
    decide(serving.state, serving.verdicts);
    const WallAnchor wall{start + 1s, WallTime{1000s}};
    const http_server::ServiceStatus status =
        service_status(serving.state, serving.verdicts.find(), nobody_connects, wall);
    ASSERT_EQ(status.endpoints.size(), 4U);
    ASSERT_TRUE(status.endpoints[0].reports);
    EXPECT_EQ(status.endpoints[0].reports->failures, 3U);
    EXPECT_EQ(status.endpoints[0].reports->ejections, 0U);
    EXPECT_EQ(status.endpoints[0].reports->ejected_until, std::nullopt);
    ASSERT_TRUE(status.endpoints[1].reports);
    EXPECT_EQ(status.endpoints[1].reports->ejections, 1U);
    EXPECT_EQ(status.endpoints[1].reports->ejected_until, WallTime{1029s});
    EXPECT_EQ(status.endpoints[2].drained_until, WallTime{1599s});
    EXPECT_FALSE(status.endpoints[3].reports);
    EXPECT_EQ(status.endpoints[3].drained_until, std::nullopt);
    EXPECT_EQ(status.endpoints[1].share, 0);
    EXPECT_EQ(status.endpoints[3].share, 0.5);

    const std::vector<std::string> lines = describe(status, WallTime{1000s}, 10);
    EXPECT_THAT(lines, Contains(testing::StartsWith("10.0.0.2:80 healthy ejected:reports ")));
    EXPECT_THAT(lines, Contains(testing::StartsWith("10.0.0.3:80 healthy drained ")));
}

}  // namespace
}  // namespace taskdns::app
