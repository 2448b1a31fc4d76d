// When which target is probed, and who learns of the outcome: the schedule under virtual time.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health_schedules.hpp"

namespace taskdns::health {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(Schedules, HasNothingToDoAtFirst) {
    EXPECT_EQ(schedule.next_due(), never);
    EXPECT_FALSE(schedule.take_due(start).has_value());
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
}

TEST_F(Schedules, ProbesNewEndpointsAtOnce) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(3), start);
    EXPECT_EQ(schedule.next_due(), start);
    EXPECT_THAT(addresses_of(take_all(start)), ElementsAre(endpoint(1), endpoint(2), endpoint(3)));
    EXPECT_EQ(schedule.in_flight(), 3U);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(Schedules, MakesTheTargetFromThePolicy) {
    config::Health policy = http_policy("/healthz");
    policy.timeout = 700ms;
    schedule.set_endpoints(0, name, policy, endpoints(1), start);
    const auto job = take_one(start);
    EXPECT_EQ(job.target, make_target(endpoint(1), policy, name));
    EXPECT_EQ(job.timeout, 700ms);
}

TEST_F(Schedules, NewVerdictIsPendingSinceItWasAdded) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const Verdict* verdict = schedule.find(0, endpoint(1));
    ASSERT_NE(verdict, nullptr);
    EXPECT_EQ(verdict->status, Status::pending);
    EXPECT_EQ(verdict->since, start);
    EXPECT_EQ(verdict->first_seen, start);
    EXPECT_EQ(schedule.find(0, endpoint(2)), nullptr);
    EXPECT_EQ(schedule.find(1, endpoint(1)), nullptr);
}

TEST_F(Schedules, OutcomeReachesTheVerdict) {
    schedule.set_endpoints(7, name, tcp_policy(), endpoints(1), start);
    const auto first = schedule.finish(take_one(start), connected, start + 3ms);
    EXPECT_THAT(first, ElementsAre(Event{7, endpoint(1), true}));
    EXPECT_EQ(schedule.find(7, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(7, endpoint(1))->last_at, start + 3ms);
    EXPECT_EQ(schedule.in_flight(), 0U);

    const auto second = schedule.finish(take_one(start + 10s), connected, start + 10s);
    EXPECT_THAT(second, ElementsAre(Event{7, endpoint(1), false}));
}

TEST_F(Schedules, NextProbeIsDueAnIntervalAfterTheLastOneLessUpToATenth) {
    constexpr int count = 200;
    schedule.set_endpoints(0, name, tcp_policy(2s), endpoints(count), start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start + 100ms);
    EXPECT_THAT(take_all(start + 100ms + 1799ms), IsEmpty());
    const auto soonest = schedule.next_due() - start - 100ms;
    EXPECT_GE(soonest, 1800ms);
    EXPECT_LT(soonest, 1830ms) << "200 draws come close to the bound";
    const auto before_half = take_all(start + 100ms + 1900ms).size();
    EXPECT_GT(before_half, 60U) << "spread evenly";
    EXPECT_LT(before_half, 140U);
    EXPECT_EQ(before_half + take_all(start + 100ms + 2000ms).size(), 200U);
}

TEST_F(Schedules, InDoubtTheNextProbeComesFast) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), timed_out, start);
    EXPECT_GE(schedule.next_due(), start + 450ms);
    EXPECT_LE(schedule.next_due(), start + 500ms);
}

TEST_F(Schedules, KeptEndpointsKeepVerdictAndTime) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start);
    const TimePoint due = schedule.next_due();
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(3), endpoint(2), endpoint(1)}, start + 1s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(0, endpoint(1))->first_seen, start);
    EXPECT_EQ(schedule.find(0, endpoint(3))->first_seen, start + 1s);
    EXPECT_EQ(take_one(start + 1s).target.address, endpoint(3));
    EXPECT_EQ(schedule.next_due(), due);
}

TEST_F(Schedules, EndpointsNoLongerNamedAreForgotten) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    for (const auto& job : take_all(start)) schedule.finish(job, refused, start);
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(2)}, start + 1s);
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
    EXPECT_EQ(schedule.targets(), 1U);
    EXPECT_EQ(take_one(start + 10s).target.address, endpoint(2));

    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start + 20s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending) << "who comes back is new";
}

