// One service through its stages under virtual time: what changes what is seen from outside, and what does not.
#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/service_status.hpp"
#include "unit/app_service_states.hpp"

namespace taskdns::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ServiceState, IsNotReadyBeforeItsFirstPoll) {
    ServiceState state(make_service());
    const Verdicts none;
    EXPECT_EQ(state.view()->readiness, view::Readiness::not_polled);
    EXPECT_FALSE(decide(state, none));
    EXPECT_EQ(state.not_ready_reason(none.find()), "not polled yet");
    EXPECT_EQ(state.pick(), std::nullopt);
}

TEST(ServiceState, ServesWhatItSawBeforeTheFirstChecksAreIn) {
    ServiceState state(make_service());
    const Verdicts none;
    EXPECT_TRUE(state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start));
    EXPECT_TRUE(decide(state, none));
    EXPECT_EQ(state.view()->readiness, view::Readiness::serving);
    EXPECT_EQ(state.not_ready_reason(none.find()), "2 of 2 endpoints not checked yet");
}

TEST(ServiceState, IsReadyOnceEveryEndpointWasCheckedWithWhateverOutcome) {
    ServiceState state(make_service());
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    state.choose(verdicts.find(), "task");
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    EXPECT_EQ(state.not_ready_reason(verdicts.find()), "1 of 2 endpoints not checked yet");
    verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::refused);
    EXPECT_THAT(state.not_ready_reason(verdicts.find()), IsEmpty());
}

// The one that cannot be checked from here is served at once; of this one the next check will say more.
TEST(ServiceState, ANewcomerWhoseFirstCheckTimedOutLateIsStillNotCheckedAndWithheld) {
    ServiceState state(make_service());
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    const auto check = [&](const char* address, health::Observed observed) {
        verdicts.all[endpoint(address)].apply({.observed = observed}, state.service().health, start);
    };
    check("10.0.0.2:80", health::Observed::late_timeout);
    check("10.0.0.3:80", health::Observed::local_fault);
    decide(state, verdicts);
    EXPECT_THAT(described(state),
                ElementsAre("10.0.0.1:80 + served", "10.0.0.2:80 - withheld:first_check", "10.0.0.3:80 + served"));
    EXPECT_EQ(state.not_ready_reason(verdicts.find()), "1 of 3 endpoints not checked yet");
}

TEST(ServiceState, AnUncheckedServiceIsReadyOncePolled) {
    ServiceState state(make_service(config::CheckKind::none));
    state.observe(seen({"10.0.0.1"}), 10s, start);
    EXPECT_THAT(state.not_ready_reason(Verdicts{}.find()), IsEmpty());
}

TEST(ServiceState, NamesTheFailureWhileTheUpstreamHasNeverAnswered) {
    ServiceState state(make_service());
    state.observe(Failed{"timeout from 10.0.0.2:53"}, 1s, start);
    decide(state, Verdicts{});
    EXPECT_EQ(state.view()->readiness, view::Readiness::no_upstream);
    EXPECT_THAT(state.not_ready_reason(Verdicts{}.find()), HasSubstr("timeout from 10.0.0.2:53"));
    EXPECT_EQ(state.last_error(), "timeout from 10.0.0.2:53");
}

TEST(ServiceState, GivesANewIndexOnlyToWhatCanBeSeen) {
    ServiceState state(make_service());
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    ASSERT_TRUE(decide(state, verdicts));
    const std::uint64_t index = state.index();

    state.observe(seen({"10.0.0.1:80"}), 10s, start + 10s);
    verdicts.all.begin()->second.last.latency = 3ms;
    EXPECT_FALSE(decide(state, verdicts));
    EXPECT_EQ(state.index(), index);

    state.observe(Failed{""}, 1s, start + 20s);
    EXPECT_TRUE(decide(state, verdicts));  // now a stale answer
    EXPECT_EQ(state.index(), index + 1);
    EXPECT_TRUE(state.view()->stale);
}

// Who has seen the list at an index must not miss a change of any service after it.
TEST(ServiceState, SharesTheCountOfChangesWithAllServices) {
    LocalSources sources;
    const Verdicts none;
    std::uint64_t last_index = 7;
    ServiceState first(make_service(config::CheckKind::none));
    ServiceState second(make_service(config::CheckKind::none), 0, last_index);
    EXPECT_EQ(second.index(), 7U) << "before its first change";
    const auto change = [&](ServiceState& state, const char* address) {
        state.observe(seen({address}), 10s, start);
        state.decide(none.find(), sources, start, last_index);
    };
    change(first, "10.0.0.1:80");
    EXPECT_EQ(first.index(), 8U);
    change(second, "10.0.0.2:80");
    EXPECT_EQ(second.index(), 9U);
    change(second, "10.0.0.2:80");
    EXPECT_EQ(last_index, 9U) << "nothing to see";
    change(first, "10.0.0.3:80");
    EXPECT_EQ(first.index(), 10U);
    EXPECT_EQ(second.index(), 9U) << "that of its own last change";
}

