// The table of owner names: what is found, and the target parents that follow from the names.
#include "view/view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskdns::view {
namespace {

using testing::ElementsAre;

dns::Name name(const std::string& text) { return dns::Name::parse(text).value(); }

OwnerName owner(const std::string& text, std::uint32_t service) { return {name(text), service, 0}; }

TEST(NameTable, FindsEachNameAndNothingElse) {
    std::vector<OwnerName> names;
    for (std::uint32_t i = 0; i < 1000; ++i) names.push_back(owner("service-" + std::to_string(i) + ".local", i));
    const NameTable table(names);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const OwnerName* const found = table.find(names[i].name.wire());
        ASSERT_NE(found, nullptr) << i;
        EXPECT_EQ(found->service, i);
        EXPECT_EQ(table.find(name("service-" + std::to_string(i) + ".locaX").wire()), nullptr);
    }
    EXPECT_EQ(table.names().size(), 1000U);
}

TEST(NameTable, FindsNamesOfEveryLengthAroundTheWordSize) {
    std::vector<OwnerName> names;
    for (std::uint32_t length = 1; length <= 40; ++length) names.push_back(owner(std::string(length, 'a'), length));
    const NameTable table(names);
    for (std::uint32_t length = 1; length <= 40; ++length) {
        const OwnerName* const found = table.find(name(std::string(length, 'a')).wire());
        ASSERT_NE(found, nullptr) << length;
        EXPECT_EQ(found->service, length);
    }
    EXPECT_EQ(table.find(name(std::string(41, 'a')).wire()), nullptr);
}

TEST(NameTable, TellsNamesOfTheSameHashApart) {
    // Found by trying: their 32-bit hashes are equal.
    const std::string first = "service-21507.local";
    const std::string second = "service-88866.local";
    const NameTable one({owner(first, 1)});
    EXPECT_EQ(one.find(name(second).wire()), nullptr);
    const NameTable both({owner(first, 1), owner(second, 2)});
    EXPECT_EQ(both.find(name(first).wire())->service, 1U);
    EXPECT_EQ(both.find(name(second).wire())->service, 2U);
}

TEST(NameTable, OfTwoEqualNamesTheFirstCounts) {
    const NameTable table({owner("a.local", 1), owner("a.local", 2)});
    EXPECT_EQ(table.find(name("a.local").wire())->service, 1U);
}

TEST(NameTable, AnEmptyTableFindsNothing) {
    const NameTable table({});
    EXPECT_EQ(table.find(name("a.local").wire()), nullptr);
    EXPECT_EQ(table.find_target_parent(name("a.local").wire()), nullptr);
}

TEST(NameTable, TargetsLieUnderTheNameWithoutItsLeadingUnderscoreLabels) {
    const NameTable table({owner("_http._tcp.x.local", 0), owner("plain.local", 1)});
    ASSERT_NE(table.find_target_parent(name("x.local").wire()), nullptr);
    EXPECT_THAT(table.find_target_parent(name("x.local").wire())->services, ElementsAre(0));
    EXPECT_THAT(table.find_target_parent(name("plain.local").wire())->services, ElementsAre(1));
    EXPECT_EQ(table.find_target_parent(name("_tcp.x.local").wire()), nullptr);
    EXPECT_EQ(table.find(name("x.local").wire()), nullptr) << "a target parent alone is not an owner name";
}

TEST(NameTable, AnUnderscoreBehindThefirstOtherLabelStays) {
    const NameTable table({owner("a._tcp.local", 0)});
    EXPECT_NE(table.find_target_parent(name("a._tcp.local").wire()), nullptr);
    EXPECT_EQ(table.find_target_parent(name("local").wire()), nullptr);
}

TEST(NameTable, ServicesThatShareATargetParentAreAllThere) {
    const NameTable table(
        {owner("_http._tcp.x.local", 0), owner("y.local", 1), owner("_grpc._tcp.x.local", 2), owner("x.local", 2)});
    EXPECT_THAT(table.find_target_parent(name("x.local").wire())->services, ElementsAre(0, 2));
}

TEST(PreparedRrset, TheCursorWrapsAroundTheSlots) {
    PreparedRrset rrset;
    rrset.width = 2;
    rrset.schedule = {0, 1, 1, 2, 2, 0};
    EXPECT_EQ(rrset.slots(), 3U);
    EXPECT_THAT(rrset.slot(2), ElementsAre(2, 0));
    EXPECT_THAT(rrset.slot(3), ElementsAre(0, 1));
    EXPECT_EQ(PreparedRrset{}.slots(), 0U);
    EXPECT_TRUE(PreparedRrset{}.empty());
}

}  // namespace
}  // namespace taskdns::view
