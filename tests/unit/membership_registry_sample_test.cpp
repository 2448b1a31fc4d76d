// Samples: who is a member although an answer with exactly `sample_limit` records did not name him, and for how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/membership_story.hpp"

namespace taskdns::membership {
namespace {

using namespace testing_story;

class SampleStory : public testing::TestWithParam<Story> {};

TEST_P(SampleStory, Ends) {
    const Registry registry = tell(GetParam());
    EXPECT_EQ(words(registry.members()), GetParam().members);
    EXPECT_EQ(registry.basis(), GetParam().basis);
}

const config::Membership limit_8{.shrink_guard = 0};
const config::Membership limit_4{.sample_limit = 4, .shrink_guard = 0};
const config::Membership limit_2{.sample_limit = 2, .shrink_guard = 0};
const config::Membership limit_1{.sample_limit = 1, .shrink_guard = 0};
const config::Membership a_minute{.absent_max = 60s, .shrink_guard = 0};
const How rare{.ttl = 60s};

const auto first_8 = seen(range(1, 8));
const auto other_8 = seen(range(2, 9));  // 1 is not in it
const std::vector<Step> two_samples{{0s, first_8}, {10s, other_8}};
const auto other_v6 = seen(a({1}), aaaa(range(2, 9)));
const std::vector<Step> family_fails{{0s, seen(a({1}), aaaa(range(1, 8)))},
                                     {10s, other_v6},
                                     {20s, seen(a({1}), aaaa(range(2, 9), silent))},
                                     {30s, seen(a({1}), aaaa(range(2, 9), silent))}};
const std::vector<Step> then_failure = two_samples + std::vector<Step>{{20s, Failed{""}}};

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, SampleStory,
    testing::Values(
        Story{"OneRecordLessIsComplete",  limit_8, {{0s, first_8}, {10s, seen(range(2, 8))}},  10s, "1 withdrawn, 2-8 present", Basis::complete},
        Story{"ExactlyTheLimitIsASample", limit_8, two_samples,                                10s, "1 absent, 2-9 present",    Basis::sample},
        Story{"OneRecordMoreIsComplete",  limit_8, {{0s, first_8}, {10s, seen(range(2, 10))}}, 10s, "1 withdrawn, 2-10 present", Basis::complete},
        Story{"WhatIsLeftOutIsPartOfTheSample", limit_8, {{0s, first_8}, {10s, seen(range(2, 8), {.unusable = 1})}}, 10s, "1 absent, 2-8 present", Basis::sample},
        Story{"AnExhaustiveOneIsComplete", limit_8, {{0s, first_8}, {10s, seen(range(2, 9), {.exhaustive = true})}}, 10s, "1 withdrawn, 2-9 present", Basis::complete},
        Story{"TheUnionGrows",            limit_8, {{0s, first_8}, {10s, seen(range(9, 16))}, {20s, seen(range(17, 24))}}, 20s, "1-16 absent, 17-24 present", Basis::sample},
        Story{"AnAbsentOneComesBack",     limit_8, {{0s, first_8}, {10s, other_8}, {20s, first_8}}, 20s, "1-8 present, 9 absent", Basis::sample},
        Story{"TheReserveIsNoMemberOfASample", limit_8, {{0s, first_8}, {10s, seen(range(2, 8))}, {20s, other_8}}, 20s, "1 withdrawn, 2-9 present", Basis::sample},
        Story{"ASampleTakesOneOutOfTheReserve", limit_8, {{0s, seen(range(1, 5))}, {10s, seen(range(2, 5))}, {20s, first_8}}, 20s, "1-8 present", Basis::sample},

        // Absence: 1 was last seen at 0 s. 9 known of which 8 are shown: ceil(9.21 / 2.2) = 5 polls; at least 10 min.
        Story{"AbsentForAlmostTenMinutes", limit_8, two_samples, 599'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"LeavesAfterTenMinutes",     limit_8, two_samples, 600s,      "2-9 present",           Basis::sample},
        // 24 known, TTL 60 s: ceil(9.21 / ln 1.5) = 23 polls, 23 min.
        Story{"AbsentForLongerWhereManyAreKnown", limit_8, {{0s, seen(range(1, 8), rare)}, {0s, seen(range(9, 16), rare)}, {0s, seen(range(17, 24), rare)}}, 23min - 1ms, "1-16 absent, 17-24 present", Basis::sample},
        Story{"LeavesWhenManyAreKnown",           limit_8, {{0s, seen(range(1, 8), rare)}, {0s, seen(range(9, 16), rare)}, {0s, seen(range(17, 24), rare)}}, 23min, "17-24 present", Basis::sample},
        Story{"ConfiguredAbsence",         a_minute, two_samples, 59'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"ConfiguredAbsenceEnds",     a_minute, two_samples, 60s,      "2-9 present",           Basis::sample},
        Story{"ASightingRenews",           a_minute, {{0s, first_8}, {30s, first_8}, {40s, other_8}}, 89'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"ARereadSightingRenews",     a_minute, {{0s, first_8}, {30s, seen(range(1, 8), reread)}, {40s, other_8}}, 89'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"ARepeatedSightingDoesNot",  a_minute, {{0s, first_8}, {30s, seen(range(1, 8), repeated)}, {40s, other_8}}, 60s, "2-9 present", Basis::sample},

        // An outage of 100 s: absence does not age meanwhile.
        Story{"AFailureHoldsTheAbsent",    limit_8, then_failure, 20s, "1-9 held_failed", Basis::failed},
        Story{"AbsentAgainAfterAFailure",  a_minute, then_failure + std::vector<Step>{{120s, other_8}}, 120s, "1 absent, 2-9 present", Basis::sample},
        Story{"AnOutageSuspendsAbsence",   a_minute, then_failure + std::vector<Step>{{120s, other_8}}, 159'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"AnOutageIsOver",            a_minute, then_failure + std::vector<Step>{{120s, other_8}}, 160s, "2-9 present", Basis::sample},
        Story{"AnOutageOfSeveralPolls",    a_minute, then_failure + std::vector<Step>{{60s, Failed{""}}, {120s, other_8}}, 159'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"TwoOutagesAddUp",           a_minute, then_failure + std::vector<Step>{{120s, other_8}, {130s, Failed{""}}, {140s, other_8}}, 169'999ms, "1 absent, 2-9 present", Basis::sample},
        Story{"TwoOutagesAreOver",         a_minute, then_failure + std::vector<Step>{{120s, other_8}, {130s, Failed{""}}, {140s, other_8}}, 170s, "2-9 present", Basis::sample},
        Story{"ASightingForgetsOutages",   a_minute, then_failure + std::vector<Step>{{120s, first_8}, {130s, other_8}}, 180s, "2-9 present", Basis::sample},
        Story{"AnEmptyAnswerHoldsTheAbsent", limit_8, two_samples + std::vector<Step>{{20s, Empty{}}}, 20s, "1-9 held_empty", Basis::empty},
        Story{"AbsentAgainAfterAnEmptyAnswer", limit_8, two_samples + std::vector<Step>{{20s, Empty{}}, {30s, other_8}}, 30s, "1 absent, 2-9 present", Basis::sample},
        Story{"AnEmptyAnswerEndsAnOutage", a_minute, then_failure + std::vector<Step>{{50s, Empty{}}, {55s, other_8}}, 90s, "2-9 present", Basis::sample},

        // Five times the same 8 of 9: complete.
        Story{"FourTimesTheSameIsASample",   limit_8, same(1, first_8, 0s) + same(4, other_8, 10s), 40s, "1 absent, 2-9 present", Basis::sample},
        Story{"FiveTimesTheSameIsComplete",  limit_8, same(1, first_8, 0s) + same(5, other_8, 10s), 50s, "1 withdrawn, 2-9 present", Basis::complete},
        Story{"ARereadAnswerDoesNotCount",   limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, seen(range(2, 9), reread), 50s), 50s, "1 absent, 2-9 present", Basis::sample},
        Story{"NorDoesItInterrupt",          limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, seen(range(2, 9), reread), 50s) + same(1, other_8, 60s), 60s, "1 withdrawn, 2-9 present", Basis::complete},
        Story{"ARereadOtherAnswerInterrupts", limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, seen(range(1, 8), reread), 50s) + same(4, other_8, 60s), 90s, "1 absent, 2-9 present", Basis::sample},
        Story{"ARepetitionDoesNotCount",     limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, seen(range(2, 9), repeated), 50s), 50s, "1 absent, 2-9 present", Basis::sample},
        Story{"AnotherAnswerInterrupts",     limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, first_8, 50s) + same(4, other_8, 60s), 90s, "1 absent, 2-9 present", Basis::sample},
        Story{"ASmallerAnswerInterrupts",    limit_8, same(4, first_8, 0s) + same(1, seen(range(1, 7)), 40s) + same(4, first_8, 50s), 80s, "1-8 present", Basis::sample},
        Story{"AFailureDoesNotInterrupt",    limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, Failed{""}, 50s) + same(1, other_8, 60s), 60s, "1 withdrawn, 2-9 present", Basis::complete},
        Story{"AnEmptyAnswerInterrupts",     limit_8, same(1, first_8, 0s) + same(4, other_8, 10s) + same(1, Empty{}, 50s) + same(4, other_8, 60s), 90s, "1 absent, 2-9 present", Basis::sample},
        Story{"ItStaysComplete",             limit_8, same(1, first_8, 0s) + same(9, other_8, 10s), 90s, "1 withdrawn, 2-9 present", Basis::complete},
        Story{"ARepetitionOfItIsComplete",   limit_8, same(1, first_8, 0s) + same(5, other_8, 10s) + same(1, seen(range(2, 9), repeated), 60s), 60s, "1 withdrawn, 2-9 present", Basis::complete},
        Story{"AChangeAtTheLimitIsASampleAgain", limit_8, same(1, first_8, 0s) + same(5, other_8, 10s) + same(1, seen(range(3, 10)), 60s), 60s, "1 withdrawn, 2 absent, 3-10 present", Basis::sample},
        Story{"ProvenCompleteIsNotGuarded",  config::Membership{.shrink_guard = 99}, {{0s, seen(range(1, 20))}, {1s, first_8}, {2s, first_8}, {3s, first_8}, {4s, first_8}, {5s, first_8}}, 5s, "1-8 present, 9-20 withdrawn", Basis::complete},
        // 2 of 3: 1 + ceil(8.5 / ln 3) = 9 answers.
        Story{"TwoOfThreeEightTimes",        limit_2, same(1, seen({1, 2}), 0s) + same(8, seen({2, 3}), 10s), 80s, "1 absent, 2-3 present", Basis::sample},
        Story{"TwoOfThreeNineTimes",         limit_2, same(1, seen({1, 2}), 0s) + same(9, seen({2, 3}), 10s), 90s, "1 withdrawn, 2-3 present", Basis::complete},
        // WEIGHTED routing shows one at a time, perhaps the same one for long.
        Story{"OneAtATimeIsNeverComplete",   limit_1, same(1, seen({1}), 0s) + same(50, seen({2}), 10s), 500s, "1 absent, 2 present", Basis::sample},
        Story{"OneAtATimeLeavesByAbsence",   limit_1, same(1, seen({1}), 0s) + same(59, seen({2}), 10s), 600s, "2 present", Basis::sample},

        // Each type for itself.
        Story{"ASampleBesideACompleteAnswer", limit_4, {{0s, seen(a(range(1, 4)), aaaa(range(1, 3)))}, {10s, seen(a(range(2, 5)), aaaa(range(1, 2)))}}, 10s, "1 absent, 2-5 present, v6 1-2 present, v6 3 withdrawn", Basis::sample},
        Story{"NodataOfOneFamilyIsComplete",  limit_4, {{0s, seen(a(range(1, 4)), aaaa(range(1, 4)))}, {10s, seen(a(range(1, 4)), aaaa({}))}}, 10s, "1-4 present, v6 1-4 withdrawn", Basis::sample},
        Story{"AFamilyThatFailsIsKept",       limit_4, {{0s, seen(a(range(1, 4)), aaaa(range(1, 4)))}, {10s, seen(a(range(2, 5)), aaaa(range(2, 5)))}, {20s, seen(a(range(2, 5)), aaaa(range(2, 5), repeated))}}, 20s, "1 absent, 2-5 present, v6 1 absent, v6 2-5 present", Basis::sample},
        Story{"AFamilyThatFailsSuspendsItsAbsence", a_minute, family_fails, 300s, "1 present, v6 1 absent, v6 2-9 present", Basis::sample},
        Story{"UntilItAnswers",               a_minute, family_fails + std::vector<Step>{{120s, other_v6}}, 159'999ms, "1 present, v6 1 absent, v6 2-9 present", Basis::sample},
        Story{"ThenItAgesAgain",              a_minute, family_fails + std::vector<Step>{{120s, other_v6}}, 160s, "1 present, v6 2-9 present", Basis::sample},
        Story{"AFailureOfAllCountsOnce",      a_minute, family_fails + std::vector<Step>{{60s, Failed{""}}, {120s, other_v6}}, 160s, "1 present, v6 2-9 present", Basis::sample},
        Story{"AFamilyThatIsNotEvenRepeatedGoes", limit_4, {{0s, seen(a({1}), aaaa(range(1, 4)))}, {10s, seen({1})}}, 10s, "1 present, v6 1-4 withdrawn", Basis::complete},
        Story{"AFamilyComesLater",            limit_4, {{0s, seen({1})}, {2s, seen(a({1}, repeated), aaaa({1}))}}, 2s, "1 present, v6 1 present", Basis::complete}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(SampleExpiry, IsWhenTheFirstAbsentOneLeaves) {
    Registry registry(limit_8, {}, true);
    registry.apply(first_8, start);
    EXPECT_EQ(registry.next_expiry(), never);
    registry.apply(other_8, start + 10s);
    EXPECT_EQ(registry.next_expiry(), start + 600s);
    EXPECT_FALSE(registry.expire(start + 600s - 1ns));
    EXPECT_TRUE(registry.expire(start + 600s));
    EXPECT_EQ(registry.next_expiry(), never);
}

TEST(SampleExpiry, FollowsTheNumberOfMembers) {
    Registry registry(limit_8, {}, true);
    for (unsigned first = 1; first < 40; first += 8) {
        registry.apply(seen(range(first, first + 7), rare), start);  // 40 known: ceil(9.21 / ln 1.25) = 42 polls
    }
    EXPECT_EQ(registry.next_expiry(), start + 42min);
    registry.apply(seen(range(33, 40), {.ttl = 10s}), start + 1min);  // one answer alone may come out of a cache
    EXPECT_EQ(registry.next_expiry(), start + 42min);
    registry.apply(seen(range(33, 40), {.ttl = 10s}), start + 2min);
    EXPECT_EQ(registry.next_expiry(), start + 10min);  // 42 x 10 s are less than the least
}

TEST(SampleExpiry, CountsPollsNoShorterThanPollMin) {
    Registry registry(limit_8, {.min = 20s, .max = 30s}, true);
    for (unsigned first = 1; first < 40; first += 8)
        registry.apply(seen(range(first, first + 7), {.ttl = 1s}), start);
    EXPECT_EQ(registry.next_expiry(), start + 42 * 20s);
}

TEST(Coverage, IsOneUnlessTheBasisIsASample) {
    Registry registry(limit_4, {}, true);
    EXPECT_EQ(registry.coverage(), 1);
    registry.apply(seen({1}), start);
    EXPECT_EQ(registry.coverage(), 1);
    registry.apply(seen(range(1, 4)), start + 1s);
    EXPECT_EQ(registry.coverage(), std::nullopt);
    registry.apply(Failed{""}, start + 2s);
    EXPECT_EQ(registry.coverage(), 1);
}

TEST(Coverage, TakesThreeFreshSamplesOfEachType) {
    Registry registry(limit_4, {}, true);
    registry.apply(seen(range(1, 4)), start);
    registry.apply(seen(range(3, 6)), start + 1s);  // half of it was known
    EXPECT_EQ(registry.coverage(), std::nullopt);
    registry.apply(seen(range(3, 6), reread), start + 2s);
    registry.apply(seen(range(3, 6), repeated), start + 3s);
    EXPECT_EQ(registry.coverage(), std::nullopt);
    registry.apply(seen(range(1, 4)), start + 4s);
    EXPECT_EQ(registry.coverage(), 0.75);
    registry.apply(seen(a(range(1, 4), repeated), aaaa(range(1, 4))), start + 5s);
    EXPECT_EQ(registry.coverage(), std::nullopt);
}

TEST(Coverage, IsThatOfTheWorstType) {
    Registry registry(limit_4, {}, true);
    registry.apply(seen(a(range(1, 4)), aaaa(range(1, 4))), start);
    registry.apply(seen(a(range(1, 4)), aaaa(range(4, 7))), start + 1s);  // AAAA: one of four was known
    registry.apply(seen(a(range(1, 4)), aaaa(range(4, 7))), start + 2s);
    EXPECT_EQ(registry.coverage(), 0.625);
}

TEST(Coverage, IsAMeanAtFirstAndThenSmoothed) {
    Registry registry(limit_4, {}, true);
    registry.apply(seen(range(1, 4)), start);  // nothing could be known before: not part of the mean
    unsigned next = 5;
    std::vector<double> shares;
    for (int i = 0; i < 7; ++i) {
        // Two known ones and two new ones up to the fifth, then nothing but known ones.
        const auto sample = i < 5 ? seen({1, 2, next, next + 1}) : seen({1, 2, 3, 5});
        next += 2;
        registry.apply(sample, start + std::chrono::seconds(i + 1));
        shares.push_back(registry.coverage().value_or(-1));
    }
    EXPECT_THAT(shares,
                testing::ElementsAre(-1, testing::DoubleEq(0.5), testing::DoubleEq(0.5), testing::DoubleEq(0.5),
                                     testing::DoubleEq(0.5), testing::DoubleEq(0.6), testing::DoubleEq(0.68)));
}

}  // namespace
}  // namespace taskdns::membership
