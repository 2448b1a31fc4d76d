// One endpoint's verdict: every rule of the state machine, and every boundary of the schedule, under virtual time.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/health_verdicts.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using namespace testing_verdicts;

struct EvidenceCase {
    Observed observed;
    Evidence evidence;
    const char* text;
};

void PrintTo(const EvidenceCase& c, std::ostream* out) { *out << c.text; }

class EvidenceOf : public testing::TestWithParam<EvidenceCase> {};

TEST_P(EvidenceOf, AnObservation) {
    EXPECT_EQ(evidence(GetParam().observed), GetParam().evidence);
    EXPECT_STREQ(to_string(GetParam().observed), GetParam().text);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Verdict, EvidenceOf,
    testing::Values(
        EvidenceCase{Observed::nothing,      Evidence::none,     "nothing"},
        EvidenceCase{Observed::connected,    Evidence::success,  "connected"},
        EvidenceCase{Observed::answered,     Evidence::success,  "answered"},
        EvidenceCase{Observed::refused,      Evidence::certain,  "refused"},
        EvidenceCase{Observed::unavailable,  Evidence::certain,  "unavailable"},
        EvidenceCase{Observed::timeout,      Evidence::doubtful, "timeout"},
        EvidenceCase{Observed::reset,        Evidence::doubtful, "reset"},
        EvidenceCase{Observed::unreachable,  Evidence::doubtful, "unreachable"},
        EvidenceCase{Observed::bad_status,   Evidence::doubtful, "status"},
        EvidenceCase{Observed::bad_response, Evidence::doubtful, "response"},
        EvidenceCase{Observed::bad_body,     Evidence::doubtful, "body"},
        EvidenceCase{Observed::bad_tls,      Evidence::doubtful, "tls"},
        EvidenceCase{Observed::late_timeout, Evidence::none,     "late_timeout"},
        EvidenceCase{Observed::local_fault,  Evidence::none,     "local_fault"}),
    [](const auto& instance) { return instance.param.text; });
// clang-format on

TEST(Verdict, NamesItsStatus) {
    EXPECT_STREQ(to_string(Status::pending), "pending");
    EXPECT_STREQ(to_string(Status::healthy), "healthy");
    EXPECT_STREQ(to_string(Status::unhealthy), "unhealthy");
}

/// View asks: has the registry named it since it began to time out? (docs/decisions/0030)
TEST(Verdict, SaysSinceWhenTheEvidenceAgainstItIsOfItsKind) {
    const config::Health policy = policy_with(1, 2);
    Verdict verdict{.since = start, .first_seen = start};
    TimePoint now = start;
    const auto see = [&](Observed observed) {
        verdict.apply({.observed = observed}, policy, now += 1s);
        return verdict.against_since - start;
    };
    EXPECT_EQ(see(refused), 1s);
    EXPECT_EQ(see(refused), 1s);
    EXPECT_EQ(see(timeout), 1s) << "one is not enough";
    EXPECT_EQ(see(timeout), 4s);
    EXPECT_EQ(verdict.since - start, 1s) << "unhealthy all the time";
    EXPECT_EQ(see(timeout), 4s);
    EXPECT_EQ(see(refused), 6s);
    see(ok);
    see(timeout);
    EXPECT_EQ(see(timeout), 9s);
}

/// What the outcomes lead to, one a second; `changes` has a mark for each outcome: '!' if apply() said it changed.
struct HistoryCase {
    const char* name;
    std::vector<Observed> outcomes;
    std::string changes;
    Status status;
    Evidence against;
    Observed reason;
    seconds since;  ///< after the start
    config::Health policy = policy_with(2, 3);
};

void PrintTo(const HistoryCase& c, std::ostream* out) { *out << c.name; }

class History : public testing::TestWithParam<HistoryCase> {};

TEST_P(History, LeadsToAVerdict) {
    const auto& c = GetParam();
    Verdict verdict{.since = start, .first_seen = start};
    std::string changes;
    TimePoint now = start;
    for (const Observed observed : c.outcomes) {
        changes += verdict.apply({.observed = observed}, c.policy, now += 1s) ? '!' : '.';
    }
    EXPECT_EQ(changes, c.changes);
    EXPECT_EQ(verdict.status, c.status);
    EXPECT_EQ(verdict.against, c.against);
    EXPECT_EQ(verdict.reason, c.reason);
    EXPECT_EQ(verdict.since - start, c.since);
}