TEST(ServiceState, KeepsAFormerMembersTargetNameForAMinute) {
    ServiceState state(make_service());
    Verdicts verdicts;
    verdicts.set("10.0.0.2:80", health::Status::healthy, health::Observed::connected);
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    state.observe(seen({"10.0.0.2:80"}), 10s, start + 10s);
    decide(state, verdicts);
    EXPECT_EQ(state.view()->targets.size(), 2U);  // in the reserve

    EXPECT_EQ(state.next_deadline(), start + 70s);
    EXPECT_TRUE(state.expire(start + 70s).members);  // left the reserve
    decide(state, verdicts);
    EXPECT_EQ(state.view()->targets.size(), 2U);
    EXPECT_THAT(state.chosen(), ElementsAre(endpoint("10.0.0.2:80")));

    EXPECT_EQ(state.next_deadline(), start + 130s);
    EXPECT_FALSE(state.expire(start + 129s).others);
    EXPECT_TRUE(state.expire(start + 130s).others);
    const std::uint64_t index = state.index();
    EXPECT_TRUE(decide(state, verdicts));
    EXPECT_EQ(state.index(), index);  // nothing that is served changed
    EXPECT_THAT(state.view()->targets, ElementsAre(endpoint("10.0.0.2").address));
    EXPECT_EQ(state.next_deadline(), never);
}

TEST(ServiceState, PicksInRotation) {
    ServiceState state(make_service(config::CheckKind::none));
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    decide(state, Verdicts{});
    EXPECT_EQ(state.pick(), endpoint("10.0.0.1:80"));
    EXPECT_EQ(state.pick(), endpoint("10.0.0.2:80"));
    EXPECT_EQ(state.pick(), endpoint("10.0.0.1:80"));
}

TEST(ServiceStatus, ShowsPollEndpointsAndReasons) {
    ServiceState state(make_service());
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::refused);
    decide(state, verdicts);

    const WallAnchor wall{start, WallTime(1'700'000'000s)};
    const http_server::ServiceStatus status = service_status(state, verdicts.find(), nobody_connects, wall);
    EXPECT_EQ(status.name, "orders.local");
    EXPECT_EQ(status.state, "serving");
    EXPECT_EQ(status.rung, "healthy");
    ASSERT_TRUE(status.last_poll.has_value());
    EXPECT_EQ(status.last_poll->outcome, "records");
    EXPECT_EQ(status.last_poll->next, wall.wall + 10s);
    ASSERT_EQ(status.endpoints.size(), 2U);
    EXPECT_EQ(status.endpoints[0].state, "healthy");
    EXPECT_TRUE(status.endpoints[0].served);
    EXPECT_EQ(status.endpoints[0].reason, "served");
    EXPECT_EQ(status.endpoints[1].state, "unhealthy");
    EXPECT_FALSE(status.endpoints[1].served);
    EXPECT_EQ(status.endpoints[1].reason, "unhealthy:refused");
    ASSERT_TRUE(status.endpoints[1].last_check.has_value());
    EXPECT_EQ(status.endpoints[1].last_check->outcome, "refused");
    EXPECT_EQ(status.counts.total, 2U);
    EXPECT_EQ(status.counts.healthy, 1U);
    EXPECT_EQ(status.counts.served, 1U);
}

TEST(ServiceStatus, NamesTheZoneThoughNoneIsPreferred) {
    config::Service service = make_service();
    service.zone.map = {{*Network::parse("10.0.0.0/24"), "use1-az1"}};
    ServiceState state(service);
    state.observe(seen({"10.0.0.1:80", "10.0.1.1:80"}), 10s, start);
    decide(state, Verdicts{});
    const auto status = service_status(state, Verdicts{}.find(), nobody_connects, WallAnchor{start, {}});
    ASSERT_EQ(status.endpoints.size(), 2U);
    EXPECT_EQ(status.endpoints[0].zone, "use1-az1");
    EXPECT_EQ(status.endpoints[1].zone, "");
}

// Asking the kernel costs three system calls per endpoint: a hundred thousand times at each change.
TEST(ServiceState, AsksForASourceOnceWhileTheInterfacesStay) {
    ServiceState state(make_service());
    const Verdicts none;
    LocalSources sources;
    state.observe(seen({"127.0.0.9:80"}), 10s, start);
    std::uint64_t last_index = 1;
    EXPECT_TRUE(state.decide(none.find(), sources, start, last_index));
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit no_descriptors{0, limit.rlim_max};  // who asks now is told that there is no way
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &no_descriptors), 0);
    const bool changed = state.decide(none.find(), sources, start, last_index);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_FALSE(changed);
    const view::Decision& decision = state.decision();
    EXPECT_EQ(decision.source_of(decision.endpoints.at(0)).address, IpAddress::parse("127.0.0.1"));
}

