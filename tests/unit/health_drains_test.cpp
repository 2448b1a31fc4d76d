// Who is drained until when, and that it is never too many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/drains.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint start{1h};

SocketAddress endpoint(const char* text) { return *SocketAddress::parse(text); }
const SocketAddress a = endpoint("10.0.0.1:80");
const SocketAddress b = endpoint("10.0.0.2:80");

bool anybody(const SocketAddress&) { return true; }
bool nobody(const SocketAddress&) { return false; }

TEST(Drains, EndByThemselves) {
    Drains drains(10);
    EXPECT_EQ(drains.next_expiry(), never);
    drains.drain(a, start + 10s, anybody);
    drains.drain(b, start + 20s, anybody);
    EXPECT_TRUE(drains.contains(a));
    EXPECT_EQ(drains.until(a), start + 10s);
    EXPECT_EQ(drains.next_expiry(), start + 10s);
    EXPECT_THAT(drains.expire(start + 10s - 1ms), IsEmpty());
    EXPECT_THAT(drains.expire(start + 10s), ElementsAre(a));
    EXPECT_FALSE(drains.contains(a));
    EXPECT_EQ(drains.until(a), std::nullopt);
    EXPECT_TRUE(drains.contains(b));
}

TEST(Drains, TheLastWordHolds) {
    Drains drains(10);
    drains.drain(a, start + 10min, anybody);
    drains.drain(a, start + 1s, anybody);
    EXPECT_EQ(drains.until(a), start + 1s);
    EXPECT_EQ(drains.size(), 1U);
    EXPECT_TRUE(drains.undrain(a));
    EXPECT_FALSE(drains.undrain(a));
    EXPECT_FALSE(drains.contains(a));
}

TEST(Drains, AMembersDrainTakesTheRoomOfOneThatIsNone) {
    Drains drains(2);
    drains.drain(a, start + 20s, anybody);
    drains.drain(b, start + 10s, anybody);
    drains.drain(endpoint("10.0.0.3:80"), start + 1s, nobody);
    EXPECT_EQ(drains.size(), 2U);
    EXPECT_TRUE(drains.contains(a));
    EXPECT_FALSE(drains.contains(b)) << "over first";
    EXPECT_TRUE(drains.contains(endpoint("10.0.0.3:80"))) << "who has just been named stays";
}

TEST(Drains, AMembersDrainIsNeverForgotten) {
    Drains drains(2);
    drains.drain(a, start + 10s, anybody);
    drains.drain(b, start + 20s, anybody);
    drains.drain(endpoint("10.0.0.3:80"), start + 30s, [](const SocketAddress& other) { return other == a; });
    EXPECT_TRUE(drains.contains(a));
    EXPECT_FALSE(drains.contains(b));
}

TEST(Drains, MoveWithTheirPort) {
    Drains drains(10);
    drains.drain(a, start + 10s, anybody);
    drains.drain(endpoint("10.0.0.2:81"), start + 20s, anybody);
    drains.move_ports(80, 90);
    EXPECT_EQ(drains.until(endpoint("10.0.0.1:90")), start + 10s);
    EXPECT_EQ(drains.until(endpoint("10.0.0.2:81")), start + 20s);
    EXPECT_EQ(drains.size(), 2U);
}

}  // namespace
}  // namespace taskdns::health