constexpr auto pending = Status::pending;
constexpr auto healthy = Status::healthy;
constexpr auto unhealthy = Status::unhealthy;
constexpr auto none = Evidence::none;
constexpr auto certain = Evidence::certain;
constexpr auto doubtful = Evidence::doubtful;

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Verdict, History,
    testing::Values(
        // pending
        HistoryCase{"NothingYet",                     {},                                       "",        pending,   none,     Observed::nothing, 0s},
        HistoryCase{"NewIsHealthyAfterOneSuccess",    {ok},                                     "!",       healthy,   none,     ok,      1s},
        HistoryCase{"NewIsDownAfterOneRefusal",       {refused},                                "!",       unhealthy, certain,  refused, 1s},
        HistoryCase{"NewIsDownAfterOne503",           {Observed::unavailable},                  "!",       unhealthy, certain,  Observed::unavailable, 1s},
        HistoryCase{"NewBelowFallStaysPending",       {timeout, timeout},                       "..",      pending,   none,     timeout, 0s},
        HistoryCase{"NewAtFallIsDown",                {timeout, timeout, timeout},              "..!",     unhealthy, doubtful, timeout, 3s},
        HistoryCase{"NewDoubtedThenSuccess",          {timeout, timeout, ok},                   "..!",     healthy,   none,     ok,      3s},
        HistoryCase{"NewDoubtedThenRefused",          {timeout, refused},                       ".!",      unhealthy, certain,  refused, 2s},
        HistoryCase{"NewWithLocalFaultsStaysPending", {local, local, local, local},             "....",    pending,   none,     Observed::nothing, 0s},
        HistoryCase{"NewWithOtherDoubts",             {Observed::reset, Observed::bad_status, Observed::bad_response},
                                                                                                "..!",     unhealthy, doubtful, Observed::bad_response, 3s},
        // healthy
        HistoryCase{"StaysHealthy",                   {ok, ok, ok},                             "!..",     healthy,   none,     ok,      1s},
        HistoryCase{"ChangeOfSuccessIsNoChange",      {ok, Observed::answered},                 "!.",      healthy,   none,     ok,      1s},
        HistoryCase{"RefusalActsAtOnce",              {ok, refused},                            "!!",      unhealthy, certain,  refused, 2s},
        HistoryCase{"BelowFallStaysHealthy",          {ok, timeout, timeout},                   "!..",     healthy,   none,     ok,      1s},
        HistoryCase{"AtFallIsDown",                   {ok, timeout, timeout, timeout},          "!..!",    unhealthy, doubtful, timeout, 4s},
        HistoryCase{"SuccessForgivesDoubts",          {ok, timeout, timeout, ok, timeout, timeout},
                                                                                                "!.....",  healthy,   none,     ok,      1s},
        HistoryCase{"DoubtsOfAllKindsCountTogether",  {ok, timeout, Observed::unreachable, Observed::reset},
                                                                                                "!..!",    unhealthy, doubtful, Observed::reset, 4s},
        HistoryCase{"LocalFaultIsNoFailure",          {ok, local, local, local, local},         "!....",   healthy,   none,     ok,      1s},
        HistoryCase{"LocalFaultDoesNotForgive",       {ok, timeout, timeout, local, timeout},   "!...!",   unhealthy, doubtful, timeout, 5s},
        // unhealthy
        HistoryCase{"BelowRiseStaysDown",             {refused, ok},                            "!.",      unhealthy, certain,  refused, 1s},
        HistoryCase{"AtRiseIsHealthy",                {refused, ok, ok},                        "!.!",     healthy,   none,     ok,      3s},
        HistoryCase{"RefusalBreaksTheRise",           {refused, ok, refused, ok},               "!...",    unhealthy, certain,  refused, 1s},
        HistoryCase{"TimeoutBreaksTheRise",           {refused, ok, timeout, ok},               "!...",    unhealthy, certain,  refused, 1s},
        HistoryCase{"LocalFaultDoesNotBreakTheRise",  {refused, ok, local, ok},                 "!..!",    healthy,   none,     ok,      4s},
        HistoryCase{"StillRefusedIsNoChange",         {refused, refused},                       "!.",      unhealthy, certain,  refused, 1s},
        HistoryCase{"StillDoubtfulIsNoChange",        {timeout, timeout, timeout, timeout},     "..!.",    unhealthy, doubtful, timeout, 3s},
        HistoryCase{"DoubtfulThenRefusedIsCertain",   {timeout, timeout, timeout, refused},     "..!!",    unhealthy, certain,  refused, 3s},
        HistoryCase{"RefusedThenBelowFallIsCertain",  {refused, timeout, timeout},              "!..",     unhealthy, certain,  refused, 1s},
        HistoryCase{"RefusedThenAtFallIsDoubtful",    {refused, timeout, timeout, timeout},     "!..!",    unhealthy, doubtful, timeout, 1s},
        HistoryCase{"RefusalBreaksARowOfDoubts",      {refused, timeout, timeout, refused, timeout, timeout},
                                                                                                "!.....",  unhealthy, certain,  refused, 1s},
        HistoryCase{"OtherCertainEvidenceIsNoChange", {refused, Observed::unavailable},         "!.",      unhealthy, certain,  Observed::unavailable, 1s},
        // other thresholds
        HistoryCase{"RiseOfOne",                      {refused, ok},                            "!!",      healthy,   none,     ok,      2s, policy_with(1, 3)},
        HistoryCase{"RiseOfThree",                    {refused, ok, ok, ok},                    "!..!",    healthy,   none,     ok,      4s, policy_with(3, 3)},
        HistoryCase{"RiseIsNotAskedOfANewOne",        {ok},                                     "!",       healthy,   none,     ok,      1s, policy_with(5, 3)},
        HistoryCase{"FallOfOne",                      {ok, timeout},                            "!!",      unhealthy, doubtful, timeout, 2s, policy_with(2, 1)},
        HistoryCase{"FallOfTwo",                      {ok, timeout, timeout},                   "!.!",     unhealthy, doubtful, timeout, 3s, policy_with(2, 2)}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Verdict, KeepsTheLastOutcomeOfAnyKind) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply({.observed = Observed::bad_status, .latency = 7ms, .http_status = 404}, policy, start);
    EXPECT_EQ(verdict.last.http_status, 404U);
    EXPECT_EQ(verdict.last.latency, 7ms);
    EXPECT_EQ(verdict.last_at, start);
    verdict.apply({.observed = local}, policy, start + 1s);
    EXPECT_EQ(verdict.last.observed, local);
    EXPECT_EQ(verdict.last_at, start + 1s);
}