TEST(ServiceStatus, ShowsTheApplicationsConnections) {
    ServiceState state(make_service());
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    decide(state, Verdicts{});
    const health::EndpointConnections connections{.open = 4,
                                                  .rtt = 300us,
                                                  .retransmits = 1,
                                                  .answered = 9,
                                                  .refused = 2,
                                                  .unanswered = 3,
                                                  .last_seen = start + 1s};
    const auto find = [&](const SocketAddress& address) {
        return address == endpoint("10.0.0.2:80") ? &connections : nullptr;
    };
    const WallAnchor wall{start, WallTime(1'700'000'000s)};
    const auto status = service_status(state, Verdicts{}.find(), find, wall);
    EXPECT_FALSE(status.endpoints.at(0).connections.has_value());
    const auto& shown = status.endpoints.at(1).connections;
    ASSERT_TRUE(shown.has_value());
    EXPECT_EQ(shown->open, 4U);
    EXPECT_EQ(shown->rtt, 300us);
    EXPECT_EQ(shown->retransmits, 1U);
    EXPECT_EQ(shown->answered, 9U);
    EXPECT_EQ(shown->refused, 2U);
    EXPECT_EQ(shown->unanswered, 3U);
    EXPECT_EQ(shown->last_seen, wall.wall + 1s);
}

TEST(ServiceState, GivesFewerTurnsToWhoHoldsMoreConnections) {
    config::Service service = make_service();
    service.answer.order = config::Order::least_connections;
    ServiceState state(service);
    Verdicts verdicts;
    for (const char* address : {"10.0.0.1:80", "10.0.0.2:80"}) {
        verdicts.set(address, health::Status::healthy, health::Observed::connected);
    }
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    decide(state, verdicts);
    const auto weight_of = [&](const char* address) { return state.decision().find(endpoint(address))->weight; };
    EXPECT_FALSE(state.rebalance([](const SocketAddress&) { return 0.0; }));
    EXPECT_FALSE(state.rebalance([](const SocketAddress&) { return 7.0; }));

    const auto open = [](const SocketAddress& address) { return address == endpoint("10.0.0.1:80") ? 30.0 : 3.0; };
    EXPECT_TRUE(state.rebalance(open));
    EXPECT_TRUE(decide(state, verdicts)) << "a new view";
    EXPECT_LT(weight_of("10.0.0.1:80"), weight_of("10.0.0.2:80"));
    const double before = weight_of("10.0.0.1:80");
    EXPECT_TRUE(state.rebalance(open));
    decide(state, verdicts);
    EXPECT_LT(weight_of("10.0.0.1:80"), before) << "it goes on from where it was";

    verdicts.set("10.0.0.1:80", health::Status::unhealthy, health::Observed::refused);
    decide(state, verdicts);
    state.rebalance(open);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    decide(state, verdicts);
    EXPECT_EQ(weight_of("10.0.0.1:80"), 1.0) << "who was out begins anew";
}

TEST(ServiceState, UsesAllButThoseOutsideItsSubset) {
    config::Service service = make_service();
    ServiceState all(service);
    EXPECT_TRUE(all.uses(endpoint("10.0.0.1:80")));
    service.subset = 1;
    ServiceState some(service);
    some.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    decide(some, Verdicts{});
    EXPECT_NE(some.uses(endpoint("10.0.0.1:80")), some.uses(endpoint("10.0.0.2:80")));
}

TEST(ServiceStatus, UncheckedEndpointsThatWereSeenToFailSaySo) {
    ServiceState state(make_service(config::CheckKind::none));
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::unhealthy, health::Observed::refused);
    verdicts.all[endpoint("10.0.0.1:80")].witness = health::Witness::connection;
    verdicts.all[endpoint("10.0.0.1:80")].last = {};
    decide(state, verdicts);
    const auto status = service_status(state, verdicts.find(), nobody_connects, WallAnchor::take());
    EXPECT_EQ(status.endpoints.at(0).state, "unhealthy");
    EXPECT_EQ(status.endpoints.at(0).reason, "unhealthy:refused (observed)");
    EXPECT_FALSE(status.endpoints.at(0).last_check.has_value());
    EXPECT_EQ(status.endpoints.at(1).state, "unchecked");
}

TEST(ServiceStatus, UncheckedEndpointsSaySo) {
    ServiceState state(make_service(config::CheckKind::none));
    state.observe(Empty{5s, "NXDOMAIN"}, 5s, start);
    EXPECT_EQ(service_status(state, Verdicts{}.find(), nobody_connects, WallAnchor::take()).last_poll->error,
              "NXDOMAIN");
    state.observe(seen({"10.0.0.1"}), 10s, start);
    decide(state, Verdicts{});
    const auto status = service_status(state, Verdicts{}.find(), nobody_connects, WallAnchor::take());
    EXPECT_EQ(status.endpoints.at(0).state, "unchecked");
    EXPECT_FALSE(status.endpoints.at(0).last_check.has_value());
}

TEST(ServiceState, LoadsASnapshotOnlyBeforeTheFirstPoll) {
    ServiceState state(make_service());
    const membership::Member saved{.address = endpoint("10.0.0.1:80"), .first_seen = start - 1h, .last_seen = start};
    EXPECT_TRUE(state.load({saved}, start));
    EXPECT_TRUE(decide(state, Verdicts{}));
    EXPECT_EQ(state.view()->readiness, view::Readiness::serving);
    EXPECT_TRUE(state.view()->stale);
    EXPECT_EQ(view::reason(state.decision().endpoints.at(0)), "held:snapshot");

    ServiceState polled(make_service());
    polled.observe(seen({"10.0.0.2:80"}), 10s, start);
    EXPECT_FALSE(polled.load({saved}, start));
    EXPECT_EQ(polled.registry().members().size(), 1u);
}

TEST(ServiceState, KeepsItsViewWhenOnlyWhatIsSaidOfAnEndpointChanges) {
    ServiceState state(make_service());
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::timeout);
    EXPECT_TRUE(decide(state, verdicts));
    const auto before = state.view();
    const auto index = state.index();
    verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::refused);
    EXPECT_FALSE(decide(state, verdicts));
    EXPECT_EQ(state.view(), before);
    EXPECT_EQ(state.index(), index + 1);
}

