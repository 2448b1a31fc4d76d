// Who loses which address to whom.
#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/claims.hpp"

namespace taskdns::membership {
namespace {

using namespace std::chrono_literals;

const TimePoint start{100h};
constexpr ServiceIndex a = 0;
constexpr ServiceIndex b = 1;

/// 10.0.0.N:80, first seen at `first`, last seen at `last`, in seconds after `start`.
Member member(unsigned n, Presence presence, int first = 0, int last = 10, std::uint16_t port = 80) {
    return {.address = {*IpAddress::parse("10.0.0." + std::to_string(n)), port},
            .presence = presence,
            .first_seen = start + std::chrono::seconds(first),
            .last_seen = start + std::chrono::seconds(last)};
}

std::vector<Member> four(Presence presence, int first = 0) {
    return {member(1, presence, first), member(2, presence, first), member(3, presence, first),
            member(4, presence, first)};
}

constexpr Presence present = Presence::present;
constexpr Presence held = Presence::held_failed;

struct ClaimCase {
    const char* name;
    std::vector<Member> of_a;
    std::vector<Member> of_b;
    const char* lost;  ///< `a1 b2`: a loses 10.0.0.1, b loses 10.0.0.2
    bool a_by_port = false;
    bool b_by_port = false;
};
void PrintTo(const ClaimCase& c, std::ostream* out) { *out << c.name; }

std::string words(const std::vector<Claims::Holding>& lost) {
    std::string out;
    for (const Claims::Holding& one : lost) {
        if (!out.empty()) out += " ";
        out += (one.service == a ? "a" : "b") + std::to_string(one.endpoint.address.bytes().back());
        if (one.endpoint.port != 80) out += ":" + std::to_string(one.endpoint.port);
    }
    return out;
}

/// Claims, and the members that they ask for.
class ClaimsOfMembers {
public:
    void set(ServiceIndex service, bool by_port, std::vector<Member> members) {
        std::ranges::sort(members, {}, &Member::address);
        members_[service] = std::move(members);
        claims_.set(service, by_port);
    }
    std::vector<Claims::Holding> lost_by(ServiceIndex service) const { return claims_.lost_by(service); }
    std::vector<ServiceIndex> find(const char* endpoint) const {
        std::vector<ServiceIndex> out;
        claims_.find(*SocketAddress::parse(endpoint), out);
        std::ranges::sort(out);
        return out;
    }
    std::vector<Claims::Holding> find_at(const char* address) const {
        std::vector<Claims::Holding> out;
        claims_.find_at(*IpAddress::parse(address), out);
        return out;
    }

private:
    std::map<ServiceIndex, std::vector<Member>> members_;
    Claims claims_{[this](ServiceIndex service) -> std::span<const Member> { return members_[service]; }};
};

TEST(ClaimsIndex, FindsWhoHasAnEndpoint) {
    using testing::ElementsAre;
    using testing::IsEmpty;
    ClaimsOfMembers claims;
    EXPECT_THAT(claims.find("10.0.0.1:80"), IsEmpty()) << "nothing is known yet";
    Member other_port = member(1, present);
    other_port.address.port = 81;
    claims.set(a, true, {member(1, present), other_port, member(2, present)});
    claims.set(b, false, {member(2, Presence::withdrawn), member(3, present)});
    EXPECT_THAT(claims.find("10.0.0.1:80"), ElementsAre(a));
    EXPECT_THAT(claims.find("10.0.0.1:82"), IsEmpty());
    EXPECT_THAT(claims.find("10.0.0.2:80"), ElementsAre(a, b));
    EXPECT_THAT(claims.find("10.0.0.4:80"), IsEmpty());
    EXPECT_THAT(claims.find_at("10.0.0.4"), IsEmpty());
    EXPECT_EQ(words(claims.find_at("10.0.0.1")), "a1 a1:81");
    EXPECT_EQ(words(claims.find_at("10.0.0.2")), "a2 b2");
}

// Each address stands once in the index, but several of a service may stand in one chain of it.
TEST(ClaimsIndex, NamesNobodyTwice) {
    ClaimsOfMembers claims;
    std::vector<Member> many;
    for (unsigned i = 0; i < 250; ++i) many.push_back(member(i, present));
    claims.set(a, false, many);
    claims.set(b, false, many);
    for (unsigned i = 0; i < 250; ++i) {
        const std::string address = "10.0.0." + std::to_string(i);
        EXPECT_EQ(claims.find((address + ":80").c_str()).size(), 2U) << i;
        EXPECT_EQ(claims.find_at(address.c_str()).size(), 2U) << i;
    }
}

class ClaimsOf : public testing::TestWithParam<ClaimCase> {};

TEST_P(ClaimsOf, Two) {
    const ClaimCase& c = GetParam();
    ClaimsOfMembers claims;
    claims.set(a, c.a_by_port, c.of_a);
    claims.set(b, c.b_by_port, c.of_b);
    EXPECT_EQ(words(claims.lost_by(a)), c.lost);
    EXPECT_EQ(words(claims.lost_by(b)), c.lost);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, ClaimsOf,
    testing::Values(
        ClaimCase{"NothingInCommon",      {member(1, Presence::withdrawn)}, {member(2, present)}, ""},
        ClaimCase{"BothNameIt",           {member(1, present)}, {member(1, present)}, ""},
        ClaimCase{"BothHoldIt",           {member(1, Presence::withdrawn)}, {member(1, Presence::withdrawn)}, ""},
        ClaimCase{"Withdrawn",            {member(1, Presence::withdrawn)}, {member(1, present)}, "a1"},
        ClaimCase{"HeldGuard",            {member(1, Presence::held_guard)}, {member(1, present)}, "a1"},
        ClaimCase{"TheOtherWayRound",     {member(1, present)}, {member(1, Presence::withdrawn)}, "b1"},
        ClaimCase{"EachFromTheOther",     {member(1, present), member(2, Presence::withdrawn)}, {member(1, Presence::withdrawn), member(2, present)}, "a2 b1"},

        // The same tasks under two names.
        ClaimCase{"AnotherPresentInBoth", {member(1, Presence::withdrawn), member(2, present)}, {member(1, present), member(2, present)}, ""},
        ClaimCase{"AnotherPresentInOne",  {member(1, Presence::withdrawn), member(2, Presence::withdrawn)}, {member(1, present), member(2, present)}, "a1 a2"},
        ClaimCase{"AnotherPresentButNotCommon", {member(1, Presence::withdrawn), member(2, present)}, {member(1, present), member(3, present)}, "a1"},
        ClaimCase{"AnotherHeldByBoth",    {member(1, Presence::withdrawn), member(2, Presence::withdrawn)}, {member(1, present), member(2, Presence::withdrawn)}, "a1"},

        // The holder's registry says nothing against it: only what began after its last sighting.
        ClaimCase{"FailedAndBegunAfter",  {member(1, held)}, {member(1, present, 11)}, "a1"},
        ClaimCase{"FailedAndBegunAtOnce", {member(1, held)}, {member(1, present, 10)}, ""},
        ClaimCase{"FailedAndBegunBefore", {member(1, held)}, {member(1, present, 9)}, ""},
        ClaimCase{"SnapshotAndBegunAfter", {member(1, Presence::held_snapshot)}, {member(1, present, 11)}, "a1"},
        ClaimCase{"SnapshotAndBegunBefore", {member(1, Presence::held_snapshot)}, {member(1, present, 9)}, ""},
        ClaimCase{"AbsentAndBegunAfter",  {member(1, Presence::absent)}, {member(1, present, 11)}, "a1"},
        ClaimCase{"AbsentAndBegunAtOnce", {member(1, Presence::absent)}, {member(1, present, 10)}, ""},
        ClaimCase{"AbsentAndBegunBefore", {member(1, Presence::absent)}, {member(1, present, 9)}, ""},
        ClaimCase{"EmptyAndBegunAfter",   {member(1, Presence::held_empty)}, {member(1, present, 11)}, "a1"},
        ClaimCase{"EmptyAndBegunAtOnce",  {member(1, Presence::held_empty)}, {member(1, present, 10)}, ""},
        ClaimCase{"EmptyAndBegunBefore",  {member(1, Presence::held_empty)}, {member(1, present, 9)}, ""},
        ClaimCase{"EmptyButTheSameTasks", four(Presence::held_empty), four(present, 9), ""},
        ClaimCase{"EmptyButTheSameNewTasks", four(Presence::held_empty), four(present, 11), ""},
        ClaimCase{"EmptyAndOneInReserve", {member(1, Presence::held_empty), member(2, Presence::withdrawn)}, {member(1, present, 11), member(2, present)}, "a2"},
        ClaimCase{"GuardAndBegunBefore",  {member(1, Presence::held_guard)}, {member(1, present, 9)}, "a1"},
        ClaimCase{"GuardButTheSameTasks", four(Presence::held_guard), four(present, 9), ""},
        ClaimCase{"GuardButTheSameNewTasks", four(Presence::held_guard), four(present, 11), ""},
        ClaimCase{"GuardAndAnotherPresentInBoth", {member(1, Presence::held_guard), member(2, present)}, {member(1, present), member(2, present)}, ""},
        ClaimCase{"AbsentButTheSameTasks", four(Presence::absent), four(present, 11), ""},
        ClaimCase{"SnapshotButTheSameTasks", four(Presence::held_snapshot), four(present, 11), ""},
        ClaimCase{"FailedButTheSameTasks", {member(1, held), member(2, held)}, {member(1, present, 11), member(2, present)}, ""},
        ClaimCase{"FailedButTheSameNewTasks", {member(1, held), member(2, held)}, {member(1, present, 11), member(2, present, 11)}, ""},
        ClaimCase{"FailedAndOneInReserve", {member(1, held), member(2, Presence::withdrawn)}, {member(1, present, 11), member(2, present)}, "a2"},
        ClaimCase{"FailedAndTheOtherHoldsAnother", {member(1, held), member(2, held)}, {member(1, present, 11), member(2, Presence::withdrawn)}, "a1"},
        ClaimCase{"BothFail",             {member(1, held)}, {member(1, held, 11)}, ""},

        // Ports.
        ClaimCase{"OtherPortWithoutPorts", {member(1, Presence::withdrawn, 0, 10, 81)}, {member(1, present)}, "a1:81"},
        ClaimCase{"OtherPortWherePortsCount", {member(1, Presence::withdrawn, 0, 10, 81)}, {member(1, present)}, "", true, true},
        ClaimCase{"OtherPortWhereOneCounts", {member(1, Presence::withdrawn, 0, 10, 81)}, {member(1, present)}, "", true, false},
        ClaimCase{"OtherPortWhereTheOtherCounts", {member(1, Presence::withdrawn, 0, 10, 81)}, {member(1, present)}, "", false, true},
        ClaimCase{"SamePortWherePortsCount", {member(1, Presence::withdrawn)}, {member(1, present)}, "a1", true, true},
        ClaimCase{"OneOfTwoPorts",        {member(1, Presence::withdrawn), member(1, Presence::withdrawn, 0, 10, 81)}, {member(1, present)}, "a1", true, true},
        ClaimCase{"AnotherPortInBothIsTheSameTask", {member(1, Presence::withdrawn), member(1, present, 0, 10, 81)}, {member(1, present), member(1, present, 0, 10, 81)}, "", true, true},
        ClaimCase{"OneOfTheirTwoPortsBegunAfter", {member(1, held)}, {member(1, present), member(1, present, 11, 20, 81)}, "a1"},
        ClaimCase{"OneOfTwoPortsSeenBefore", {member(1, held), member(1, held, 0, 20, 81)}, {member(1, present, 11)}, "a1"},
        ClaimCase{"OnePortPresentTheOtherHeld", {member(1, present), member(1, Presence::withdrawn, 0, 10, 81)}, {member(1, present)}, "a1:81"},
        ClaimCase{"AnotherPortIsNoOtherAddress", {member(1, held)}, {member(1, present, 11), member(1, present, 11, 20, 81)}, "a1"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Claims, FollowWhatIsSet) {
    ClaimsOfMembers claims;
    EXPECT_TRUE(claims.lost_by(a).empty());
    claims.set(a, false, {member(1, Presence::withdrawn), member(2, Presence::withdrawn)});
    claims.set(b, false, {member(1, present)});
    EXPECT_EQ(words(claims.lost_by(b)), "a1");
    claims.set(a, false, {member(2, Presence::withdrawn)});
    EXPECT_EQ(words(claims.lost_by(b)), "");
    claims.set(b, false, {member(2, present)});
    EXPECT_EQ(words(claims.lost_by(a)), "a2");
    claims.set(b, false, {});
    EXPECT_EQ(words(claims.lost_by(a)), "");
    EXPECT_EQ(words(claims.lost_by(b)), "");
}

TEST(Claims, FollowWhatIsSetAtOneOfTwoPorts) {
    ClaimsOfMembers claims;
    claims.set(b, false, {member(1, Presence::withdrawn)});
    claims.set(a, false, {member(1, present), member(1, present, 0, 10, 81)});
    EXPECT_EQ(words(claims.lost_by(a)), "b1");
    claims.set(a, false, {member(1, Presence::withdrawn), member(1, present, 0, 10, 81)});
    EXPECT_EQ(words(claims.lost_by(a)), "b1");
    claims.set(a, false, {member(1, present, 0, 10, 81)});
    EXPECT_EQ(words(claims.lost_by(a)), "b1");
    claims.set(a, true, {member(1, present, 0, 10, 81)});
    EXPECT_EQ(words(claims.lost_by(a)), "");
    claims.set(a, false, {member(1, Presence::withdrawn, 0, 10, 81)});
    EXPECT_EQ(words(claims.lost_by(a)), "");
}

TEST(Claims, FollowATimeThatMoves) {
    ClaimsOfMembers claims;
    claims.set(a, false, {member(1, held, 0, 10)});
    claims.set(b, false, {member(1, present, 11)});
    EXPECT_EQ(words(claims.lost_by(a)), "a1");
    claims.set(a, false, {member(1, held, 0, 12)});
    EXPECT_EQ(words(claims.lost_by(a)), "");
    claims.set(b, false, {member(1, present, 13)});
    EXPECT_EQ(words(claims.lost_by(a)), "a1");
}

/// However the members came to be what they are, the losses are those of the same members set at once.
TEST(Claims, DoNotDependOnWhatWasSetBefore) {
    constexpr std::array all{present, Presence::absent,     Presence::withdrawn,    Presence::held_guard,
                             held,    Presence::held_empty, Presence::held_snapshot};
    std::mt19937 random(8);
    const auto up_to = [&random](unsigned most) { return static_cast<unsigned>(random() % (most + 1)); };
    constexpr ServiceIndex services = 5;
    std::array<std::vector<Member>, services> now;
    std::array<bool, services> by_port{};
    ClaimsOfMembers claims;
    std::size_t lost = 0;
    for (int round = 0; round < 2000; ++round) {
        const ServiceIndex service = up_to(services - 1);
        std::vector<Member>& members = now[service];
        members.clear();
        by_port[service] = up_to(3) == 0;
        for (unsigned n = 1; n <= 6; ++n) {
            for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{81}}) {
                if (up_to(2) != 0) continue;
                const Presence presence = up_to(1) == 0 ? present : all[up_to(all.size() - 1)];
                members.push_back(
                    member(n, presence, static_cast<int>(up_to(20)), static_cast<int>(up_to(20)), port));
            }
        }
        claims.set(service, by_port[service], members);
        ClaimsOfMembers at_once;
        for (ServiceIndex each = 0; each < services; ++each) at_once.set(each, by_port[each], now[each]);
        for (ServiceIndex each = 0; each < services; ++each) {
            ASSERT_EQ(claims.lost_by(each), at_once.lost_by(each)) << "round " << round << ", service " << each;
            lost += at_once.lost_by(each).size();
        }
    }
    EXPECT_GT(lost, 1000U);
}

TEST(Claims, NameEachLossOnceThoughSeveralTookIt) {
    ClaimsOfMembers claims;
    claims.set(0, false, {member(1, Presence::withdrawn)});
    claims.set(1, false, {member(1, present)});
    claims.set(2, false, {member(1, present)});
    EXPECT_EQ(words(claims.lost_by(0)), "a1");
}

/// A thousand services of a hundred endpoints, each of which shares one address with the next: seconds if each were
/// compared with all others.
TEST(Claims, LookOnlyAtTheAddressesOfOneService) {
    ClaimsOfMembers claims;
    const auto address = [](unsigned service, unsigned n) {
        const unsigned number = service * 99 + n;
        return SocketAddress{
            IpAddress(IpAddress::V4Bytes{10, static_cast<std::uint8_t>(number >> 16),
                                         static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}),
            80};
    };
    for (ServiceIndex service = 0; service < 1000; ++service) {
        std::vector<Member> members;
        for (unsigned n = 0; n < 100; ++n) {
            members.push_back({.address = address(service, n), .presence = n == 0 ? Presence::withdrawn : present});
        }
        claims.set(service, false, members);
    }
    std::size_t lost = 0;
    for (ServiceIndex service = 0; service < 1000; ++service) lost += claims.lost_by(service).size();
    EXPECT_EQ(lost, 2U * 999);  // each is named by its holder and by its taker
}

/// A thousand names of the same hundred tasks: seconds if those that all name were compared.
TEST(Claims, DoNotLookAtWhatIsPresentEverywhere) {
    std::vector<Member> members;
    for (unsigned n = 0; n < 100; ++n) members.push_back(member(n, present));
    ClaimsOfMembers claims;
    for (ServiceIndex service = 0; service < 1000; ++service) {
        claims.set(service, false, members);
        EXPECT_TRUE(claims.lost_by(service).empty());
    }
}

}  // namespace
}  // namespace taskdns::membership
