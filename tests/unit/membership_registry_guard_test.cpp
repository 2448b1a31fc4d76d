// The shrink guard: who stays a member although a complete answer did not name him, and until when.
#include <gtest/gtest.h>

#include "unit/membership_story.hpp"

namespace taskdns::membership {
namespace {

using namespace testing_story;

class GuardStory : public testing::TestWithParam<Story> {};

TEST_P(GuardStory, Ends) {
    const Registry registry = tell(GetParam());
    EXPECT_EQ(words(registry.members()), GetParam().members);
    EXPECT_EQ(registry.basis(), GetParam().basis);
}

const config::Membership half{.sample_limit = 100};
const config::Membership off{.sample_limit = 100, .shrink_guard = 0};
const config::Membership whole{.sample_limit = 100, .shrink_guard = 100};
const config::Membership third{.sample_limit = 100, .shrink_guard = 34};
const config::Membership limit_3{.sample_limit = 3};

const auto six = seen(range(1, 6));
const auto two = seen({1, 2});
const std::vector<Step> guarded{{0s, six}, {10s, two}};
const How slow{.ttl = 20s};

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, GuardStory,
    testing::Values(
        // Which answers it wants confirmed.
        Story{"HalfIsEnough",            half,  {{0s, six}, {10s, seen({1, 2, 3})}}, 10s, "1-3 present, 4-6 withdrawn",  Basis::complete},
        Story{"LessThanHalfIsNot",       half,  guarded,                             10s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"OneFewerIsNeverGuarded",  whole, {{0s, six}, {10s, seen(range(1, 5))}}, 10s, "1-5 present, 6 withdrawn",  Basis::complete},
        Story{"TwoFewerIs",              whole, {{0s, six}, {10s, seen(range(1, 4))}}, 10s, "1-4 present, 5-6 held_guard", Basis::guarded},
        Story{"OfTwoOneMayLeave",        whole, {{0s, seen({1, 2})}, {10s, seen({1})}}, 10s, "1 present, 2 withdrawn",   Basis::complete},
        Story{"PerCentJustEnough",       third, {{0s, seen(range(1, 50))}, {10s, seen(range(1, 17))}}, 10s, "1-17 present, 18-50 withdrawn", Basis::complete},
        Story{"PerCentJustNotEnough",    third, {{0s, seen(range(1, 50))}, {10s, seen(range(1, 16))}}, 10s, "1-16 present, 17-50 held_guard", Basis::guarded},
        Story{"Off",                     off,   guarded,                             10s, "1-2 present, 3-6 withdrawn",  Basis::complete},
        Story{"NewcomersCount",          half,  {{0s, six}, {10s, seen({11, 12, 13})}}, 10s, "1-6 withdrawn, 11-13 present", Basis::complete},
        Story{"NewcomersAreTakenIn",     half,  {{0s, six}, {10s, seen({11, 12})}},  10s, "1-6 held_guard, 11-12 present", Basis::guarded},
        Story{"TheReserveDoesNotCount",  half,  {{0s, six}, {10s, seen({1, 2, 3})}, {20s, seen({1, 2})}}, 20s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"AReturnFromTheReserveIsANewcomer", half, {{0s, seen(range(1, 8))}, {10s, seen(range(1, 6))}, {20s, seen({1, 7, 8})}}, 20s, "1 7-8 present, 2-6 withdrawn", Basis::complete},
        Story{"AStaticSourceHasNone",    half,  {{0s, seen(range(1, 6), {.exhaustive = true})}, {10s, seen({1}, {.exhaustive = true})}}, 10s, "1 present, 2-6 withdrawn", Basis::complete},
        Story{"TheFirstAnswerIsNeverSmall", half, {{0s, seen({1})}}, 0s, "1 present", Basis::complete},

        // How it ends: confirmed, contradicted, expired.
        Story{"TheSecondConfirms",       half, guarded + same(1, two, 20s),                    20s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"AnotherSmallOneConfirms", half, guarded + same(1, seen({3}), 20s),              20s, "1-2 4-6 withdrawn, 3 present", Basis::complete},
        Story{"ALargeOneContradicts",    half, guarded + same(1, six, 20s),                    20s, "1-6 present", Basis::complete},
        Story{"AFairlyLargeOneIsApplied", half, guarded + same(1, seen({1, 2, 3}), 20s),       20s, "1-3 present, 4-6 withdrawn", Basis::complete},
        Story{"ItIsHeldAgainstTheSameSet", half, {{0s, six}, {10s, seen({11, 12})}, {20s, seen({11, 12, 13})}}, 20s, "1-6 withdrawn, 11-13 present", Basis::complete},
        Story{"NewcomersDoNotRaiseTheBar", half, {{0s, six}, {10s, seen({11, 12}, reread)}, {20s, seen({11, 12, 13})}}, 20s, "1-6 withdrawn, 11-13 present", Basis::complete},
        Story{"ANewRunStartsAfterALargeOne", half, guarded + same(1, six, 20s) + same(1, two, 30s), 30s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ARereadOneDoesNotConfirm", half, guarded + same(1, seen({1, 2}, reread), 20s),  20s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ARepeatedOneDoesNotConfirm", half, guarded + same(1, seen({1, 2}, repeated), 20s), 20s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ARereadOneDoesNotEndIt",  half, guarded + same(1, seen(range(1, 6), reread), 20s) + same(1, two, 30s), 30s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ARereadOneNamesAll",      half, guarded + same(1, seen(range(1, 6), reread), 20s), 20s, "1-6 present", Basis::guarded},
        Story{"ARereadOneCanBeTheFirst", half, {{0s, six}, {10s, seen({1, 2}, reread)}},       10s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ButItTakesTwoFreshOnes",  half, {{0s, six}, {10s, seen({1, 2}, reread)}, {20s, two}}, 20s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ButTwoFreshOnesConfirm",  half, {{0s, six}, {10s, seen({1, 2}, reread)}, {20s, two}, {30s, two}}, 30s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ItLastsAlmostHalfAMinute", half, guarded,                                   39'999ms, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ItExpires",               half, guarded,                                        40s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ItLastsAlmostTwoTtls",    half, {{0s, six}, {10s, seen({1, 2}, slow)}},     49'999ms, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ItExpiresAfterTwoTtls",   half, {{0s, six}, {10s, seen({1, 2}, slow)}},         50s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ItsReserveBeginsWhenItExpires", half, guarded,                              99'999ms, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ItsReserveEnds",          half, guarded,                                       100s, "1-2 present", Basis::complete},
        Story{"TheSecondDoesNotRenewIt", half, guarded + same(1, seen({1, 2}, reread), 30s),   40s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ItExpiresInTimeForAnAnswer", half, guarded + same(1, seen({1, 2, 3}), 40s),     40s, "1-3 present, 4-6 withdrawn", Basis::complete},
        Story{"WhatExpiredIsNotGuardedAgain", half, guarded + same(1, seen({1, 2}, repeated), 45s), 45s, "1-2 present, 3-6 withdrawn", Basis::complete},

        // The upstream fails meanwhile.
        Story{"AFailureHoldsAll",        half, guarded + same(1, Failed{""}, 20s),             20s, "1-6 held_failed", Basis::failed},
        Story{"AFailureStopsTheClock",   half, guarded + same(1, Failed{""}, 20s),              1h, "1-6 held_failed", Basis::failed},
        Story{"AnswersAreJudgedAnew",    half, guarded + same(1, Failed{""}, 20s) + same(1, two, 100s), 100s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"TheClockStartsAnew",      half, guarded + same(1, Failed{""}, 20s) + same(1, two, 100s), 129'999ms, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"AndEnds",                 half, guarded + same(1, Failed{""}, 20s) + same(1, two, 100s), 130s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"TwoAfterAFailureConfirm", half, guarded + same(1, Failed{""}, 20s) + same(2, two, 100s), 110s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ARepetitionAfterAFailureIsGuarded", half, guarded + same(1, Failed{""}, 20s) + same(1, seen({1, 2}, repeated), 30s), 59'999ms, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ARepetitionAfterAFailureExpires", half, guarded + same(1, Failed{""}, 20s) + same(1, seen({1, 2}, repeated), 30s), 60s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ItExpiresBeforeALaterFailure", half, guarded + same(1, Failed{""}, 40s),        40s, "1-2 held_failed, 3-6 withdrawn", Basis::failed},
        Story{"AfterAFailureAloneToo",   half, {{0s, six}, {10s, Failed{""}}, {20s, two}},     20s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"AnEmptyAnswerHoldsAll",   half, guarded + same(1, Empty{}, 20s),                 1h, "1-6 held_empty", Basis::empty},
        Story{"AfterAnEmptyAnswerToo",   half, {{0s, six}, {10s, Empty{}}, {20s, two}},        20s, "1-2 present, 3-6 held_guard", Basis::guarded},

        // Samples and it.
        Story{"ASampleEndsIt",           limit_3, {{0s, six}, {10s, two}, {20s, seen({1, 2, 3})}}, 20s, "1-3 present, 4-6 absent", Basis::sample},
        Story{"ARereadSampleDoesNotEndIt", limit_3, {{0s, six}, {10s, two}, {20s, seen({1, 2, 3}, reread)}}, 20s, "1-3 present, 4-6 held_guard", Basis::guarded},
        Story{"TheAbsentCount",          limit_3, {{0s, seen({1, 2, 3})}, {5s, seen({4, 5, 6})}, {10s, two}}, 10s, "1-2 present, 3-6 held_guard", Basis::guarded},
        Story{"ConfirmedAfterSamples",   limit_3, {{0s, seen({1, 2, 3})}, {5s, seen({4, 5, 6})}, {10s, two}, {20s, two}}, 20s, "1-2 present, 3-6 withdrawn", Basis::complete},
        Story{"ASmallSampleIsASample",   limit_3, {{0s, seen(range(1, 20))}, {10s, seen({1, 2, 3})}}, 10s, "1-3 present, 4-20 absent", Basis::sample},

        // Each type for itself; NODATA of one family beside records of the other.
        Story{"NodataIsGuarded",         half, {{0s, seen(a({1}), aaaa({1, 2}))}, {10s, seen(a({1}), aaaa({}))}}, 10s, "1 present, v6 1-2 held_guard", Basis::guarded},
        Story{"NodataOfTheLastIsNot",    half, {{0s, seen(a({1}), aaaa({1}))}, {10s, seen(a({1}), aaaa({}))}}, 10s, "1 present, v6 1 withdrawn", Basis::complete},
        Story{"NodataIsConfirmed",       half, {{0s, seen(a({1}), aaaa({1, 2}))}, {10s, seen(a({1}), aaaa({}))}, {20s, seen(a({1}), aaaa({}))}}, 20s, "1 present, v6 1-2 withdrawn", Basis::complete},
        Story{"NodataExpires",           half, {{0s, seen(a({1}), aaaa({1, 2}))}, {10s, seen(a({1}), aaaa({}))}}, 40s, "1 present, v6 1-2 withdrawn", Basis::complete},
        Story{"TheOtherFamilyDoesNotConfirm", half, {{0s, seen(a(range(1, 4)), aaaa(range(1, 4)))}, {10s, seen(a({1}), aaaa(range(1, 4)))}, {20s, seen(a({1}, repeated), aaaa({1}))}}, 20s, "1 present, 2-4 held_guard, v6 1 present, v6 2-4 held_guard", Basis::guarded},
        Story{"RepeatedNodataAfterEmpty", half, {{0s, seen(a({1}), aaaa({1, 2}))}, {10s, Empty{}}, {20s, seen(a({1}), aaaa({}, repeated))}}, 20s, "1 present, v6 1-2 held_guard", Basis::guarded},
        Story{"RepeatedNodataAfterEmptyExpires", half, {{0s, seen(a({1}), aaaa({1, 2}))}, {10s, Empty{}}, {20s, seen(a({1}), aaaa({}, repeated))}, {30s, seen(a({1}), aaaa({}, repeated))}}, 50s, "1 present, v6 1-2 withdrawn", Basis::complete},
        Story{"AMissingFamilyIsNotGuarded", half, {{0s, seen(a({1}), aaaa({1, 2}))}, {10s, seen({1})}}, 10s, "1 present, v6 1-2 withdrawn", Basis::complete}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(GuardExpiry, IsWhenItExpires) {
    Registry registry(half, {}, true);
    registry.apply(six, start);
    registry.apply(two, start + 10s);
    EXPECT_EQ(registry.next_expiry(), start + 40s);
    EXPECT_FALSE(registry.expire(start + 40s - 1ns));
    EXPECT_TRUE(registry.expire(start + 40s));
    EXPECT_EQ(registry.next_expiry(), start + 100s);  // the reserve's end
    EXPECT_EQ(registry.members().back().since, start + 40s);
}

TEST(GuardExpiry, DoesNotComeWhileTheUpstreamFails) {
    Registry registry({.sample_limit = 100, .stale_max = 24h}, {}, true);
    registry.apply(six, start);
    registry.apply(two, start + 10s);
    registry.apply(Failed{""}, start + 20s);
    EXPECT_EQ(registry.next_expiry(), start + 20s + 24h);
}

TEST(Guard, IsAChange) {
    Registry registry(half, {}, true);
    registry.apply(six, start);
    EXPECT_TRUE(registry.apply(two, start + 10s));
    EXPECT_FALSE(registry.apply(seen({1, 2}, reread), start + 15s));
    EXPECT_TRUE(registry.apply(two, start + 20s));
    EXPECT_FALSE(registry.apply(two, start + 30s));
}

}  // namespace
}  // namespace taskdns::membership
