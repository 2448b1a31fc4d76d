// How many the application's reports may take out, as tables of members.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/ejection_room.hpp"

namespace taskdns::view {
namespace {

using namespace std::chrono_literals;
using health::Drains;
using health::Reports;
using membership::Member;
using membership::Presence;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint start{1h};

SocketAddress at(unsigned octet) {
    return {IpAddress(IpAddress::V4Bytes{10, 0, 0, static_cast<std::uint8_t>(octet)}), 80};
}

/// 10.0.0.1 to 10.0.0.6; the ejected in the order in which they are told.
struct Six {
    explicit Six(std::initializer_list<unsigned> ejected) {
        for (unsigned octet = 1; octet <= 6; ++octet) members.push_back({.address = at(octet)});
        TimePoint now = start;
        for (const unsigned octet : ejected) {
            for (int i = 0; i < 5; ++i) reports.fail(at(octet), {100, 0, true}, now);
            now += 1s;
        }
    }
    Ejectable ejectable(std::size_t subset = 0) const { return {members, reports, drains, subset}; }
    void drain(unsigned octet) {
        drains.drain(at(octet), start + 1h, [](const SocketAddress&) { return true; });
    }

    std::vector<Member> members;
    Reports reports;
    Drains drains{10};
};

TEST(RoomWithout, CountsThoseThatMayBeServed) {
    Six six({1, 2, 3});
    six.drain(3);
    six.drain(4);
    six.members[1].presence = Presence::withdrawn;
    const Reports::Room room = room_without(at(5), six.ejectable(), {});
    EXPECT_EQ(room.members, 3U) << "1, 5 and 6";
    EXPECT_EQ(room.ejected, 1U);
    EXPECT_EQ(room_without(at(5), six.ejectable(1), {}).members, 2U) << "a subset of 1, and its stand-in";
}

EndpointDecision served(unsigned octet, health::Status status = health::Status::healthy) {
    EndpointDecision out{.address = at(octet), .served = true};
    out.standing.status = status;
    return out;
}

struct OthersRow {
    const char* name;
    Rung rung;
    std::vector<EndpointDecision> endpoints;
    bool others_pass;
};

void PrintTo(const OthersRow& row, std::ostream* out) { *out << row.name; }

class OthersPass : public testing::TestWithParam<OthersRow> {};

TEST_P(OthersPass, IfOneIsServedAsHealthy) {
    const Six six({6});
    Decision decision;
    decision.rung = GetParam().rung;
    decision.endpoints = GetParam().endpoints;
    EXPECT_EQ(room_without(at(1), six.ejectable(), decision).others_pass, GetParam().others_pass);
}

INSTANTIATE_TEST_SUITE_P(
    EjectionRoom, OthersPass,
    testing::Values(OthersRow{"Another", Rung::healthy, {served(1), served(2)}, true},
                    OthersRow{"OnlyItself", Rung::healthy, {served(1)}, false},
                    OthersRow{"OneThatIsNotServed", Rung::healthy, {served(1), {.address = at(2)}}, false},
                    OthersRow{"OneOfAPanic", Rung::healthy, {served(1), served(2, health::Status::unhealthy)}, false},
                    OthersRow{"OneThatNobodyChecks", Rung::healthy, {served(2, health::Status::pending)}, true},
                    OthersRow{"OneThatIsEjectedItself", Rung::healthy, {served(1), served(6)}, false},
                    OthersRow{"OneOfALowerRung", Rung::reserve, {served(1), served(2)}, false}),
    [](const auto& instance) { return instance.param.name; });

TEST(BeyondHalf, IsNobodyWhileHalfIsIn) {
    EXPECT_THAT(beyond_half(Six({}).ejectable()), IsEmpty());
    EXPECT_THAT(beyond_half(Six({1, 2, 3}).ejectable()), IsEmpty());
}

TEST(BeyondHalf, AreThoseWhoseTimeIsOverFirst) {
    Six six({3, 2, 1});
    six.members[4].presence = Presence::withdrawn;
    EXPECT_THAT(beyond_half(six.ejectable()), ElementsAre(at(3)));
    six.drain(6);
    EXPECT_THAT(beyond_half(six.ejectable()), ElementsAre(at(3))) << "2 of 4 may be out";
    six.drain(4);
    EXPECT_THAT(beyond_half(six.ejectable()), ElementsAre(at(3), at(2)));
    EXPECT_THAT(beyond_half(six.ejectable(1)), ElementsAre(at(3), at(2))) << "a subset of 1 may be out";
}

TEST(BeyondHalf, DoesNotCountEjectedOnesThatAreNotServedAnyway) {
    Six six({1, 2, 3});
    six.drain(1);
    EXPECT_THAT(beyond_half(six.ejectable()), IsEmpty()) << "2 of 5";
    six.members.erase(six.members.begin() + 4, six.members.end());
    EXPECT_THAT(beyond_half(six.ejectable()), ElementsAre(at(2))) << "2 and 3 of 2, 3 and 4";
}

}  // namespace
}  // namespace taskdns::view
