// Timeouts that a process which stood still has noticed too late: `fall` of them in a row are excused, no more
// (docs/decisions/0033). Virtual time.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/health_verdicts.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using namespace testing_verdicts;

constexpr auto pending = Status::pending;
constexpr auto healthy = Status::healthy;
constexpr auto unhealthy = Status::unhealthy;

/// What the outcomes lead to, one a second; `seen` has a letter for what each was taken as: late, timeout, other.
struct LateCase {
    const char* name;
    std::vector<Observed> outcomes;
    std::string seen;
    Status status;
    Evidence against;
    unsigned fall = 3;
};

void PrintTo(const LateCase& c, std::ostream* out) { *out << c.name; }

class LateTimeouts : public testing::TestWithParam<LateCase> {};

TEST_P(LateTimeouts, LeadToAVerdict) {
    const auto& c = GetParam();
    Verdict verdict{.since = start, .first_seen = start};
    std::string seen;
    TimePoint now = start;
    for (const Observed observed : c.outcomes) {
        verdict.apply({.observed = observed}, policy_with(2, c.fall), now += 1s);
        seen += verdict.last.observed == late ? 'l' : verdict.last.observed == timeout ? 't' : '.';
    }
    EXPECT_EQ(seen, c.seen);
    EXPECT_EQ(verdict.status, c.status);
    EXPECT_EQ(verdict.against, c.against);
    if (c.against == Evidence::doubtful) {
        EXPECT_EQ(verdict.reason, timeout);
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Verdict, LateTimeouts,
    testing::Values(
        LateCase{"FallOfThemAreExcused",         {ok, late, late, late},                          ".lll",     healthy,   Evidence::none},
        LateCase{"ThenTheyCount",                {ok, late, late, late, late, late},              ".llltt",   healthy,   Evidence::none},
        LateCase{"AndTakeItOut",                 {ok, late, late, late, late, late, late},        ".lllttt",  unhealthy, Evidence::doubtful},
        LateCase{"FallOfOne",                    {ok, late, late},                                ".lt",      unhealthy, Evidence::doubtful, 1},
        LateCase{"FallOfOneExcusesOne",          {ok, late},                                      ".l",       healthy,   Evidence::none, 1},
        LateCase{"SuccessBeginsTheCountAnew",    {ok, late, ok, late, ok, late},                  ".l.l.l",   healthy,   Evidence::none, 1},
        LateCase{"SuccessAlsoForgivesCounted",   {ok, late, late, late, late, late, ok, late, late, late, late, late},
                                                                                                  ".llltt.llltt", healthy, Evidence::none},
        LateCase{"TimeoutInTimeBeginsItAnew",    {ok, late, timeout, late, late, late},           ".ltlll",   healthy,   Evidence::none},
        LateCase{"DoesNotForgiveDoubts",         {ok, timeout, timeout, late, timeout},            ".ttlt",    unhealthy, Evidence::doubtful},
        LateCase{"CountsWithDoubtsInTime",       {ok, timeout, timeout, late, late, late, late},  ".ttlllt",  unhealthy, Evidence::doubtful},
        LateCase{"LocalFaultExcusesNoMore",      {ok, late, late, late, local, late, late, late}, ".lll.ttt", unhealthy, Evidence::doubtful},
        LateCase{"NewcomerStaysPending",         {late, late, late},                              "lll",      pending,   Evidence::none},
        LateCase{"NewcomerIsOutWhenTheyCount",   {late, late, late, late, late, late},            "lllttt",   unhealthy, Evidence::doubtful},
        LateCase{"NewcomerIsInByASuccess",       {late, ok},                                      "l.",       healthy,   Evidence::none},
        LateCase{"StaysDown",                    {refused, late, late, late},                     ".lll",     unhealthy, Evidence::certain},
        LateCase{"DoesNotBreakTheRise",          {refused, ok, late, ok},                         "..l.",     healthy,   Evidence::none},
        LateCase{"ThatCountsBreaksTheRise",      {refused, ok, late, late, ok},                   "..lt.",    unhealthy, Evidence::doubtful, 1}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(LateTimeout, IsNoCheckAndNoLocalFault) {
    Verdict verdict;
    const config::Health policy = policy_with(2, 1);
    verdict.apply({.observed = local}, policy, start);
    verdict.apply({.observed = late, .latency = 5s, .detail = "stood still"}, policy, start + 1s);
    EXPECT_FALSE(verdict.checked);
    EXPECT_FALSE(verdict.local_fault);
    EXPECT_EQ(verdict.failures, 0U);
    EXPECT_EQ(verdict.last.detail, "stood still");
    EXPECT_EQ(verdict.last_at, start + 1s);
    verdict.apply({.observed = late}, policy, start + 2s);
    EXPECT_TRUE(verdict.checked) << "one that counts";
    EXPECT_EQ(verdict.first_failed, start + 2s);
}

TEST(LateTimeout, IsFollowedByAFastCheckUnlessTheEndpointIsDown) {
    const config::Health policy = policy_with(2, 3);
    const auto delay_after = [&](const std::vector<Observed>& outcomes, bool idle = false) {
        Verdict verdict{.since = start, .first_seen = start};
        for (const Observed observed : outcomes) verdict.apply({.observed = observed}, policy, start);
        return verdict.next_delay(policy, start, idle);
    };
    EXPECT_EQ(delay_after({late}), policy.fast_interval);
    EXPECT_EQ(delay_after({late}, /*idle=*/true), policy.fast_interval);
    EXPECT_EQ(delay_after({ok, late}), policy.fast_interval);
    EXPECT_EQ(delay_after({ok, late, ok}), policy.interval);
    EXPECT_EQ(delay_after({refused, late}), policy.interval);
    // A host that was suspended and came back without its network: nobody hurries until that is there.
    EXPECT_EQ(delay_after({late, Observed::local_fault}), policy.interval);
    EXPECT_EQ(delay_after({late, Observed::local_fault, late}), policy.fast_interval);
}

}  // namespace
}  // namespace taskdns::health
