// dns::Name: text and wire form to name and back, with the limits of RFC 1035.
#include <unordered_set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/name.hpp"

namespace taskdns::dns {
namespace {

using testing::HasSubstr;

std::string label(std::size_t length) { return std::string(length, 'a'); }

// 3 labels of 63 and one of `last`: 3 * 64 + 1 + last + 1 octets in wire form.
std::string long_name(std::size_t last) { return label(63) + "." + label(63) + "." + label(63) + "." + label(last); }

Result<Name> from_octets(std::initializer_list<int> octets) {
    std::vector<std::uint8_t> wire;
    for (const int octet : octets) wire.push_back(static_cast<std::uint8_t>(octet));
    return Name::from_wire(wire);
}

std::vector<std::uint8_t> octets_of(const Name& name) { return {name.wire().begin(), name.wire().end()}; }

TEST(Name, IsTheRootAtFirst) {
    EXPECT_TRUE(Name().is_root());
    EXPECT_EQ(Name().to_string(), ".");
    EXPECT_EQ(Name().wire().size(), 1u);
    EXPECT_EQ(Name().first_label(), "");
    EXPECT_EQ(Name::parse(".").value(), Name());
}

TEST(Name, HoldsLengthPrefixedLabelsInLowerCase) {
    const Name name = Name::parse("Ab.C").value();
    EXPECT_THAT(octets_of(name), testing::ElementsAre(2, 'a', 'b', 1, 'c', 0));
    EXPECT_EQ(name.to_string(), "ab.c");
}

TEST(Name, DoesNotCareForATrailingDotOrCase) {
    EXPECT_EQ(Name::parse("orders.local.").value(), Name::parse("ORDERS.Local").value());
    EXPECT_NE(Name::parse("orders.local").value(), Name::parse("order.slocal").value());
}

TEST(Name, TakesUnderscoresAndHyphens) {
    EXPECT_EQ(Name::parse("_http._tcp.a-b.local").value().to_string(), "_http._tcp.a-b.local");
}

TEST(Name, HasAParentAndAFirstLabel) {
    const Name name = Name::parse("ip-10-0-1-10.orders.local").value();
    EXPECT_EQ(name.first_label(), "ip-10-0-1-10");
    EXPECT_EQ(name.parent().to_string(), "orders.local");
    EXPECT_TRUE(name.parent().parent().parent().is_root());
}

struct BadText {
    const char* name;
    std::string text;
    const char* says;
};

void PrintTo(const BadText& c, std::ostream* out) { *out << c.name; }

class ParseName : public testing::TestWithParam<BadText> {};

TEST_P(ParseName, SaysWhatIsWrong) {
    const auto name = Name::parse(GetParam().text);
    ASSERT_FALSE(name.has_value()) << name->to_string();
    EXPECT_THAT(name.error().message, HasSubstr(GetParam().says));
    EXPECT_EQ(name.error().code, Errc::malformed);
}

INSTANTIATE_TEST_SUITE_P(Rejected, ParseName,
                         testing::Values(BadText{"Nothing", "", "missing"}, BadText{"TwoDots", "a..b", "empty label"},
                                         BadText{"DotInFront", ".a", "empty label"},
                                         BadText{"OnlyDots", "..", "empty label"},
                                         BadText{"Space", "a b.local", "' ' in its label 'a b'"},
                                         BadText{"Slash", "a/b", "'/' in its label"},
                                         BadText{"Star", "*.local", "'*'"},
                                         BadText{"NotAscii", "caf\xc3\xa9.local", "\\195"},
                                         BadText{"Nul", std::string("a\0b", 3), "\\000"},
                                         BadText{"LabelTooLong", label(64) + ".local", "64 characters (at most 63)"},
                                         BadText{"NameTooLong", long_name(62), "256 octets"}),
                         [](const auto& instance) { return instance.param.name; });

TEST(Name, MayHaveLabelsOf63And255OctetsInAll) {
    EXPECT_EQ(Name::parse(label(63)).value().first_label().size(), 63u);
    EXPECT_EQ(Name::parse(long_name(61)).value().wire().size(), 255u);
}

TEST(NameFromWire, FoldsUpperCaseAndStopsAtTheRootsOctet) {
    const auto name = from_octets({2, 'A', 'b', 1, 'C', 0, 99, 99});
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(*name, Name::parse("ab.c").value());
    EXPECT_EQ(name->wire().size(), 6u);
}

TEST(NameFromWire, TakesAnyOctetAndWritesItEscaped) {
    const auto name = from_octets({6, 'a', '.', '\\', 0, 255, ' ', 1, 'b', 0});
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(name->to_string(), "a\\.\\\\\\000\\255\\032.b");
}

TEST(NameFromWire, RejectsWhatIsCutCompressedOrTooLong) {
    EXPECT_FALSE(from_octets({}));
    EXPECT_FALSE(from_octets({3, 'a', 'b'}));
    EXPECT_FALSE(from_octets({1, 'a'}));
    EXPECT_FALSE(from_octets({1, 'a', 0xc0, 12}));
    EXPECT_FALSE(from_octets({64, 'a'}));

    const Name longest = Name::parse(long_name(61)).value();
    EXPECT_TRUE(Name::from_wire(longest.wire()).has_value());
    std::vector<std::uint8_t> one_more = octets_of(longest);
    one_more.insert(one_more.begin() + 192, {1, 'x'});
    EXPECT_FALSE(Name::from_wire(one_more).has_value());
}

TEST(Name, IsAKey) {
    const std::unordered_set<Name> names{Name::parse("a.local").value(), Name::parse("A.LOCAL").value(), Name()};
    EXPECT_EQ(names.size(), 2u);
    EXPECT_TRUE(names.contains(Name::parse("a.local.").value()));
}

}  // namespace
}  // namespace taskdns::dns
