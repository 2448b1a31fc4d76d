// When an endpoint is looked at because something at its address was refused. Virtual time.
#include <gtest/gtest.h>

#include "health/suspicions.hpp"
#include "unit/health_endpoints.hpp"

namespace taskdns::health {
namespace {

constexpr TimePoint start{1h};

TEST(Suspicions, LookAtOnceButNotTwiceAtATime) {
    Suspicions suspicions;
    EXPECT_TRUE(suspicions.begin(endpoint(1), start));
    EXPECT_FALSE(suspicions.begin(endpoint(1), start + 10s));
    EXPECT_TRUE(suspicions.begin(endpoint(2), start));
}

TEST(Suspicions, PauseLongerEachTimeInVain) {
    Suspicions suspicions;
    TimePoint now = start;
    for (const auto pause : {20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1280ms, 2000ms, 2000ms}) {
        ASSERT_TRUE(suspicions.begin(endpoint(1), now));
        suspicions.end(endpoint(1), false, now);
        EXPECT_FALSE(suspicions.begin(endpoint(1), now + pause - 1ms));
        now += pause;
    }
}

TEST(Suspicions, AConfirmedOneBeginsAnew) {
    Suspicions suspicions;
    TimePoint now = start;
    for (int i = 0; i < 9; ++i, now += 2s) {
        ASSERT_TRUE(suspicions.begin(endpoint(1), now));
        suspicions.end(endpoint(1), false, now);
    }
    ASSERT_TRUE(suspicions.begin(endpoint(1), now));
    suspicions.end(endpoint(1), true, now);
    EXPECT_FALSE(suspicions.begin(endpoint(1), now + 19ms));
    EXPECT_TRUE(suspicions.begin(endpoint(1), now + 20ms));
}

TEST(Suspicions, AreForgotten) {
    Suspicions suspicions;
    suspicions.begin(endpoint(1), start);
    suspicions.begin(endpoint(2), start);
    suspicions.end(endpoint(1), false, start);
    suspicions.forget_old(start + 20s);
    EXPECT_EQ(suspicions.size(), 2U);
    suspicions.forget_old(start + 20'001ms);
    EXPECT_EQ(suspicions.size(), 1U) << "the one that is being looked at stays";
}

}  // namespace
}  // namespace taskdns::health
