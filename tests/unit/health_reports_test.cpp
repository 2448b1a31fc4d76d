// Outlier ejection by the application's reports, as stories: who says what when, and who is out then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/reports.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint start{1h};
const SocketAddress a = *SocketAddress::parse("10.0.0.1:80");
const SocketAddress b = *SocketAddress::parse("10.0.0.2:80");
const Reports::Room roomy{.members = 4, .ejected = 0, .others_pass = true};

/// So many failures at once; what the last one said.
bool fail(Reports& reports, TimePoint now, int times = 5, const Reports::Room& room = roomy) {
    bool last = false;
    for (int i = 0; i < times; ++i) last = reports.fail(a, room, now);
    return last;
}

struct Said {
    Duration at;
    bool success = false;
};

struct StoryRow {
    const char* name;
    std::vector<Said> said;
    bool ejected;
};

void PrintTo(const StoryRow& row, std::ostream* out) { *out << row.name; }

class Ejects : public testing::TestWithParam<StoryRow> {};

TEST_P(Ejects, AfterFiveFailuresInARowWithin30s) {
    Reports reports;
    for (const Said& said : GetParam().said) {
        if (said.success) {
            reports.succeed(a, start + said.at);
        } else {
            reports.fail(a, roomy, start + said.at);
        }
    }
    EXPECT_EQ(reports.find(a) != nullptr, GetParam().ejected);
    EXPECT_EQ(reports.ejected_count(), GetParam().ejected ? 1U : 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Reports, Ejects,
    testing::Values(StoryRow{"FourAreNotEnough", {{0s}, {1s}, {2s}, {3s}}, false},
                    StoryRow{"FiveAre", {{0s}, {1s}, {2s}, {3s}, {4s}}, true},
                    StoryRow{"FiveAtOnce", {{0s}, {0s}, {0s}, {0s}, {0s}}, true},
                    StoryRow{"TheFifthAt30s", {{0s}, {1s}, {2s}, {3s}, {30s}}, true},
                    StoryRow{"TheFifthTooLate", {{0s}, {1s}, {2s}, {3s}, {30001ms}}, false},
                    StoryRow{"TheWindowMoves", {{0s}, {1s}, {2s}, {3s}, {30001ms}, {30500ms}}, true},
                    StoryRow{"ASuccessBetween", {{0s}, {1s}, {2s}, {3s}, {4s, true}, {5s}}, false},
                    StoryRow{"ASuccessBefore", {{0s, true}, {1s}, {2s}, {3s}, {4s}, {5s}}, true},
                    StoryRow{"FiveAfterASuccess", {{0s}, {1s, true}, {2s}, {3s}, {4s}, {5s}, {6s}}, true}),
    [](const auto& instance) { return instance.param.name; });

struct RoomRow {
    const char* name;
    Reports::Room room;
    bool ejected;
};

void PrintTo(const RoomRow& row, std::ostream* out) { *out << row.name; }

class LeavesHalf : public testing::TestWithParam<RoomRow> {};

TEST_P(LeavesHalf, OfTheMembersAndNeverNobody) {
    Reports reports;
    EXPECT_EQ(fail(reports, start, 5, GetParam().room), GetParam().ejected);
}

INSTANTIATE_TEST_SUITE_P(
    Reports, LeavesHalf,
    testing::Values(RoomRow{"OneOfTwo", {2, 0, true}, true}, RoomRow{"NotTheOnlyOne", {1, 0, true}, false},
                    RoomRow{"OneOfThree", {3, 0, true}, true}, RoomRow{"NotTwoOfThree", {3, 1, true}, false},
                    RoomRow{"TwoOfFour", {4, 1, true}, true}, RoomRow{"NotThreeOfFour", {4, 2, true}, false},
                    RoomRow{"NotThreeOfFive", {5, 2, true}, false},
                    RoomRow{"NotTheLastThatPasses", {10, 0, false}, false}),
    [](const auto& instance) { return instance.param.name; });

TEST(Reports, WhatHadNoRoomIsEjectedByTheNextFailure) {
    Reports reports;
    EXPECT_FALSE(fail(reports, start, 9, {4, 2, true}));
    EXPECT_TRUE(reports.fail(a, roomy, start + 1s));
}

TEST(Reports, EachEjectionIsLongerUntilFiveMinutes) {
    Reports reports;
    TimePoint now = start;
    for (const seconds length : {30s, 60s, 90s, 120s, 150s, 180s, 210s, 240s, 270s, 300s, 300s}) {
        ASSERT_TRUE(fail(reports, now));
        EXPECT_EQ(reports.find(a)->until, now + length);
        EXPECT_EQ(reports.next_expiry(), now + length);
        EXPECT_THAT(reports.expire(now + length - 1ms), IsEmpty());
        now += length;
        EXPECT_THAT(reports.expire(now), ElementsAre(a));
        EXPECT_EQ(reports.find(a), nullptr);
    }
    EXPECT_EQ(reports.next_expiry(), never);
}

TEST(Reports, EjectionsAreForgivenTenMinutesAfterTheLastHasEnded) {
    for (const auto& [quiet, length] : {std::pair<Duration, Duration>{10min - 1ms, 60s}, {10min, 30s}}) {
        Reports reports;
        fail(reports, start);
        reports.expire(start + 30s);
        const TimePoint again = start + 30s + quiet;
        ASSERT_TRUE(fail(reports, again));
        EXPECT_EQ(reports.find(a)->until - again, length);
    }
}

TEST(Reports, WhatIsSaidDuringAnEjectionDoesNotProlongIt) {
    Reports reports;
    fail(reports, start);
    EXPECT_FALSE(fail(reports, start + 20s));
    EXPECT_EQ(reports.find(a)->until, start + 30s);
    reports.expire(start + 30s);
    EXPECT_FALSE(reports.fail(a, roomy, start + 30s)) << "five anew";
}

TEST(Reports, ASuccessEndsAnEjectionAfterItsFirst30s) {
    Reports reports;
    fail(reports, start);
    reports.expire(start + 30s);
    fail(reports, start + 40s);  // for 60 s
    EXPECT_FALSE(reports.succeed(a, start + 70s - 1ms)) << "of a request that began before";
    EXPECT_NE(reports.find(a), nullptr);
    EXPECT_TRUE(reports.succeed(a, start + 70s));
    EXPECT_EQ(reports.find(a), nullptr);
    EXPECT_FALSE(reports.succeed(a, start + 71s));
    ASSERT_TRUE(fail(reports, start + 80s));
    EXPECT_EQ(reports.find(a)->number, 3U) << "successes do not forgive: half of what it answers may be wrong";
}

TEST(Reports, ACheckMayEndAnEjectionAfterItsFirst30s) {
    Reports reports;
    EXPECT_FALSE(reports.is_ended_by_check(a, start));
    fail(reports, start);
    EXPECT_FALSE(reports.is_ended_by_check(a, start + 30s - 1ms));
    EXPECT_TRUE(reports.is_ended_by_check(a, start + 30s));
    EXPECT_FALSE(reports.is_ended_by_check(b, start + 30s));
}

TEST(Reports, WhoIsLetBackEarlyIsStillCountedAgainst) {
    Reports reports;
    fail(reports, start);
    for (int i = 0; i < 5; ++i) reports.fail(b, roomy, start);
    EXPECT_THAT(reports.ejected(), ElementsAre(a, b));
    reports.let_back(b, start + 2s);
    reports.let_back(b, start + 2s);
    EXPECT_THAT(reports.ejected(), ElementsAre(a));
    EXPECT_EQ(reports.ejected_count(), 1U);
    EXPECT_EQ(reports.summary(b, start + 2s)->ejections, 1U);
}

TEST(Reports, SaysWhatCounts) {
    Reports reports;
    EXPECT_FALSE(reports.summary(a, start));
    fail(reports, start, 3);
    EXPECT_EQ(reports.summary(a, start + 30s)->failures, 3U);
    EXPECT_EQ(reports.summary(a, start)->ejections, 0U);
    EXPECT_FALSE(reports.summary(a, start + 31s)) << "too old";
    reports.succeed(a, start + 1s);
    EXPECT_FALSE(reports.summary(a, start + 1s));
    fail(reports, start + 2s);
    EXPECT_EQ(reports.summary(a, start + 2s)->ejected_until, start + 32s);
    reports.expire(start + 32s);
    EXPECT_EQ(reports.summary(a, start + 33s)->ejections, 1U);
    EXPECT_EQ(reports.summary(a, start + 33s)->ejected_until, std::nullopt);
    EXPECT_FALSE(reports.summary(a, start + 32s + 10min)) << "forgiven";
}

TEST(Reports, RemembersOnlyWhatCounts) {
    Reports reports;
    reports.succeed(a, start);
    EXPECT_EQ(reports.size(), 0U) << "nothing against it";
    fail(reports, start, 4);
    for (int i = 0; i < 1000; ++i) reports.fail(b, {}, start);
    EXPECT_EQ(reports.size(), 2U);
    reports.expire(start + 30s);
    EXPECT_EQ(reports.size(), 2U);
    reports.expire(start + 31s);
    EXPECT_EQ(reports.size(), 0U);
    fail(reports, start + 40s);
    reports.forget(a);
    reports.forget(b);
    EXPECT_EQ(reports.size(), 0U);
    EXPECT_EQ(reports.ejected_count(), 0U);
    EXPECT_EQ(reports.next_expiry(), never);
}

}  // namespace
}  // namespace taskdns::health
