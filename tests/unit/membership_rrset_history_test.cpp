// The formulas of samples, at their boundaries.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/rrset_history.hpp"

namespace taskdns::membership {
namespace {

using namespace std::chrono_literals;

struct AbsenceCase {
    const char* name;
    std::size_t members;
    unsigned limit;
    milliseconds period;
    milliseconds longest;
};
void PrintTo(const AbsenceCase& c, std::ostream* out) { *out << c.name; }

class AbsentMax : public testing::TestWithParam<AbsenceCase> {};

TEST_P(AbsentMax, Is) {
    EXPECT_EQ(absent_max(GetParam().members, GetParam().limit, GetParam().period), GetParam().longest);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, AbsentMax,
    testing::Values(
        AbsenceCase{"NobodyKnown",           0,    8, 60s,    10min},
        AbsenceCase{"FewerThanTheLimit",     7,    8, 60s,    10min},
        AbsenceCase{"AsManyAsTheLimit",      8,    8, 60s,    10min},
        AbsenceCase{"OneMoreThanTheLimit",   9,    8, 60s,    10min},  // 5 samples
        AbsenceCase{"TenSamples",            13,   8, 60s,    10min},
        AbsenceCase{"ElevenSamples",         14,   8, 60s,    11min},
        AbsenceCase{"TwiceTheLimit",         16,   8, 60s,    14min},  // ceil(13.29)
        AbsenceCase{"AHundredAtTenSeconds",  100,  8, 10s,    18min + 30s},  // 111 samples
        AbsenceCase{"FiftySixSamples",       52,   8, 60s,    56min},
        AbsenceCase{"SixtySamples",          56,   8, 60s,    60min},
        AbsenceCase{"CappedAtAnHour",        57,   8, 60s,    60min},
        AbsenceCase{"FarBeyondTheCap",       1000, 8, 300s,   60min},
        AbsenceCase{"OneAtATime",            10,   1, 10s,    14min + 40s},  // 88 samples
        AbsenceCase{"NoTtlAtAll",            1000, 8, 0s,     10min}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct NeededCase {
    const char* name;
    std::size_t known;
    unsigned limit;
    std::optional<unsigned> answers;
};
void PrintTo(const NeededCase& c, std::ostream* out) { *out << c.name; }

class UnchangedAnswersNeeded : public testing::TestWithParam<NeededCase> {};

TEST_P(UnchangedAnswersNeeded, Are) {
    EXPECT_EQ(unchanged_answers_needed(GetParam().known, GetParam().limit), GetParam().answers);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, UnchangedAnswersNeeded,
    testing::Values(
        NeededCase{"EightOfNine",            9,    8, 5},
        NeededCase{"EightOfEight",           8,    8, 5},  // the question is whether there is a ninth
        NeededCase{"EightOfAThousand",       1000, 8, 5},
        NeededCase{"SevenOfEight",           8,    7, 6},
        NeededCase{"FourOfFive",             5,    4, 7},
        NeededCase{"ThreeOfFour",            4,    3, 8},
        NeededCase{"TwoOfThree",             3,    2, 9},
        NeededCase{"TwoOfTwo",               2,    2, 9},
        NeededCase{"TwoOfFour",              4,    2, 6},
        NeededCase{"TwoOfFive",              5,    2, 5},
        NeededCase{"OneProvesNothing",       2,    1, std::nullopt},
        NeededCase{"OneOfManyProvesNothing", 1000, 1, std::nullopt}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

/// What the formula is for: the chance to see the same `limit` of `known` so often though there are others.
TEST(UnchangedAnswersNeeded, MakeAMistakeAtMostTwiceInTenThousand) {
    for (unsigned limit = 2; limit <= 16; ++limit) {
        for (std::size_t known = limit + 1; known <= 40; ++known) {
            double choices = 1;
            for (unsigned i = 1; i <= limit; ++i) choices *= static_cast<double>(known - limit + i) / i;
            const auto answers = unchanged_answers_needed(known, limit);
            ASSERT_TRUE(answers.has_value());
            EXPECT_GE(*answers, 5U);
            EXPECT_LE(std::pow(choices, -(static_cast<double>(*answers) - 1)), 2e-4 * 1.0001);
        }
    }
}

}  // namespace
}  // namespace taskdns::membership
