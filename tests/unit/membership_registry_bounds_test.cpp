// Loading a snapshot, the bound of members, and members that another service takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/membership_story.hpp"

namespace taskdns::membership {
namespace {

using namespace testing_story;

/// 10.0.0.N, last seen `ago` before the load, first seen an hour before that.
Member saved(unsigned n, milliseconds ago) {
    return {.address = v4(n), .weight = 7, .first_seen = start - ago - 1h, .last_seen = start - ago};
}
std::vector<Member> saved(const Octets& octets, milliseconds ago) {
    std::vector<Member> out;
    for (const unsigned n : octets) out.push_back(saved(n, ago));
    return out;
}

struct LoadCase {
    const char* name;
    config::Membership policy;
    std::vector<Member> saved;
    std::vector<Step> steps;
    milliseconds until;
    const char* members;
    Basis basis;
    bool checked = true;
};
void PrintTo(const LoadCase& c, std::ostream* out) { *out << c.name; }

class Load : public testing::TestWithParam<LoadCase> {};

TEST_P(Load, Ends) {
    const LoadCase& c = GetParam();
    Registry registry(c.policy, {.min = 2s, .max = 30s}, c.checked);
    registry.load(c.saved, start);
    for (const Step& step : c.steps) registry.apply(step.observation, start + step.at);
    registry.expire(start + c.until);
    EXPECT_EQ(words(registry.members()), c.members);
    EXPECT_EQ(registry.basis(), c.basis);
}

const config::Membership policy{.sample_limit = 8};
const config::Membership short_absence{.sample_limit = 8, .absent_max = 60s};
const config::Membership at_most_3{.sample_limit = 8, .max_endpoints = 3};
const auto three = saved(range(1, 3), 10s);

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, Load,
    testing::Values(
        LoadCase{"Nobody",               policy, {},    {}, 0s, "", Basis::not_polled},
        LoadCase{"HoldsAll",             policy, three, {}, 0s, "1-3 held_snapshot", Basis::loaded},
        LoadCase{"NotOlderThanADay",     policy, {saved(1, 24h - 1ms)}, {}, 0s, "1 held_snapshot", Basis::loaded},
        LoadCase{"ADayOld",              policy, {saved(1, 24h)}, {}, 0s, "", Basis::not_polled},
        LoadCase{"UncheckedNotOlderThanAnHour", policy, {saved(1, 1h - 1ms)}, {}, 0s, "1 held_snapshot", Basis::loaded, false},
        LoadCase{"UncheckedAnHourOld",   policy, {saved(1, 1h)}, {}, 0s, "", Basis::not_polled, false},
        LoadCase{"EachForItself",        policy, {saved(1, 25h), saved(2, 1h)}, {}, 0s, "2 held_snapshot", Basis::loaded},
        LoadCase{"LivesForStaleMaxSinceItWasSeen", policy, {saved(1, 10h)}, {}, 14h - 1ms, "1 held_snapshot", Basis::loaded},
        LoadCase{"EndsWithStaleMax",     policy, {saved(1, 10h)}, {}, 14h, "", Basis::loaded},
        LoadCase{"TheNewestWhereThereAreTooMany", at_most_3, {saved(1, 5s), saved(2, 50s), saved(3, 4s), saved(4, 3s)}, {}, 0s, "1 3-4 held_snapshot", Basis::loaded},
        LoadCase{"FailedPollKeepsThem",  policy, three, {{0s, Failed{""}}}, 0s, "1-3 held_snapshot", Basis::failed},
        LoadCase{"FailedPollsDoNotRenew", policy, {saved(1, 10h)}, {{13h, Failed{""}}}, 14h, "", Basis::failed},
        LoadCase{"EmptyPoll",            policy, three, {{0s, Empty{}}}, 0s, "1-3 held_empty", Basis::empty},
        LoadCase{"CompletePoll",         policy, three, {{0s, seen({1, 2, 4})}}, 0s, "1-2 4 present, 3 withdrawn", Basis::complete},
        LoadCase{"CompletePollIsGuarded", policy, three, {{0s, seen({1})}}, 0s, "1 present, 2-3 held_guard", Basis::guarded},
        LoadCase{"SamplePoll",           policy, three, {{0s, seen(range(3, 10))}}, 0s, "1-2 absent, 3-10 present", Basis::sample},
        LoadCase{"NobodyWasAbsentWhileNobodyLooked", short_absence, saved(range(1, 3), 20h), {{0s, seen(range(3, 10))}}, 59'999ms, "1-2 absent, 3-10 present", Basis::sample},
        LoadCase{"TheAbsentLeave",       short_absence, saved(range(1, 3), 20h), {{0s, seen(range(3, 10))}}, 60s, "3-10 present", Basis::sample},
        LoadCase{"AbsenceBeforeCounts",  short_absence, {saved(1, 20h + 30s), saved(2, 20h)}, {{0s, seen(range(3, 10))}}, 30s, "2 absent, 3-10 present", Basis::sample},
        LoadCase{"AFamilyThatHasNotAnsweredYetIsKept", policy, {saved(1, 0s), Member{.address = v6(1), .type = dns::RrType::aaaa, .last_seen = start}}, {{0s, seen({2})}}, 0s, "1 withdrawn, 2 present, v6 1 held_snapshot", Basis::complete}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Load, KeepsWhatWasSaved) {
    Registry registry(policy, {}, true);
    registry.load({saved(1, 10s)}, start);
    const Member member = registry.members().at(0);
    EXPECT_EQ(member.weight, 7);
    EXPECT_EQ(member.first_seen, start - 1h - 10s);
    EXPECT_EQ(member.last_seen, start - 10s);
    EXPECT_EQ(member.since, start);
    EXPECT_FALSE(registry.answered_once());
    registry.apply(seen({1}), start + 1s);
    EXPECT_EQ(registry.members().at(0).first_seen, start - 1h - 10s);
    EXPECT_EQ(registry.first_answered(), start + 1s);
}

TEST(Load, TakesNoTimesFromTheFuture) {
    Registry registry(policy, {}, true);
    registry.load({saved(1, -2h)}, start);
    EXPECT_EQ(registry.members().at(0).last_seen, start);
    EXPECT_EQ(registry.members().at(0).first_seen, start);
}

struct BoundCase {
    const char* name;
    std::vector<Step> steps;
    const char* members;
    std::uint64_t overflows;
};
void PrintTo(const BoundCase& c, std::ostream* out) { *out << c.name; }

class Bound : public testing::TestWithParam<BoundCase> {};

TEST_P(Bound, Holds) {
    Registry registry({.sample_limit = 2, .shrink_guard = 0, .max_endpoints = 4}, {}, true);
    for (const Step& step : GetParam().steps) registry.apply(step.observation, start + step.at);
    EXPECT_EQ(words(registry.members()), GetParam().members);
    EXPECT_EQ(registry.overflows(), GetParam().overflows);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, Bound,
    testing::Values(
        BoundCase{"JustAsMany",              {{0s, seen({1, 2, 3, 4})}}, "1-4 present", 0},
        BoundCase{"OneTooMany",              {{0s, seen({1, 2, 3, 4, 5})}}, "1-4 present", 1},
        BoundCase{"CountedEachTime",         {{0s, seen({1, 2, 3, 4, 5})}, {1s, seen({1, 2, 3, 4, 5, 6})}}, "1-4 present", 3},
        BoundCase{"ButNotRepetitions",       {{0s, seen({1, 2, 3, 4, 5})}, {1s, seen({1, 2, 3, 4, 5}, repeated)}}, "1-4 present", 1},
        BoundCase{"ReplacesTheWithdrawn",    {{0s, seen({1, 2, 3, 4})}, {1s, seen({1, 2, 3, 5})}}, "1-3 5 present", 0},
        BoundCase{"TheOldestWithdrawnFirst", {{0s, seen({1, 2, 3, 4})}, {1s, seen({1, 2, 4})}, {2s, seen({4})}, {3s, seen({4, 5, 6})}}, "2 withdrawn, 4-6 present", 0},
        BoundCase{"OnlyOneOfTwoWithdrawn",   {{0s, seen({1, 2, 3, 4})}, {1s, seen({1, 2, 4})}, {2s, seen({2, 4, 5})}}, "1 withdrawn, 2 4-5 present", 0},
        BoundCase{"ReplacesTheAbsent",       {{0s, seen({1, 2})}, {1s, seen({3, 4})}, {2s, seen({1, 5})}}, "1 5 present, 3-4 absent", 0},
        BoundCase{"TheOneSeenLongestAgo",    {{0s, seen({3, 4})}, {1s, seen({1, 2})}, {2s, seen({1, 5})}}, "1 5 present, 2 4 absent", 0},
        BoundCase{"NotTheOnesItNames",       {{0s, seen({1, 2})}, {1s, seen({3, 4})}, {2s, seen({5, 1})}}, "1 5 present, 3-4 absent", 0},
        BoundCase{"TheWithdrawnBeforeTheAbsent", {{0s, seen({1, 2})}, {1s, seen({1, 2, 3, 4})}, {2s, seen({1, 2, 3})}, {3s, seen({1, 5})}}, "1 5 present, 2-3 absent", 0}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Bound, ReplacesNobodyWhoIsHeld) {
    Registry registry({.sample_limit = 2, .max_endpoints = 4}, {}, true);
    registry.apply(seen({1, 2, 3, 4}), start);
    registry.apply(seen({5}), start + 1s);  // the shrink guard waits
    EXPECT_EQ(words(registry.members()), "1-4 held_guard");
    EXPECT_EQ(registry.overflows(), 1U);
    registry.apply(seen({5}), start + 2s);
    EXPECT_EQ(words(registry.members()), "2-4 withdrawn, 5 present");
}

TEST(Release, TakesAMemberThatIsOnlyHeld) {
    Registry registry({.sample_limit = 2, .shrink_guard = 0}, {}, true);
    registry.apply(seen({1, 2}), start);
    registry.apply(seen({2, 3}), start + 1s);
    EXPECT_TRUE(registry.release(v4(1)));
    EXPECT_EQ(words(registry.members()), "2-3 present");
    EXPECT_FALSE(registry.release(v4(1)));
    EXPECT_FALSE(registry.release(v4(2)));  // its registry names it
    EXPECT_EQ(words(registry.members()), "2-3 present");
}

}  // namespace
}  // namespace taskdns::membership