TEST(Verdict, IsCheckedByEvidenceOnly) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 3);
    verdict.apply({.observed = local}, policy, start);
    EXPECT_FALSE(verdict.checked);
    EXPECT_TRUE(verdict.local_fault);
    verdict.apply({.observed = timeout}, policy, start);
    EXPECT_TRUE(verdict.checked);
    EXPECT_FALSE(verdict.local_fault);
    verdict.apply({.observed = local}, policy, start);
    EXPECT_TRUE(verdict.checked);
    EXPECT_TRUE(verdict.local_fault);
    verdict.apply({.observed = ok}, policy, start);
    EXPECT_FALSE(verdict.local_fault);
}

/// The delay after the outcomes, which came 1 ms apart at the start, as asked for `asked_at` after the start.
struct DelayCase {
    const char* name;
    std::vector<Observed> outcomes;
    milliseconds asked_at;
    milliseconds delay;
    config::Health policy = policy_with(2, 3);
    bool idle = false;
};

void PrintTo(const DelayCase& c, std::ostream* out) { *out << c.name; }

class NextDelay : public testing::TestWithParam<DelayCase> {};

TEST_P(NextDelay, IsDue) {
    const auto& c = GetParam();
    Verdict verdict{.since = start, .first_seen = start};
    TimePoint now = start - 1ms;
    for (const Observed observed : c.outcomes) verdict.apply({.observed = observed}, c.policy, now += 1ms);
    EXPECT_EQ(verdict.next_delay(c.policy, start + c.asked_at, c.idle), c.delay);
}

