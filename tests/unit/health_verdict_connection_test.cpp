// What the application's own connections make of a verdict, beside what probes make of it. As tables, virtual time.
#include <vector>

#include <gtest/gtest.h>

#include "unit/health_verdicts.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using namespace testing_verdicts;

constexpr Observed answered = Observed::answered;

struct Step {
    Witness witness;
    Observed observed;
};

constexpr auto probe(Observed observed) { return Step{Witness::probe, observed}; }
constexpr auto traffic(Observed observed) { return Step{Witness::connection, observed}; }

struct Row {
    const char* name;
    std::vector<Step> steps;  // a second apart
    Status status;
    Observed reason;
    Witness witness;
    unsigned failures = 0;
    config::CheckKind check = config::CheckKind::tcp;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Traffic : public testing::TestWithParam<Row> {};

TEST_P(Traffic, CountsAsItIsWorth) {
    const Row& row = GetParam();
    config::Health policy = policy_with(2, 3);
    policy.check = row.check;
    Verdict verdict;
    TimePoint now = start;
    for (const Step& step : row.steps) {
        now += 1s;
        if (step.witness == Witness::probe) {
            verdict.apply(Outcome{.observed = step.observed}, policy, now);
        } else {
            verdict.apply_connection(step.observed, policy, now, now);
        }
    }
    EXPECT_EQ(verdict.status, row.status);
    EXPECT_EQ(verdict.reason, row.reason);
    EXPECT_EQ(verdict.witness, row.witness);
    EXPECT_EQ(verdict.failures, row.failures);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Verdict, Traffic,
    testing::Values(
        Row{"RefusedIsCertain", {probe(ok), traffic(refused)}, Status::unhealthy, refused, Witness::connection},
        Row{"RefusedBeforeAnyCheck", {traffic(refused)}, Status::unhealthy, refused, Witness::connection},
        Row{"AProbeThatSaysTheSameWasNotTheFirst", {probe(ok), traffic(refused), probe(refused)}, Status::unhealthy, refused, Witness::connection},
        Row{"OneThatSaysSomethingElseIsNamed", {traffic(refused), probe(Observed::unavailable)}, Status::unhealthy, Observed::unavailable, Witness::probe, 0, config::CheckKind::http},
        Row{"OneTimeoutIsDoubt", {probe(ok), traffic(timeout)}, Status::healthy, ok, Witness::probe, 1},
        Row{"ThreeTimeoutsAreNot", {probe(ok), traffic(timeout), traffic(timeout), traffic(timeout)}, Status::unhealthy, timeout, Witness::connection, 3},
        Row{"ProbesAndTrafficAddUp", {probe(ok), traffic(timeout), probe(timeout), traffic(timeout)}, Status::unhealthy, timeout, Witness::connection, 3},
        Row{"TheLastOfThemIsNamed", {probe(ok), traffic(timeout), traffic(timeout), probe(timeout)}, Status::unhealthy, timeout, Witness::probe, 3},
        Row{"SuccessEndsDoubt", {probe(ok), traffic(timeout), traffic(timeout), traffic(answered), traffic(timeout)}, Status::healthy, ok, Witness::probe, 1},
        Row{"SuccessEndsDoubtOfProbes", {probe(ok), probe(timeout), probe(timeout), traffic(answered), probe(timeout)}, Status::healthy, ok, Witness::probe, 1},
        Row{"FirstSuccessIsEnoughForANewOne", {traffic(answered)}, Status::healthy, answered, Witness::connection},
        Row{"SuccessDoesNotBringBack", {probe(refused), traffic(answered), traffic(answered), traffic(answered)}, Status::unhealthy, refused, Witness::probe},
        Row{"NorDoesItCountForRise", {probe(refused), traffic(answered), probe(ok)}, Status::unhealthy, refused, Witness::probe},
        Row{"ProbesBringBackWhatTrafficTookOut", {traffic(refused), probe(ok), probe(ok)}, Status::healthy, ok, Witness::probe},
        Row{"NothingSaysNothing", {probe(ok), traffic(Observed::nothing)}, Status::healthy, ok, Witness::probe},
        Row{"HttpSuccessOfTrafficSaysNothing", {probe(Observed::bad_status), probe(Observed::bad_status), traffic(answered), probe(Observed::bad_status)},
            Status::unhealthy, Observed::bad_status, Witness::probe, 3, config::CheckKind::http},
        Row{"NorIsANewHttpOneHealthyByIt", {traffic(answered)}, Status::pending, Observed::nothing, Witness::probe, 0, config::CheckKind::https},
        Row{"HttpRefusedByTrafficCounts", {probe(answered), traffic(refused)}, Status::unhealthy, refused, Witness::connection, 0, config::CheckKind::http},
        Row{"UncheckedRefused", {traffic(refused)}, Status::unhealthy, refused, Witness::connection, 0, config::CheckKind::none}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Traffic, LeavesTheLastProbeWhatItWas) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply(Outcome{.observed = ok, .latency = 5ms}, policy, start);
    verdict.apply_connection(refused, policy, start + 1s, start + 1s);
    EXPECT_EQ(verdict.last.observed, ok);
    EXPECT_EQ(verdict.last_at, start);
    EXPECT_EQ(verdict.since, start + 1s);
}

TEST(Traffic, SaysWhetherItChangedSomething) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    EXPECT_TRUE(verdict.apply_connection(answered, policy, start, start));
    EXPECT_FALSE(verdict.apply_connection(answered, policy, start, start + 1s));
    EXPECT_FALSE(verdict.apply_connection(timeout, policy, start, start + 2s));
    EXPECT_TRUE(verdict.apply_connection(refused, policy, start, start + 3s));
    EXPECT_FALSE(verdict.apply_connection(refused, policy, start, start + 4s));
}

