// The rules of membership as stories under virtual time: what was observed when, and who is a member then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/registry.hpp"

namespace taskdns::membership {
namespace {

using namespace std::chrono_literals;
using discovery::Empty;
using discovery::Failed;
using discovery::Observation;
using discovery::Records;
using discovery::Rrset;
using discovery::Sighting;

const TimePoint start{1h};

SocketAddress endpoint(unsigned last_octet) {
    return *SocketAddress::parse("10.0.0." + std::to_string(last_octet) + ":80");
}

/// `answered`: of this poll; else repeated from an earlier one.
Observation seen(std::initializer_list<unsigned> last_octets, bool answered = true) {
    Rrset rrset{.type = dns::RrType::a, .fresh = answered, .answered = answered};
    for (const unsigned octet : last_octets) rrset.sightings.push_back(Sighting{.address = endpoint(octet)});
    return Records{.rrsets = {rrset}, .ttl = 10s};
}

/// `10.0.0.1 present` and so on, the way the tables below write it.
std::vector<std::string> described(const Registry& registry) {
    std::vector<std::string> out;
    for (const Member& member : registry.members()) {
        out.push_back(std::to_string(member.address.address.bytes()[3]) + " " + to_string(member.presence));
    }
    return out;
}

struct Step {
    std::chrono::seconds at;
    Observation observation;
};

struct Story {
    const char* name;
    bool checked;
    std::vector<Step> steps;
    std::chrono::seconds until;  // expire() is called then
    std::vector<std::string> members;
    Basis basis;
};

void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

class Membership : public testing::TestWithParam<Story> {};

TEST_P(Membership, FollowsTheStory) {
    const Story& story = GetParam();
    Registry registry({}, {}, story.checked);
    for (const Step& step : story.steps) registry.apply(step.observation, start + step.at);
    registry.expire(start + story.until);
    EXPECT_EQ(described(registry), story.members);
    EXPECT_EQ(registry.basis(), story.basis);
}

const std::vector<Story>& stories() {
    using P = std::vector<std::string>;
    static const std::vector<Story> all{
        {"StartsWithNobody", true, {}, 0s, P{}, Basis::not_polled},
        {"TakesInWhatIsSeen", true, {{0s, seen({1, 2})}}, 0s, P{"1 present", "2 present"}, Basis::complete},
        {"CompleteAnswerWithdrawsTheAbsent",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}},
         10s,
         P{"1 withdrawn", "2 present"},
         Basis::complete},
        {"ReserveLastsAlmostAMinute",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}},
         69s,
         P{"1 withdrawn", "2 present"},
         Basis::complete},
        {"ReserveEndsAfterAMinute",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}},
         70s,
         P{"2 present"},
         Basis::complete},
        {"ReserveIsNotRenewedByFurtherAbsence",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}, {60s, seen({2})}},
         70s,
         P{"2 present"},
         Basis::complete},
        {"ReturningFromTheReserve",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}, {20s, seen({1, 2})}},
         200s,
         P{"1 present", "2 present"},
         Basis::complete},
        {"FailureHoldsAll",
         true,
         {{0s, seen({1, 2})}, {10s, Failed{"timeout"}}},
         10s,
         P{"1 held_failed", "2 held_failed"},
         Basis::failed},
        {"FailureHoldsForADayWithChecks",
         true,
         {{0s, seen({1})}, {10s, Failed{""}}},
         24h + 9s,
         P{"1 held_failed"},
         Basis::failed},
        {"FailureLetsGoAfterADayWithChecks",
         true,
         {{0s, seen({1})}, {10s, Failed{""}}},
         24h + 10s,
         P{},
         Basis::failed},
        {"FailureHoldsForAnHourUnchecked",
         false,
         {{0s, seen({1})}, {10s, Failed{""}}},
         1h + 9s,
         P{"1 held_failed"},
         Basis::failed},
        {"FailureLetsGoAfterAnHourUnchecked",
         false,
         {{0s, seen({1})}, {10s, Failed{""}}},
         1h + 10s,
         P{},
         Basis::failed},
        {"FailuresDoNotRenewTheHold",
         true,
         {{0s, seen({1})}, {10s, Failed{""}}, {23h, Failed{""}}},
         24h + 10s,
         P{},
         Basis::failed},
        {"AnswerAfterAFailure",
         true,
         {{0s, seen({1, 2})}, {10s, Failed{""}}, {20s, seen({1, 3})}},
         20s,
         P{"1 present", "2 withdrawn", "3 present"},
         Basis::complete},
        {"FirstPollFails", true, {{0s, Failed{""}}}, 0s, P{}, Basis::failed},
        {"EmptyHoldsAll",
         true,
         {{0s, seen({1, 2})}, {10s, Empty{5s, "NXDOMAIN"}}},
         10s,
         P{"1 held_empty", "2 held_empty"},
         Basis::empty},
        {"EmptyHoldsForAnHourWithChecks",
         true,
         {{0s, seen({1})}, {10s, Empty{}}},
         1h + 9s,
         P{"1 held_empty"},
         Basis::empty},
        {"EmptyLetsGoAfterAnHourWithChecks", true, {{0s, seen({1})}, {10s, Empty{}}}, 1h + 10s, P{}, Basis::empty},
        {"EmptyHoldsForTenMinutesUnchecked",
         false,
         {{0s, seen({1})}, {10s, Empty{}}},
         609s,
         P{"1 held_empty"},
         Basis::empty},
        {"EmptyLetsGoAfterTenMinutesUnchecked", false, {{0s, seen({1})}, {10s, Empty{}}}, 610s, P{}, Basis::empty},
        {"RepeatedEmptyDoesNotRenewTheHold",
         false,
         {{0s, seen({1})}, {10s, Empty{}}, {500s, Empty{}}},
         610s,
         P{},
         Basis::empty},
        {"AFailureBetweenEmptyAnswersDoesNotRenewTheHold",
         false,
         {{0s, seen({1})}, {10s, Empty{}}, {300s, Failed{""}}, {500s, Empty{}}},
         610s,
         P{},
         Basis::empty},
        {"EmptyAfterALongFailureHoldsFromThen",
         true,
         {{0s, seen({1})}, {10s, Failed{""}}, {20h, Empty{}}},
         20h + 59min,
         P{"1 held_empty"},
         Basis::empty},
        {"FailureAfterEmptyStaysEmpty",
         true,
         {{0s, seen({1})}, {10s, Empty{}}, {20s, Failed{""}}},
         20s,
         P{"1 held_empty"},
         Basis::failed},
        {"RecordsEndARunOfEmptyAnswers",
         false,
         {{0s, seen({1})}, {10s, Empty{}}, {300s, seen({1})}, {310s, Empty{}}},
         900s,
         P{"1 held_empty"},
         Basis::empty},
        {"ReserveStaysReserveWhenEmpty",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}, {20s, Empty{}}},
         20s,
         P{"1 withdrawn", "2 held_empty"},
         Basis::empty},
        {"ReserveStaysReserveWhenFailed",
         true,
         {{0s, seen({1, 2})}, {10s, seen({2})}, {20s, Failed{""}}},
         20s,
         P{"1 withdrawn", "2 held_failed"},
         Basis::failed},
        {"EmptyFromTheStart", true, {{0s, Empty{}}}, 0s, P{}, Basis::empty},
    };
    return all;
}

