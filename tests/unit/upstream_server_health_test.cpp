// Which server is asked first, after what.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upstream/server_health.hpp"

namespace taskdns::upstream {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class Health : public testing::Test {
protected:
    TimePoint now{1h};
    ServerHealth health{3};
};

TEST_F(Health, BeginsWithTheUsersOrder) { EXPECT_THAT(health.order(now), ElementsAre(0, 1, 2)); }

struct OrderCase {
    std::string name;
    std::vector<milliseconds> round_trips;  ///< 0: not tried; negative: failed
    std::vector<std::size_t> order;
};
void PrintTo(const OrderCase& row, std::ostream* out) { *out << row.name; }

class HealthOrder : public testing::TestWithParam<OrderCase> {};

TEST_P(HealthOrder, Is) {
    const TimePoint now{1h};
    const auto& row = GetParam();
    ServerHealth health(row.round_trips.size());
    for (std::size_t i = 0; i < row.round_trips.size(); ++i) {
        if (row.round_trips[i] > 0ms) health.answered(i, row.round_trips[i], now);
        if (row.round_trips[i] < 0ms) health.failed(i, now);
    }
    EXPECT_EQ(health.order(now), row.order);
}

INSTANTIATE_TEST_SUITE_P(Upstream, HealthOrder,
                         testing::Values(OrderCase{"EqualsStay", {2ms, 1ms, 1ms}, {0, 1, 2}},
                                         OrderCase{"ALittleSlowerStays", {40ms, 10ms, 10ms}, {0, 1, 2}},
                                         OrderCase{"FarSlowerGoesBehind", {41ms, 10ms, 10ms}, {1, 2, 0}},
                                         OrderCase{"TheFastestOfThree", {400ms, 100ms, 1ms}, {2, 1, 0}},
                                         OrderCase{"FailingGoesLast", {-1ms, 5ms, 5ms}, {1, 2, 0}},
                                         OrderCase{"FailingBehindTheUntried", {-1ms, 0ms, 0ms}, {1, 2, 0}},
                                         OrderCase{"FailingBehindTheSlow", {-1ms, 900ms, 1ms}, {2, 1, 0}},
                                         OrderCase{"UntriedKeepsItsPlace", {0ms, 5ms, 0ms}, {0, 1, 2}},
                                         OrderCase{"AllFailing", {-1ms, -1ms, -1ms}, {0, 1, 2}},
                                         OrderCase{"OneServer", {-1ms}, {0}}),
                         [](const auto& instance) { return instance.param.name; });

TEST_F(Health, AFailingServerIsTriedOnceAfterEachBackOffThatDoublesUpToAMinute) {
    for (const seconds wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        health.failed(0, now);
        health.answered(1, 1ms, now + wait - 1ms);
        health.answered(2, 1ms, now + wait - 1ms);
        EXPECT_THAT(health.order(now + wait - 1ms), ElementsAre(1, 2, 0)) << wait.count();
        EXPECT_THAT(health.order(now + wait), ElementsAre(0, 1, 2)) << wait.count();
        EXPECT_THAT(health.order(now + wait), ElementsAre(1, 2, 0))
            << "one query tries it, not all: " << wait.count();
        now += wait;
    }
}

TEST_F(Health, ARecoveredServerHasItsPlaceAgain) {
    health.failed(0, now);
    health.answered(1, 1ms, now);
    EXPECT_TRUE(health.is_failing(0));
    health.answered(0, 5ms, now);
    EXPECT_FALSE(health.is_failing(0));
    EXPECT_EQ(health.round_trip(0), Duration(5ms)) << "what was before the failure counts no more";
    EXPECT_THAT(health.order(now), ElementsAre(0, 1, 2));
}

TEST_F(Health, ASlowOrUnknownServerIsTriedOnceAMinute) {
    health.answered(0, 1ms, now);
    health.answered(1, 500ms, now);
    EXPECT_THAT(health.order(now), ElementsAre(0, 1, 2));
    health.answered(0, 1ms, now + 59s);
    EXPECT_THAT(health.order(now + 60s), ElementsAre(1, 0, 2)) << "it was slow";
    EXPECT_THAT(health.order(now + 60s), ElementsAre(2, 0, 1)) << "nobody knows it";
    health.answered(2, 1ms, now + 60s);
    EXPECT_THAT(health.order(now + 60s), ElementsAre(0, 2, 1)) << "one query each, and then as before";
}

TEST_F(Health, RoundTripsAreSmoothed) {
    health.answered(0, 80ms, now);
    health.answered(0, 160ms, now);
    EXPECT_EQ(health.round_trip(0), Duration(90ms));
    for (int i = 0; i < 100; ++i) health.answered(0, 10ms, now);
    EXPECT_LT(health.round_trip(0), 11ms);
}

}  // namespace
}  // namespace taskdns::upstream