TEST(Traffic, ThatBeganBeforeADoubtDoesNotEndIt) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply(Outcome{.observed = ok}, policy, start);
    verdict.apply(Outcome{.observed = timeout}, policy, start + 2s);
    verdict.apply_connection(answered, policy, start + 1s, start + 3s);
    EXPECT_EQ(verdict.failures, 1U);
    EXPECT_EQ(verdict.answered_since, TimePoint{});
    verdict.apply_connection(answered, policy, start + 2s, start + 3s);
    EXPECT_EQ(verdict.failures, 0U);
}

// Where no probe can be made, nothing else would ever bring it back.
TEST(Traffic, IsForgottenAfterHalfAMinuteWhereProbesAreLocalFaults) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply(Outcome{.observed = local}, policy, start);
    verdict.apply_connection(refused, policy, start, start);
    EXPECT_FALSE(verdict.apply(Outcome{.observed = local}, policy, start + 29'999ms));
    EXPECT_EQ(verdict.status, Status::unhealthy);
    EXPECT_TRUE(verdict.apply(Outcome{.observed = local}, policy, start + 30s));
    EXPECT_EQ(verdict.status, Status::pending);
    EXPECT_EQ(verdict.against, Evidence::none);
}

TEST(Traffic, WhatAProbeHasShownIsNotForgottenByLocalFaults) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply(Outcome{.observed = refused}, policy, start);
    EXPECT_FALSE(verdict.apply(Outcome{.observed = local}, policy, start + 1h));
    EXPECT_EQ(verdict.status, Status::unhealthy);
}

TEST(Traffic, ThatIsAnsweredIsAnAnswerInTimeToLateTimeouts) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 1);
    verdict.apply(Outcome{.observed = ok}, policy, start);
    for (TimePoint now = start; now < start + 10s; now += 1s) {
        verdict.apply(Outcome{.observed = late}, policy, now);
        verdict.apply_connection(answered, policy, now, now);
    }
    EXPECT_EQ(verdict.status, Status::healthy);
    verdict.apply(Outcome{.observed = late}, policy, start + 10s);
    EXPECT_TRUE(verdict.apply(Outcome{.observed = late}, policy, start + 11s)) << "nothing was answered since";
}

TEST(Traffic, RemembersWhatTheLatestSuccessIsWorth) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply_connection(answered, policy, start, start + 1s);
    EXPECT_EQ(verdict.answered_since, start);
    verdict.apply_connection(answered, policy, start - 5s, start + 2s);  // one from before
    EXPECT_EQ(verdict.answered_since, start);
}

}  // namespace
}  // namespace taskdns::health
