// How long a probe's socket is known as our own.
#include <gtest/gtest.h>

#include "health/own_sockets.hpp"

namespace taskdns::health {
namespace {

TEST(OwnSockets, KnowsThoseThatWereAdded) {
    OwnSockets own;
    own.add(7);
    EXPECT_TRUE(own.contains(7));
    EXPECT_FALSE(own.contains(8));
}

TEST(OwnSockets, KnowsThemInWhateverOrderTheyCome) {
    OwnSockets own;
    for (const std::uint64_t cookie : {900U, 3U, 901U, 4U, 1U, 902U, 4U}) own.add(cookie);
    for (const std::uint64_t cookie : {1U, 3U, 4U, 900U, 901U, 902U}) EXPECT_TRUE(own.contains(cookie)) << cookie;
    for (const std::uint64_t cookie : {0U, 2U, 5U, 899U, 903U}) EXPECT_FALSE(own.contains(cookie)) << cookie;
}

TEST(OwnSockets, ForgetsWhatWasOldAtTheLastCall) {
    OwnSockets own;
    own.add(1);
    own.age();
    own.add(2);
    EXPECT_TRUE(own.contains(1));
    own.age();
    EXPECT_FALSE(own.contains(1));
    EXPECT_TRUE(own.contains(2));
    own.age();
    EXPECT_FALSE(own.contains(2));
}

TEST(OwnSockets, BeyondTheBoundTheOldestAreForgottenEarly) {
    OwnSockets own;
    for (std::uint64_t cookie = 1; cookie <= 2 * OwnSockets::most; ++cookie) own.add(cookie);
    EXPECT_TRUE(own.contains(1));
    own.add(2 * OwnSockets::most + 1);
    EXPECT_FALSE(own.contains(1));
    EXPECT_FALSE(own.contains(OwnSockets::most));
    EXPECT_TRUE(own.contains(OwnSockets::most + 1)) << "of the last ones, none";
    EXPECT_TRUE(own.contains(2 * OwnSockets::most + 1));
}

}  // namespace
}  // namespace taskdns::health
