// Ejection of endpoints that nobody probes, by the application's own connections alone. Virtual time.
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/unprobed_verdicts.hpp"
#include "unit/health_endpoints.hpp"

namespace taskdns::health {
namespace {

constexpr TimePoint start{1h};
constexpr ServiceIndex orders = 3;

class Unprobed : public testing::Test {
protected:
    bool see(Observed observed, TimePoint now, int number = 1) {
        config::Health policy;
        return verdicts.observe(orders, endpoint(number), observed, policy, now).changed;
    }
    std::vector<SocketAddress> expire(TimePoint now) {
        std::vector<SocketAddress> out;
        verdicts.expire(now, [&out](const Event& event) {
            EXPECT_EQ(event.service, orders);
            EXPECT_TRUE(event.changed);
            out.push_back(event.endpoint);
        });
        return out;
    }
    bool is_out(int number = 1) const {
        const Verdict* verdict = verdicts.find(orders, endpoint(number));
        return verdict != nullptr && verdict->status == Status::unhealthy;
    }

    UnprobedVerdicts verdicts;
};

TEST_F(Unprobed, NothingIsHeldAgainstThoseThatWork) {
    EXPECT_FALSE(see(Observed::answered, start));
    EXPECT_EQ(verdicts.find(orders, endpoint(1)), nullptr);
    EXPECT_EQ(verdicts.size(), 0U);
    EXPECT_EQ(verdicts.next_expiry(), never);
}

TEST_F(Unprobed, ARefusedOneIsOutForHalfAMinute) {
    EXPECT_TRUE(see(Observed::refused, start));
    EXPECT_TRUE(is_out());
    EXPECT_EQ(verdicts.next_expiry(), start + 30s);
    EXPECT_THAT(expire(start + 29'999ms), testing::IsEmpty());
    EXPECT_THAT(expire(start + 30s), testing::ElementsAre(endpoint(1)));
    EXPECT_FALSE(is_out());
    EXPECT_EQ(verdicts.next_expiry(), never);
}

TEST_F(Unprobed, LongerEachTimeInARow) {
    TimePoint now = start;
    for (const auto expected : {30s, 60s, 90s, 120s, 150s, 180s, 210s, 240s, 270s, 300s, 300s}) {
        EXPECT_TRUE(see(Observed::refused, now));
        EXPECT_EQ(verdicts.next_expiry(), now + expected);
        now += expected;
        expire(now);
    }
}

TEST_F(Unprobed, ASuccessAfterwardsForgivesAll) {
    see(Observed::refused, start);
    expire(start + 30s);
    see(Observed::answered, start + 31s);
    EXPECT_EQ(verdicts.size(), 0U);
    see(Observed::refused, start + 40s);
    EXPECT_EQ(verdicts.next_expiry(), start + 70s);
}

TEST_F(Unprobed, ASuccessOfAnOldConnectionBringsNobodyBack) {
    see(Observed::refused, start);
    see(Observed::answered, start + 1s);
    EXPECT_TRUE(is_out());
}

TEST_F(Unprobed, FurtherRefusalsDoNotProlong) {
    see(Observed::refused, start);
    EXPECT_FALSE(see(Observed::refused, start + 20s));
    EXPECT_EQ(verdicts.next_expiry(), start + 30s);
}

TEST_F(Unprobed, DoubtNeedsThreeInARow) {
    EXPECT_FALSE(see(Observed::timeout, start));
    EXPECT_FALSE(see(Observed::timeout, start + 1s));
    EXPECT_FALSE(is_out());
    EXPECT_TRUE(see(Observed::timeout, start + 2s));
    EXPECT_TRUE(is_out());
}

TEST_F(Unprobed, ASuccessBetweenEndsTheDoubt) {
    see(Observed::timeout, start);
    see(Observed::timeout, start);
    see(Observed::answered, start);
    see(Observed::timeout, start);
    EXPECT_FALSE(is_out());
}

TEST_F(Unprobed, ADoubtIsForgivenAfterTenMinutes) {
    see(Observed::timeout, start);
    see(Observed::timeout, start + 1s);
    expire(start + 601s);
    EXPECT_EQ(verdicts.size(), 1U);
    expire(start + 601s + 1ms);
    EXPECT_EQ(verdicts.size(), 0U);
}

TEST_F(Unprobed, ForgetsThoseThatAreNoMembersAnyMore) {
    see(Observed::refused, start, 1);
    see(Observed::refused, start, 2);
    verdicts.forget(orders, [](const SocketAddress& address) { return address == endpoint(2); });
    EXPECT_FALSE(is_out(1));
    EXPECT_TRUE(is_out(2));
    verdicts.forget(orders + 1, [](const SocketAddress&) { return false; });
    EXPECT_TRUE(is_out(2));
}

}  // namespace
}  // namespace taskdns::health
