// Flap damping, and what a verdict remembers of better times, under virtual time.
#include <vector>

#include <gtest/gtest.h>

#include "unit/health_verdicts.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using namespace testing_verdicts;

/// The successes that are needed after flaps at some times (minutes and seconds after the start).
struct FlapCase {
    const char* name;
    std::vector<seconds> flaps;
    milliseconds asked_at;
    unsigned needed;
    unsigned rise = 2;
};

void PrintTo(const FlapCase& c, std::ostream* out) { *out << c.name; }

class Damping : public testing::TestWithParam<FlapCase> {};

TEST_P(Damping, NeedsSuccesses) {
    const auto& c = GetParam();
    Verdict verdict;
    for (const seconds at : c.flaps) verdict.flaps.add(start + at);
    EXPECT_EQ(verdict.needed_successes(policy_with(c.rise, 3), start + c.asked_at), c.needed);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Verdict, Damping,
    testing::Values(
        FlapCase{"None",                   {},                                     0s,          2},
        FlapCase{"One",                    {0s},                                   1s,          2},
        FlapCase{"Two",                    {0s, 1s},                               2s,          2},
        FlapCase{"Three",                  {0s, 1s, 2s},                           3s,          4},
        FlapCase{"ThreeInTenMinutes",      {0s, 300s, 600s},                       601s,        4},
        FlapCase{"ThreeInMore",            {0s, 300s, 601s},                       602s,        2},
        FlapCase{"ThreeOfFourInTenMinutes",{0s, 500s, 700s, 900s},                 901s,        4},
        FlapCase{"Five",                   {0s, 1s, 2s, 3s, 4s},                   5s,          4},
        FlapCase{"Six",                    {0s, 1s, 2s, 3s, 4s, 5s},               6s,          8},
        FlapCase{"SixSlowlyStaysDoubled",  {0s, 1s, 2s, 400s, 800s, 1200s},        1201s,       4},
        FlapCase{"NineAtMostEight",        {0s, 1s, 2s, 3s, 4s, 5s, 6s, 7s, 8s},   9s,          8},
        FlapCase{"JustNotForgiven",        {0s, 1s, 2s},                           601'999ms,   4},
        FlapCase{"Forgiven",               {0s, 1s, 2s},                           602s,        2},
        FlapCase{"AnotherKeepsItDoubled",  {0s, 1s, 2s, 601s},                     1200s,       4},
        FlapCase{"ForgivenStartsAnew",     {0s, 1s, 2s, 602s, 603s},               604s,        2},
        FlapCase{"ForgivenThenThree",      {0s, 1s, 2s, 602s, 603s, 604s},         605s,        4},
        FlapCase{"RiseOfOne",              {0s, 1s, 2s},                           3s,          2,  1},
        FlapCase{"RiseOfThreeStopsAtEight",{0s, 1s, 2s, 3s, 4s, 5s},               6s,          8,  3},
        FlapCase{"RiseOfEightStays",       {0s, 1s, 2s},                           3s,          8,  8},
        FlapCase{"RiseOfTenStays",         {0s, 1s, 2s},                           3s,          10, 10}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Verdict, ManyFlapsDoNotOverflow) {
    Verdict verdict;
    for (int i = 0; i < 1'000; ++i) verdict.flaps.add(start + i * 1s);
    EXPECT_EQ(verdict.needed_successes(policy_with(2, 3), start + 1'000s), 8U);
    EXPECT_EQ(verdict.needed_successes(policy_with(1u << 31, 3), start + 1'000s), 1u << 31);
}

TEST(Verdict, FlapsAreDampedFromTheThirdOn) {
    const config::Health policy = policy_with(2, 3);
    Verdict verdict{.since = start, .first_seen = start};
    TimePoint now = start;
    const auto falls = [&] { return verdict.apply({.observed = refused}, policy, now += 1s); };
    const auto successes_to_rise = [&] {
        unsigned count = 0;
        do {
            verdict.apply({.observed = ok}, policy, now += 1s);
            ++count;
        } while (verdict.status != Status::healthy);
        return count;
    };
    EXPECT_TRUE(falls());
    EXPECT_EQ(verdict.flaps.at.back(), TimePoint{}) << "it was never healthy";
    EXPECT_EQ(successes_to_rise(), 2U);
    for (const unsigned needed : {2U, 2U, 4U, 4U, 4U, 8U, 8U, 8U, 8U}) {
        EXPECT_TRUE(falls());
        EXPECT_FALSE(falls()) << "to stay down is no flap";
        EXPECT_EQ(successes_to_rise(), needed);
    }
    EXPECT_TRUE(falls());
    now += 10min;
    EXPECT_EQ(successes_to_rise(), 2U) << "forgiven";
}

TEST(Verdict, DoubtThatPassesIsNoFlap) {
    const config::Health policy = policy_with(2, 3);
    Verdict verdict;
    for (const Observed observed : {ok, timeout, timeout, ok}) verdict.apply({.observed = observed}, policy, start);
    EXPECT_EQ(verdict.flaps.at.back(), TimePoint{});
    for (int i = 0; i < 3; ++i) verdict.apply({.observed = timeout}, policy, start + 1s);
    EXPECT_EQ(verdict.flaps.at.back(), start + 1s);
}

TEST(Verdict, HasRecoveredOnceItCameBack) {
    const config::Health policy = policy_with(2, 3);
    Verdict verdict;
    verdict.apply({.observed = ok}, policy, start);
    EXPECT_FALSE(verdict.recovered) << "new, not recovered";
    verdict.apply({.observed = refused}, policy, start);
    EXPECT_FALSE(verdict.recovered) << "not yet";
    verdict.apply({.observed = ok}, policy, start);
    verdict.apply({.observed = ok}, policy, start);
    EXPECT_TRUE(verdict.recovered);
    verdict.apply({.observed = ok}, policy, start);
    EXPECT_TRUE(verdict.recovered);
}

TEST(Verdict, LastHealthyMovesWithEachSuccessWhileHealthy) {
    const config::Health policy = policy_with(2, 3);
    Verdict verdict;
    const auto after = [&](Observed observed, seconds at) {
        verdict.apply({.observed = observed}, policy, start + at);
        return verdict.last_healthy - start;
    };
    EXPECT_EQ(after(timeout, 1s), TimePoint{} - start) << "never";
    EXPECT_EQ(after(ok, 2s), 2s);
    EXPECT_EQ(after(ok, 3s), 3s);
    EXPECT_EQ(after(timeout, 4s), 3s) << "in doubt";
    EXPECT_EQ(after(local, 5s), 3s) << "no evidence";
    EXPECT_EQ(after(ok, 6s), 6s);
    EXPECT_EQ(after(refused, 7s), 6s);
    EXPECT_EQ(after(ok, 8s), 6s) << "rising, not yet healthy";
    EXPECT_EQ(after(ok, 9s), 9s);
}

}  // namespace
}  // namespace taskdns::health