TEST(ServiceState, DecidesAnewWhileASlowStartGrows) {
    config::Service service = make_service();
    service.slow_start = 10s;
    ServiceState state(std::move(service));
    Verdicts verdicts;
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    verdicts.set("10.0.0.2:80", health::Status::healthy, health::Observed::connected);
    verdicts.all[endpoint("10.0.0.2:80")].recovered = true;
    verdicts.all[endpoint("10.0.0.2:80")].since = start;
    decide(state, verdicts);
    EXPECT_NEAR(state.decision().endpoints.at(1).weight, 0.1, 0.001);
    const TimePoint next = state.next_deadline();
    ASSERT_LE(next, start + 1s);
    EXPECT_TRUE(state.expire(next).others);
    EXPECT_TRUE(decide(state, verdicts, next));
    EXPECT_GT(state.decision().endpoints.at(1).weight, 0.1);
    decide(state, verdicts, start + 10s);
    EXPECT_EQ(state.decision().endpoints.at(1).weight, 1);
    EXPECT_EQ(state.next_deadline(), never);
}

// The guard's end changes nobody's number: the subset must be drawn again from those that are left.
TEST(ServiceState, AGuardThatEndsHasChangedTheMembers) {
    ServiceState state(make_service());
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80"}), 10s, start);
    state.observe(seen({"10.0.0.1:80"}), 10s, start + 10s);
    EXPECT_EQ(state.registry().basis(), membership::Basis::guarded);
    const std::size_t members = state.registry().members().size();
    EXPECT_TRUE(state.expire(start + 40s).members);
    EXPECT_EQ(state.registry().members().size(), members);
}

TEST(ServiceState, ServesALoadedEndpointUntilItsFirstCheckAndNeverBeforeOneAgain) {
    ServiceState state(make_service());
    Verdicts verdicts;
    const membership::Member saved{.address = endpoint("10.0.0.1:80"), .first_seen = start - 1h, .last_seen = start};
    state.load({saved}, start);
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    verdicts.set("10.0.0.2:80", health::Status::healthy, health::Observed::connected);
    decide(state, verdicts);
    EXPECT_TRUE(state.decision().endpoints.at(0).served);  // though an answer has named it and another one passes
    verdicts.set("10.0.0.1:80", health::Status::unhealthy, health::Observed::refused);
    decide(state, verdicts);
    EXPECT_FALSE(state.decision().endpoints.at(0).served);
    verdicts.all.erase(endpoint("10.0.0.1:80"));  // out of the subset, and in it again
    decide(state, verdicts);
    EXPECT_FALSE(state.decision().endpoints.at(0).served);
}

}  // namespace
}  // namespace taskdns::app