config::Health every(milliseconds interval, milliseconds fast_interval = 500ms, milliseconds idle_interval = 10s) {
    config::Health policy = policy_with(2, 3);
    policy.idle_interval = idle_interval;
    policy.interval = interval;
    policy.fast_interval = fast_interval;
    return policy;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Verdict, NextDelay,
    testing::Values(
        DelayCase{"Pending",                     {},                          0s,    2s},
        DelayCase{"PendingAfterALocalFault",     {local},                     0s,    2s},
        DelayCase{"PendingInDoubt",              {timeout},                   0s,    500ms},
        DelayCase{"PendingInDoubtLocalFault",    {timeout, local},            0s,    500ms},
        DelayCase{"Healthy",                     {ok},                        0s,    2s},
        DelayCase{"HealthyForLong",              {ok},                        1h,    2s},
        DelayCase{"HealthyInDoubt",              {ok, timeout, timeout},      0s,    500ms},
        DelayCase{"HealthyNoLongerInDoubt",      {ok, timeout, ok},           0s,    2s},
        DelayCase{"Rising",                      {refused, ok},               0s,    500ms},
        DelayCase{"RisingAfterLong",             {refused, ok},               1h,    500ms},
        DelayCase{"Risen",                       {refused, ok, ok},           0s,    2s},
        DelayCase{"FastIsNeverSlower",           {ok, timeout},               0s,    200ms, every(200ms)},
        DelayCase{"DownByRefusal",               {refused},                   0s,    2s},
        DelayCase{"DownByTimeouts",              {timeout, timeout, timeout}, 0s,    2s},
        DelayCase{"DownAndTimingOut",            {refused, timeout},          0s,    2s},
        DelayCase{"DownLastOfTheFirstMinutes",   {refused},                   299'999ms, 2s},
        DelayCase{"DownFiveMinutes",             {refused},                   300s,  2s},
        DelayCase{"DownThenTwice",               {refused},                   302s,  4s},
        DelayCase{"DownThenFourTimes",           {refused},                   306s,  8s},
        DelayCase{"DownThenEightTimes",          {refused},                   314s,  16s},
        DelayCase{"DownBelowTheCap",             {refused},                   327'999ms, 29'999ms},
        DelayCase{"DownAtTheCap",                {refused},                   328s,  30s},
        DelayCase{"DownBeyondTheCap",            {refused},                   24h,   30s},
        DelayCase{"DownWithSlowInterval",        {refused},                   310s,  20s,   every(10s)},
        DelayCase{"DownWithIntervalAboveTheCap", {refused},                   24h,   60s,   every(60s)},
        // nobody asks
        DelayCase{"IdlePending",                 {},                          0s,    10s,   every(2s), true},
        DelayCase{"IdlePendingLocalFault",       {local},                     0s,    10s,   every(2s), true},
        DelayCase{"IdlePendingInDoubt",          {timeout},                   0s,    500ms, every(2s), true},
        DelayCase{"IdleHealthy",                 {ok},                        0s,    10s,   every(2s), true},
        DelayCase{"IdleHealthyInDoubt",          {ok, timeout},               0s,    500ms, every(2s), true},
        DelayCase{"IdleNeverSooner",             {ok},                        0s,    20s,   every(20s), true},
        DelayCase{"IdleDown",                    {refused},                   0s,    10s,   every(2s), true},
        DelayCase{"IdleRising",                  {refused, ok},               0s,    500ms, every(2s), true},
        DelayCase{"IdleDownBelowBackOff",        {refused},                   307s,  10s,   every(2s), true},
        DelayCase{"IdleDownAtBackOff",           {refused},                   308s,  10s,   every(2s), true},
        DelayCase{"IdleDownAboveBackOff",        {refused},                   309s,  11s,   every(2s), true},
        DelayCase{"IdleDownAtTheCap",            {refused},                   24h,   30s,   every(2s), true},
        DelayCase{"IdleDownBeyondTheCap",        {refused},                   24h,   60s,   every(2s, 500ms, 60s), true},
        // both parts of "first seen or failed, whichever is later"
        DelayCase{"FailedAnewStartsAgain",       {refused, ok, refused},      300'002ms, 2s}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Verdict, FirstMinutesCountFromTheLaterOfSeenAndFailed) {
    const config::Health policy = policy_with(2, 3);
    Verdict seen_later{.first_seen = start + 100s};
    seen_later.apply({.observed = refused}, policy, start);
    EXPECT_EQ(seen_later.next_delay(policy, start + 400s), 2s);
    EXPECT_EQ(seen_later.next_delay(policy, start + 402s), 4s);

    Verdict failed_later{.first_seen = start};
    failed_later.apply({.observed = ok}, policy, start);
    failed_later.apply({.observed = timeout}, policy, start + 100s);
    failed_later.apply({.observed = timeout}, policy, start + 101s);
    failed_later.apply({.observed = timeout}, policy, start + 102s);
    EXPECT_EQ(failed_later.first_failed, start + 100s);
    EXPECT_EQ(failed_later.next_delay(policy, start + 400s), 2s);
    EXPECT_EQ(failed_later.next_delay(policy, start + 402s), 4s);
}

TEST(Verdict, RunOfFailuresBeginsAnewAfterASuccessOnly) {
    const config::Health policy = policy_with(2, 3);
    Verdict verdict{.first_seen = start};
    verdict.apply({.observed = refused}, policy, start + 1s);
    verdict.apply({.observed = refused}, policy, start + 2s);
    verdict.apply({.observed = timeout}, policy, start + 3s);
    verdict.apply({.observed = local}, policy, start + 4s);
    verdict.apply({.observed = refused}, policy, start + 5s);
    EXPECT_EQ(verdict.first_failed, start + 1s);
    verdict.apply({.observed = ok}, policy, start + 6s);
    verdict.apply({.observed = refused}, policy, start + 7s);
    EXPECT_EQ(verdict.first_failed, start + 7s);
}

}  // namespace
}  // namespace taskdns::health