TEST_F(Schedules, NamingOneTwiceIsNamingItOnce) {
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(1), endpoint(1)}, start);
    EXPECT_THAT(schedule.finish(take_one(start), connected, start), ElementsAre(Event{0, endpoint(1), true}));
}

TEST_F(Schedules, CheckNoneHasNoEndpoints) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    schedule.set_endpoints(0, name, config::Health{}, endpoints(2), start);
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
    EXPECT_EQ(schedule.targets(), 0U);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(Schedules, OutcomeOfAForgottenEndpointIsIgnored) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const auto job = take_one(start);
    schedule.set_endpoints(0, name, tcp_policy(), {}, start);
    EXPECT_THAT(schedule.finish(job, connected, start + 1s), IsEmpty());
    EXPECT_EQ(schedule.in_flight(), 0U);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(Schedules, OutcomeFromBeforeAnEndpointCameBackIsIgnored) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const auto old_job = take_one(start);
    schedule.set_endpoints(0, name, tcp_policy(), {}, start);
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const auto new_job = take_one(start);
    EXPECT_THAT(schedule.finish(old_job, refused, start), IsEmpty());
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending);
    EXPECT_THAT(schedule.finish(new_job, connected, start), ElementsAre(Event{0, endpoint(1), true}));
    EXPECT_EQ(schedule.in_flight(), 0U);
}

// Several services that share an endpoint.

TEST_F(Schedules, OneProbeFeedsAllThatShareTheTarget) {
    config::Health strict = tcp_policy();
    strict.fall = 1;
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", strict, endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    const auto events = schedule.finish(take_one(start + 2s), timed_out, start + 2s);
    EXPECT_THAT(events, ElementsAre(Event{0, endpoint(1), false}, Event{1, endpoint(1), true}));
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(1, endpoint(1))->status, Status::unhealthy);
}

TEST_F(Schedules, SharedTargetIsDueForTheMostImpatient) {
    schedule.set_endpoints(0, "a.local", tcp_policy(60s), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", tcp_policy(5s), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    EXPECT_GE(schedule.next_due(), start + 4500ms);
    EXPECT_LE(schedule.next_due(), start + 5s);
}

TEST_F(Schedules, SharedProbeHasTheLongestTimeoutAndIsJudgedByEachOnesOwn) {
    config::Health quick = tcp_policy();
    quick.timeout = 100ms;
    config::Health slow = tcp_policy();
    slow.timeout = 1s;
    schedule.set_endpoints(0, "a.local", quick, endpoints(1), start);
    schedule.set_endpoints(1, "b.local", slow, endpoints(1), start);
    auto job = take_one(start);
    EXPECT_EQ(job.timeout, 1s);
    schedule.finish(job, {.observed = Observed::connected, .latency = 101ms}, start);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::timeout);
    EXPECT_EQ(schedule.find(1, endpoint(1))->last.observed, Observed::connected);

    job = take_one(start + 10s);
    schedule.finish(job, {.observed = Observed::connected, .latency = 100ms}, start + 10s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::connected);

    job = take_one(start + 20s);
    schedule.finish(job, {.observed = Observed::local_fault, .latency = 500ms}, start + 20s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::local_fault) << "no evidence stays none";

    job = take_one(start + 30s);
    schedule.finish(job, {.observed = Observed::late_timeout, .latency = 1500ms}, start + 30s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::late_timeout);
}

TEST_F(Schedules, ALateTimeoutOfASharedProbeIsExcusedByEachOnesOwnCount) {
    config::Health strict = tcp_policy();
    strict.fall = 1;
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", strict, endpoints(1), start);
    TimePoint now = start;
    schedule.finish(take_one(now), connected, now);
    for (int i = 0; i < 2; ++i) schedule.finish(take_one(now += 10s), {.observed = Observed::late_timeout}, now);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(1, endpoint(1))->status, Status::unhealthy);
}

TEST_F(Schedules, AfterALateTimeoutTheNextProbeComesFast) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), {.observed = Observed::late_timeout}, start);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending);
    EXPECT_LE(schedule.next_due(), start + 500ms);
}

