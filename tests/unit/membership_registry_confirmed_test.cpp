// Since when the registry itself has not named a member: a fresh answer counts, the resolver's cache does not.
#include <gtest/gtest.h>

#include "unit/membership_story.hpp"

namespace taskdns::membership {
namespace {

using namespace testing_story;

struct Row {
    const char* name;
    std::vector<Step> steps;
    TimePoint confirmed;  // member 1
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

TimePoint confirmed(const Registry& registry) {
    const Member* const member = registry.find(v4(1));
    return member == nullptr ? never : member->confirmed;
}

class Confirmed : public testing::TestWithParam<Row> {};

TEST_P(Confirmed, ByTheLastFreshAnswer) {
    const Row& row = GetParam();
    Registry registry({.sample_limit = 8}, {.min = 2s, .max = 30s}, true);
    for (const Step& step : row.steps) registry.apply(step.observation, start + step.at);
    EXPECT_EQ(confirmed(registry), row.confirmed);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, Confirmed,
    testing::Values(
        Row{"ByTheFirst",                  {{1s, seen({1})}}, start + 1s},
        Row{"ByTheLast",                   {{1s, seen({1})}, {11s, seen({1})}}, start + 11s},
        Row{"NotByTheCache",               {{1s, seen({1})}, {5s, seen({1}, reread)}}, start + 1s},
        Row{"NotByARepetition",            {{1s, seen({1})}, {5s, seen({1}, repeated)}}, start + 1s},
        Row{"NotWhileItsTypeIsSilent",     {{1s, seen(a({1}), aaaa({1}))}, {11s, seen(a({1}, silent), aaaa({1}))}}, start + 1s},
        Row{"NotByAFailure",               {{1s, seen({1})}, {11s, Failed{"timeout"}}}, start + 1s},
        Row{"NotByASampleWithoutIt",       {{1s, seen(range(1, 8))}, {11s, seen(range(2, 9))}}, start + 1s},
        Row{"ByASampleThatNamesItAgain",   {{1s, seen(range(1, 8))}, {11s, seen(range(2, 9))}, {21s, seen(range(1, 8))}}, start + 21s}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Confirmed, NeverOutOfTheCacheAlone) {
    Registry registry({.sample_limit = 8}, {.min = 2s, .max = 30s}, true);
    registry.apply(seen({1}, reread), start);
    EXPECT_EQ(confirmed(registry), TimePoint{});
}

}  // namespace
}  // namespace taskdns::membership
