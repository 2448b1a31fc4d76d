// Which endpoints a task uses: even load over many tasks, little change, stand-ins for those that fail.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/subset.hpp"

namespace taskdns::view {
namespace {

using membership::Member;
using membership::Presence;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Member> members(unsigned count) {
    std::vector<Member> out;
    for (unsigned i = 0; i < count; ++i) {
        Member& member = out.emplace_back();
        member.address =
            *SocketAddress::parse("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":80");
    }
    return out;
}

using Out = std::set<SocketAddress>;

std::vector<SocketAddress> choose(const std::vector<Member>& of, std::size_t subset, std::string_view identity,
                                  const Out& out = {}) {
    return choose_subset(
        of, [&](const SocketAddress& address) { return out.contains(address); }, subset, identity);
}

std::string task(unsigned number) { return "arn:aws:ecs:eu-west-1:1:task/c/" + std::to_string(number); }

bool holds(const std::vector<SocketAddress>& chosen, const SocketAddress& address) {
    return std::ranges::binary_search(chosen, address);
}

TEST(ChooseSubset, ZeroIsAllSorted) {
    std::vector<Member> all = members(5);
    all[2].presence = Presence::withdrawn;
    std::ranges::reverse(all);
    const auto chosen = choose(all, 0, "a");
    EXPECT_EQ(chosen.size(), 5U);
    EXPECT_TRUE(std::ranges::is_sorted(chosen));
}

TEST(ChooseSubset, OfNoneIsNone) { EXPECT_THAT(choose({}, 3, "a"), IsEmpty()); }

TEST(ChooseSubset, OfFewIsAll) { EXPECT_EQ(choose(members(3), 5, "a").size(), 3U); }

TEST(ChooseSubset, IsTheSameForTheSameTaskWhateverTheOrder) {
    std::vector<Member> all = members(50);
    const auto chosen = choose(all, 5, task(1));
    EXPECT_EQ(chosen.size(), 5U);
    EXPECT_TRUE(std::ranges::is_sorted(chosen));
    std::ranges::reverse(all);
    EXPECT_EQ(choose(all, 5, task(1)), chosen);
    EXPECT_NE(choose(all, 5, task(2)), chosen);
}

// Computed by another program too. These are the ranks of released versions: a change would make every task of a
// rolling update move.
TEST(ChooseSubset, IsTheSameInEveryBuild) {
    std::vector<Member> all = members(20);
    Member& six = all.emplace_back();
    six.address = *SocketAddress::parse("[fd00::1]:443");
    std::vector<std::string> chosen;
    for (const char* identity : {"a", "task/0123456789abcdef", ""}) {
        for (const SocketAddress& address : choose(all, 2, identity)) chosen.push_back(address.to_string());
    }
    EXPECT_THAT(chosen, ElementsAre("10.0.0.3:80", "10.0.0.16:80", "10.0.0.14:80", "10.0.0.15:80",  //
                                    "10.0.0.20:80", "[fd00::1]:443"));
}

TEST(ChooseSubset, SpreadsTheLoadOfAThousandTasksEvenly) {
    const std::vector<Member> all = members(200);
    std::map<SocketAddress, unsigned> load;
    for (unsigned i = 0; i < 1000; ++i) {
        for (const SocketAddress& address : choose(all, 20, task(i))) ++load[address];
    }
    ASSERT_EQ(load.size(), 200U);
    double squares = 0;  // chi-squared: mean 200 x 0.9, since a task draws without putting back
    for (const auto& [address, tasks] : load) {
        EXPECT_NEAR(tasks, 100, 5 * 9.5) << address.to_string();  // sqrt(1000 x 0.1 x 0.9) = 9.5
        squares += (tasks - 100.0) * (tasks - 100.0) / 100;
    }
    EXPECT_NEAR(squares, 180, 5 * 18);
}

TEST(ChooseSubset, AMemberThatLeavesChangesOnePickOfThoseThatHadIt) {
    const std::vector<Member> all = members(200);
    std::vector<Member> fewer = all;
    const SocketAddress gone = fewer[77].address;
    fewer.erase(fewer.begin() + 77);
    unsigned changed = 0;
    for (unsigned i = 0; i < 300; ++i) {
        const auto before = choose(all, 20, task(i));
        const auto after = choose(fewer, 20, task(i));
        if (before == after) {
            EXPECT_FALSE(holds(before, gone));
            continue;
        }
        ++changed;
        ASSERT_TRUE(holds(before, gone));
        std::vector<SocketAddress> kept;
        std::ranges::set_intersection(before, after, std::back_inserter(kept));
        EXPECT_EQ(kept.size(), 19U);
    }
    EXPECT_NEAR(changed, 30, 25);
}

TEST(ChooseSubset, APickThatIsOutStaysAndTheNextRankStandsIn) {
    const std::vector<Member> all = members(50);
    const auto before = choose(all, 5, task(1));
    const auto after = choose(all, 5, task(1), {before[2]});
    EXPECT_TRUE(std::ranges::includes(after, before));
    EXPECT_EQ(after.size(), 6U);
}

TEST(ChooseSubset, OneBeyondTheLastRankChangesNothingByBeingOut) {
    const std::vector<Member> all = members(50);
    const auto before = choose(all, 5, task(1));
    for (const Member& member : all) {
        if (holds(before, member.address)) continue;
        EXPECT_EQ(choose(all, 5, task(1), {member.address}), before);
    }
}

TEST(ChooseSubset, WalksOnWhileAllAreOut) {
    const std::vector<Member> all = members(50);
    Out out;
    for (const Member& member : all) out.insert(member.address);
    EXPECT_EQ(choose(all, 5, task(1), out).size(), 50U);
    out.erase(all[30].address);
    const auto chosen = choose(all, 5, task(1), out);
    EXPECT_TRUE(holds(chosen, all[30].address));
}

TEST(ChooseSubset, TheWithdrawnAreRankedOnTheirOwn) {
    std::vector<Member> all = members(50);
    const auto before = choose(all, 5, task(1));
    Out out;
    for (Member& member : all) {
        if (holds(before, member.address)) continue;
        member.presence = Presence::withdrawn;
        out.insert(member.address);
    }
    const auto chosen = choose(all, 5, task(1), out);
    EXPECT_TRUE(std::ranges::includes(chosen, before));
    EXPECT_EQ(chosen.size(), 10U) << "nobody stands in for a withdrawn one";
}

TEST(ChooseSubset, PortsOfOneAddressAreEndpointsOfTheirOwn) {
    std::vector<Member> all;
    for (std::uint16_t port = 1; port <= 100; ++port) {
        all.emplace_back().address = {*IpAddress::parse("10.0.0.1"), port};
    }
    EXPECT_NE(choose(all, 5, task(1)), choose(all, 5, task(2)));
    EXPECT_EQ(choose(all, 5, task(1)).size(), 5U);
}

}  // namespace
}  // namespace taskdns::view