TEST_F(Schedules, DetailOfAProbeThatWasTooLateForOneStaysWithTheOther) {
    config::Health quick = tcp_policy();
    quick.timeout = 100ms;
    schedule.set_endpoints(0, "a.local", quick, endpoints(1), start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start);
    const Outcome outcome{.observed = Observed::bad_tls, .latency = 101ms, .detail = "certificate has expired"};
    schedule.finish(take_one(start), outcome, start);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::timeout);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.detail, "");
    EXPECT_EQ(schedule.find(1, endpoint(1))->last.detail, "certificate has expired");
}

TEST_F(Schedules, OwnTimeoutIsTheProbesBusiness) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), {.observed = Observed::connected, .latency = 5s}, start);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::connected);
}

TEST_F(Schedules, WhoJoinsAKnownTargetHasItProbedAtOnce) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start + 1s);
    EXPECT_EQ(schedule.targets(), 1U);
    const auto events = schedule.finish(take_one(start + 1s), connected, start + 1s);
    EXPECT_THAT(events, ElementsAre(Event{0, endpoint(1), false}, Event{1, endpoint(1), true}));
}

TEST_F(Schedules, WhoJoinsATargetInFlightGetsItsOutcome) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    const auto job = take_one(start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start);
    EXPECT_FALSE(schedule.take_due(start).has_value());
    EXPECT_EQ(schedule.finish(job, connected, start).size(), 2U);
}

TEST_F(Schedules, WhoLeavesDoesNotTakeTheOthersTargetAlong) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start);
    const auto job = take_one(start);
    schedule.set_endpoints(0, "a.local", tcp_policy(), {}, start);
    EXPECT_THAT(schedule.finish(job, connected, start), ElementsAre(Event{1, endpoint(1), true}));
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
    EXPECT_EQ(schedule.targets(), 1U);
}

TEST_F(Schedules, DifferentChecksOfOneEndpointAreDifferentTargets) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", http_policy("/x"), endpoints(1), start);
    schedule.set_endpoints(2, "b.local", http_policy("/y"), endpoints(1), start);
    EXPECT_EQ(take_all(start).size(), 3U);
}

// A change of policy.

TEST_F(Schedules, NewTargetOfAKeptEndpointIsProbedAtOnceAndKeepsTheVerdict) {
    schedule.set_endpoints(0, name, http_policy("/old"), endpoints(1), start);
    schedule.finish(take_one(start), {.observed = Observed::answered, .http_status = 200}, start);
    schedule.set_endpoints(0, name, http_policy("/new"), endpoints(1), start + 1s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.targets(), 1U);
    const auto job = take_one(start + 1s);
    EXPECT_EQ(job.target.path, "/new");
    EXPECT_EQ(schedule.finish(job, refused, start + 1s).size(), 1U);
}

TEST_F(Schedules, OutcomeOfTheOldTargetIsIgnored) {
    schedule.set_endpoints(0, name, http_policy("/old"), endpoints(1), start);
    const auto old_job = take_one(start);
    schedule.set_endpoints(0, name, http_policy("/new"), endpoints(1), start);
    EXPECT_THAT(schedule.finish(old_job, refused, start), IsEmpty());
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending);
}

TEST_F(Schedules, NewNameOfTheServiceIsANewHostHeader) {
    schedule.set_endpoints(0, "old.local", http_policy("/"), endpoints(1), start);
    take_one(start);
    schedule.set_endpoints(0, "new.local", http_policy("/"), endpoints(1), start);
    EXPECT_EQ(take_one(start).target.host, "new.local");
}

TEST_F(Schedules, ShorterIntervalCountsFromNow) {
    schedule.set_endpoints(0, name, tcp_policy(10min), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_endpoints(0, name, tcp_policy(10s), endpoints(1), start + 1s);
    EXPECT_GE(schedule.next_due(), start + 10s);
    EXPECT_LE(schedule.next_due(), start + 11s);
    EXPECT_EQ(schedule.targets(), 1U);
}

TEST_F(Schedules, LongerIntervalCountsFromTheNextProbe) {
    schedule.set_endpoints(0, name, tcp_policy(10s), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_endpoints(0, name, tcp_policy(10min), endpoints(1), start + 1s);
    EXPECT_LE(schedule.next_due(), start + 10s);
}

}  // namespace
}  // namespace taskdns::health