INSTANTIATE_TEST_SUITE_P(Stories, Membership, testing::ValuesIn(stories()),
                         [](const auto& instance) { return instance.param.name; });

TEST(Registry, SaysWhetherAnythingChanged) {
    Registry registry({}, {}, true);
    EXPECT_TRUE(registry.apply(seen({1}), start));
    EXPECT_FALSE(registry.apply(seen({1}), start + 10s));
    EXPECT_TRUE(registry.apply(Failed{""}, start + 20s));
    EXPECT_FALSE(registry.apply(Failed{""}, start + 30s));
    EXPECT_TRUE(registry.apply(seen({1}), start + 40s));
    EXPECT_TRUE(registry.apply(Empty{}, start + 50s));
    EXPECT_FALSE(registry.apply(Empty{}, start + 60s));
    EXPECT_FALSE(registry.expire(start + 70s));
    EXPECT_TRUE(registry.expire(start + 2h));
}

TEST(Registry, AChangeOfWeightIsAChange) {
    Registry registry({}, {}, true);
    registry.apply(seen({1}), start);
    Records heavier = std::get<Records>(seen({1}));
    heavier.rrsets[0].sightings[0].weight = 5;
    EXPECT_TRUE(registry.apply(heavier, start + 10s));
    EXPECT_EQ(registry.members().at(0).weight, 5);
}

TEST(Registry, AFailureHoldsFromItsStartEvenIfNoAnswerWasEverFresh) {
    Registry registry({}, {}, true);
    registry.apply(seen({1}), start);
    registry.apply(seen({1}, /*answered=*/false), start + 30h);
    registry.apply(Failed{""}, start + 31h);
    registry.expire(start + 54h);
    EXPECT_EQ(described(registry), std::vector<std::string>{"1 held_failed"});
    registry.expire(start + 55h);
    EXPECT_TRUE(registry.members().empty());
}

TEST(Registry, RepeatedPartsDoNotCountAsSeenAnew) {
    Registry registry({}, {}, true);
    registry.apply(seen({1}), start);
    registry.apply(seen({1}, /*answered=*/false), start + 10s);
    EXPECT_EQ(registry.members().at(0).last_seen, start);
    registry.apply(seen({1}), start + 20s);
    EXPECT_EQ(registry.members().at(0).last_seen, start + 20s);
    EXPECT_EQ(registry.members().at(0).first_seen, start);
}

TEST(Registry, NamesItsNextExpiry) {
    Registry registry({}, {}, true);
    EXPECT_EQ(registry.next_expiry(), never);
    registry.apply(seen({1, 2}), start);
    EXPECT_EQ(registry.next_expiry(), never);
    registry.apply(seen({2}), start + 10s);
    EXPECT_EQ(registry.next_expiry(), start + 70s);
}

TEST(Registry, KnowsWhetherTheUpstreamEverAnswered) {
    Registry registry({}, {}, true);
    registry.apply(Failed{""}, start);
    EXPECT_FALSE(registry.answered_once());
    EXPECT_EQ(registry.first_answered(), never);
    registry.apply(Empty{}, start + 1s);
    EXPECT_TRUE(registry.answered_once());
    EXPECT_EQ(registry.first_answered(), start + 1s);
    registry.apply(seen({1}), start + 2s);
    EXPECT_EQ(registry.first_answered(), start + 1s);
}

TEST(Registry, ZeroReserveForgetsAtOnce) {
    Registry registry({.reserve = 0s}, {}, true);
    registry.apply(seen({1, 2}), start);
    registry.apply(seen({2}), start + 1s);
    EXPECT_EQ(described(registry), std::vector<std::string>{"2 present"});
}

}  // namespace
}  // namespace taskdns::membership
