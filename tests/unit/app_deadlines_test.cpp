// Whose deadline comes first.
#include <gtest/gtest.h>

#include "app/deadlines.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint() + 1h;

TEST(Deadlines, GiveTheFirstThatHasCome) {
    Deadlines deadlines;
    EXPECT_EQ(deadlines.first(), never);
    EXPECT_EQ(deadlines.find_due(start), std::nullopt);
    deadlines.set(3, start + 2s);
    deadlines.set(1, start + 1s);
    EXPECT_EQ(deadlines.first(), start + 1s);
    EXPECT_EQ(deadlines.find_due(start + 999ms), std::nullopt);
    EXPECT_EQ(deadlines.find_due(start + 2s), 1U);
}

TEST(Deadlines, AreReplacedAndTakenBack) {
    Deadlines deadlines;
    deadlines.set(1, start + 1s);
    deadlines.set(2, start + 2s);
    deadlines.set(1, start + 3s);
    EXPECT_EQ(deadlines.find_due(start + 5s), 2U);
    deadlines.set(2, never);
    EXPECT_EQ(deadlines.find_due(start + 5s), 1U);
    deadlines.set(1, never);
    EXPECT_EQ(deadlines.first(), never);
}

}  // namespace
}  // namespace taskdns::app
