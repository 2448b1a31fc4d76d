// Weights to whole numbers of turns, and turns spread evenly.
#include <numeric>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/turn_counts.hpp"

namespace taskdns::view {
namespace {

using testing::Each;
using testing::ElementsAre;

struct Row {
    const char* name;
    std::vector<double> weights;
    std::size_t most;
    std::vector<std::uint32_t> turns;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class CountTurns : public testing::TestWithParam<Row> {};

TEST_P(CountTurns, InProportionToTheWeights) {
    EXPECT_EQ(count_turns(GetParam().weights, GetParam().most), GetParam().turns);
}

const std::vector<Row>& rows() {
    using U = std::vector<std::uint32_t>;
    static const std::vector<Row> all{
        {"None", {}, 4096, U{}},
        {"One", {7}, 4096, U{1}},
        {"Equal", {1, 1, 1}, 4096, U{1, 1, 1}},
        {"EqualButLarge", {65535, 65535}, 4096, U{1, 1}},
        {"EqualFractions", {0.145, 0.145}, 4096, U{1, 1}},
        {"EqualEvenWhereMoreThanFit", {2, 2, 2}, 2, U{1, 1, 1}},
        {"WholeNumbers", {5, 1, 1}, 4096, U{5, 1, 1}},
        {"WholeNumbersWithoutTheirDivisor", {50, 30, 20}, 4096, U{5, 3, 2}},
        {"WholeNumbersThatJustFit", {4095, 1}, 4096, U{4095, 1}},
        {"ZeroGetsNone", {0, 3, 1}, 4096, U{0, 3, 1}},
        {"ZeroBesideEqualOnes", {0, 3, 3}, 4096, U{0, 1, 1}},
        {"AllZeroAreEqual", {0, 0, 0}, 4096, U{1, 1, 1}},
        {"TheSmallestGetsOneAtLeast", {65535, 1}, 100, U{99, 1}},
        {"Halves", {1, 0.5}, 4096, U{2, 1}},
        {"TheSlowestOfABalance", {1, 1, 1, 0.02}, 4096, U{50, 50, 50, 1}},
        {"MoreThanFitGetOneEach", {1, 2, 3}, 2, U{1, 1, 1}},
    };
    return all;
}

INSTANTIATE_TEST_SUITE_P(Weights, CountTurns, testing::ValuesIn(rows()),
                         [](const auto& instance) { return instance.param.name; });

double worst_error(const std::vector<double>& weights, const std::vector<std::uint32_t>& turns) {
    const double weight = std::accumulate(weights.begin(), weights.end(), 0.0);
    const double total = std::accumulate(turns.begin(), turns.end(), 0.0);
    double worst = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        worst = std::max(worst, std::abs(turns[i] / total * weight / weights[i] - 1));
    }
    return worst;
}

TEST(CountTurns, MeetsAnyFewWeightsWithinOnePerCent) {
    std::mt19937 random(30);
    for (int i = 0; i < 500; ++i) {
        std::vector<double> weights(2 + random() % 7);
        for (double& weight : weights) weight = 0.1 + 0.9 * static_cast<double>(random() % 1000) / 1000;
        const auto turns = count_turns(weights, 4096);
        EXPECT_LE(worst_error(weights, turns), 0.01);
        EXPECT_LE(std::accumulate(turns.begin(), turns.end(), 0U), 4096U);
    }
}

TEST(CountTurns, MeetsOneInSlowStartAmongMany) {
    for (const std::size_t others : {2U, 10U, 50U, 99U}) {
        for (int step = 0; step < 20; ++step) {
            std::vector<double> weights(others, 1);
            weights.push_back(0.1 + 0.045 * step);
            EXPECT_LE(worst_error(weights, count_turns(weights, 4096)), 0.01) << others << " " << step;
        }
    }
}

TEST(CountTurns, StaysWithinTheBoundForManyDifferentWeights) {
    std::mt19937 random(31);
    std::vector<double> weights(1000);
    for (double& weight : weights) weight = 1 + static_cast<double>(random() % 65535);
    const auto turns = count_turns(weights, 4096);
    EXPECT_LE(std::accumulate(turns.begin(), turns.end(), 0U), 4096U);
    EXPECT_THAT(turns, Each(testing::Ge(1U)));
}

std::string letters(const std::vector<std::uint32_t>& counts) {
    std::string out;
    for (const std::uint16_t number : spread_turns(counts)) out += static_cast<char>('a' + number);
    return out;
}

TEST(SpreadTurns, EqualOnesFollowTheirOrder) {
    EXPECT_EQ(letters({1, 1, 1}), "abc");
    EXPECT_EQ(letters({2, 2}), "abab");
    EXPECT_EQ(letters({}), "");
    EXPECT_EQ(letters({0, 0}), "");
    EXPECT_EQ(letters({0, 1, 0, 1}), "bd");
}

TEST(SpreadTurns, AreSmooth) {
    EXPECT_EQ(letters({5, 1, 1}), "abaaaca");
    EXPECT_EQ(letters({2, 1}), "aba");
    EXPECT_EQ(letters({1, 3}), "bbab");
}

TEST(SpreadTurns, EachGetsItsTurnsAndNeverWaitsMuchLongerThanItsShare) {
    std::mt19937 random(32);
    for (int i = 0; i < 200; ++i) {
        std::vector<std::uint32_t> counts(1 + random() % 20);
        for (std::uint32_t& count : counts) count = 1 + static_cast<std::uint32_t>(random()) % 10;
        const auto turns = spread_turns(counts);
        for (std::size_t number = 0; number < counts.size(); ++number) {
            std::vector<std::size_t> at;
            for (std::size_t turn = 0; turn < turns.size(); ++turn) {
                if (turns[turn] == number) at.push_back(turn);
            }
            ASSERT_EQ(at.size(), counts[number]);
            at.push_back(at.front() + turns.size());  // the schedule goes round
            for (std::size_t k = 1; k < at.size(); ++k) {
                EXPECT_LE(at[k] - at[k - 1], 3 * turns.size() / counts[number]);
            }
        }
    }
}

}  // namespace
}  // namespace taskdns::view
