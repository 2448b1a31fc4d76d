// The snapshot's text: what is written is read back, and nothing else is.
#include <boost/crc.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/snapshot.hpp"

namespace taskdns::membership {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const WallTime wall{1'795'363'811'123ms};

dns::Name name(const char* text) { return dns::Name::parse(text).value(); }

SavedMember saved(const char* address, dns::RrType type) {
    return {.address = SocketAddress::parse(address).value(),
            .priority = 10,
            .weight = 65535,
            .type = type,
            .first_seen = wall - 24h,
            .last_seen = wall - 5ms};
}

Snapshot some() {
    return {wall,
            {{name("orders.local"),
              {saved("10.0.1.10:8080", dns::RrType::a), saved("[fd00::1]:8080", dns::RrType::aaaa)}},
             {name("_grpc._tcp.x.local"),
              {saved("10.0.1.11:9000", dns::RrType::srv), saved("10.0.1.11:9001", dns::RrType::srv)}},
             {name("portless.local"), {saved("10.0.1.12", dns::RrType::a)}},
             {name("nobody.local"), {}}}};
}

std::string error_of(std::string_view text) {
    const auto snapshot = parse_snapshot(text);
    return snapshot ? "" : snapshot.error().message;
}

/// As somebody else would write it: well summed, whatever `body` says. `body` ends before `,"checksum"`.
std::string summed_as(std::string body, const char* before_checksum) {
    body += before_checksum;
    boost::crc_32_type crc;
    crc.process_bytes(body.data(), body.size());
    return body + fmt::format("{:08x}\"}}\n", crc.checksum());
}

std::string summed(std::string body) { return summed_as(std::move(body), ",\"checksum\":\""); }

TEST(Snapshot, IsReadBack) {
    for (const Snapshot& snapshot : {some(), Snapshot{wall, {}}}) {
        const std::string text = format_snapshot(snapshot);
        const auto again = parse_snapshot(text);
        ASSERT_TRUE(again.has_value()) << again.error().message << "\n" << text;
        EXPECT_EQ(*again, snapshot);
        EXPECT_EQ(format_snapshot(*again), text);
    }
}

TEST(Snapshot, LooksLikeThis) {
    Snapshot snapshot{wall, {{name("orders.local"), {saved("10.0.1.10:8080", dns::RrType::a)}}}};
    EXPECT_EQ(
        format_snapshot(snapshot),
        "{\"format\":\"taskdns-snapshot\",\"version\":1,\"written\":\"2026-11-22T16:10:11.123Z\",\"services\":[\n"
        "{\"name\":\"orders.local\",\"members\":[\n"
        "{\"address\":\"10.0.1.10:8080\",\"type\":\"A\",\"priority\":10,\"weight\":65535,"
        "\"first_seen\":\"2026-11-21T16:10:11.123Z\",\"last_seen\":\"2026-11-22T16:10:11.118Z\"}]}],"
        "\"checksum\":\"26eeec26\"}\n");  // by zlib
}

TEST(Snapshot, IsRefusedWhereverItIsCut) {
    const std::string text = format_snapshot(some());
    for (std::size_t length = 0; length < text.size(); ++length) {
        const std::string error = error_of(std::string_view(text).substr(0, length));
        EXPECT_THAT(error, HasSubstr(length == 0 ? "it is empty" : "it is cut off")) << length;
    }
}

TEST(Snapshot, IsRefusedWhicheverOctetIsFlipped) {
    const std::string text = format_snapshot(some());
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (const int flipped : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF}) {
            std::string damaged = text;
            damaged[i] = static_cast<char>(damaged[i] ^ flipped);
            EXPECT_NE(error_of(damaged), "") << i << " " << flipped;
        }
    }
}

TEST(Snapshot, IsRefusedWithAnOctetMoreOrLess) {
    const std::string text = format_snapshot(some());
    for (std::size_t i = 0; i <= text.size(); ++i) {
        std::string longer = text;
        longer.insert(i, 1, ' ');
        EXPECT_NE(error_of(longer), "") << i;
    }
    for (std::size_t i = 0; i < text.size(); ++i) EXPECT_NE(error_of(std::string(text).erase(i, 1)), "") << i;
}

struct DamageCase {
    const char* name;
    std::string text;
    const char* error;
};
void PrintTo(const DamageCase& c, std::ostream* out) { *out << c.name; }

class DamagedSnapshot : public testing::TestWithParam<DamageCase> {};

TEST_P(DamagedSnapshot, IsRefused) {
    const std::string error = error_of(GetParam().text);
    EXPECT_THAT(error, HasSubstr(GetParam().error));
    EXPECT_THAT(error, HasSubstr("; it is ignored and replaced at the next change"));
}

std::string head(const char* rest) { return R"({"format":"taskdns-snapshot",)" + std::string(rest); }
std::string with_services(const std::string& services) {
    return summed(head(R"("version":1,"written":"2026-11-22T16:10:11.123Z","services":[)") + services + "]");
}
std::string with_member(const std::string& member) {
    return with_services(R"({"name":"x.local","members":[)" + member + "]}");
}
std::string member(const char* address = "10.0.0.1", const char* type = "A",
                   const char* numbers = R"("priority":1,"weight":1)",
                   const char* last_seen = "2026-11-22T16:10:11.123Z") {
    return fmt::format(
        R"({{"address":"{}","type":"{}",{},"first_seen":"2026-11-22T16:10:11.123Z","last_seen":"{}"}})", address,
        type, numbers, last_seen);
}
std::string many(const std::string& one, int count) {
    std::string out = one;
    for (int i = 1; i < count; ++i) out += "," + one;
    return out;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Membership, DamagedSnapshot,
    testing::Values(
        DamageCase{"Empty",            "",                         "it is empty"},
        DamageCase{"Blank",            " \n",                      "it is cut off"},
        DamageCase{"Zeros",            std::string(100, '\0'),     "it is not JSON"},
        DamageCase{"Text",             "hello",                    "it is not JSON"},
        DamageCase{"AnArray",          "[]",                       "it is not a snapshot of taskdns"},
        DamageCase{"Null",             "null",                     "it is not a snapshot of taskdns"},
        DamageCase{"ForeignObject",    R"({"a":1})",               "it is not a snapshot of taskdns"},
        DamageCase{"ForeignFormat",    R"({"format":"other"})",    "it is not a snapshot of taskdns"},
        DamageCase{"FormatIsANumber",  R"({"format":1})",          "it is not a snapshot of taskdns"},
        DamageCase{"TooDeep",          std::string(100, '['),      "it is not JSON"},
        DamageCase{"NoVersion",        summed(head(R"("x":1)")),                  "has no \"version\""},
        DamageCase{"NewerVersion",     summed(head(R"("version":2)")),            "it is of version 2, newer than 1"},
        DamageCase{"NewerVersionSummedOtherwise", head(R"("version":2})"),        "it is of version 2, newer than 1"},
        DamageCase{"VersionZero",      summed(head(R"("version":0)")),            "its version is not valid"},
        DamageCase{"VersionIsText",    summed(head(R"("version":"1")")),          "its version is not valid"},
        DamageCase{"NoChecksum",       head(R"("version":1})"),                   "it is cut off"},
        DamageCase{"WrongChecksum",    head(R"("version":1,"checksum":"00000000"})") + "\n", "its checksum does not match"},
        DamageCase{"ShortChecksum",    head(R"("version":1,"checksum":"00"})") + "\n",       "its checksum does not match"},
        DamageCase{"ChecksumElsewhere", summed_as(head(R"("version":1)"), ", \"checksum\":\""), "its checksum does not match"},
        DamageCase{"NoTime",           summed(head(R"("version":1)")),            "it has no \"written\""},
        DamageCase{"TimeIsANumber",    summed(head(R"("version":1,"written":1)")), "it.written is not a string"},
        DamageCase{"TimeIsAWord",      summed(head(R"("version":1,"written":"now")")), "it.written is not a time"},
        DamageCase{"NoServices",       summed(head(R"("version":1,"written":"2026-11-22T16:10:11.123Z")")), "it has no \"services\""},
        DamageCase{"ServicesIsAnObject", summed(head(R"("version":1,"written":"2026-11-22T16:10:11.123Z","services":{})")), "it.services is not an array"},
        DamageCase{"UnknownKey",       summed(head(R"("version":1,"written":"2026-11-22T16:10:11.123Z","services":[],"x":1)")), "unknown key \"x\""},
        DamageCase{"ServiceIsANumber", with_services("1"),                        "services[0] is not an object"},
        DamageCase{"ServiceWithoutName", with_services(R"({"members":[]})"),      "services[0] has no \"name\""},
        DamageCase{"BadName",          with_services(R"({"name":"a..b","members":[]})"), "services[0].name: "},
        DamageCase{"UnknownKeyOfAService", with_services(R"({"name":"a","members":[],"x":1})"), "services[0] has the unknown key \"x\""},
        DamageCase{"ServiceTwice",     with_services(R"({"name":"a","members":[]},{"name":"A","members":[]})"), "services[1] is there twice"},
        DamageCase{"TooManyServices",  with_services(many("1", 100'001)),         "it.services has 100001 elements, more than 100000"},
        DamageCase{"TooManyMembers",   with_member(many("1", 100'001)),           "services[0].members has 100001 elements, more than 100000"},
        DamageCase{"MemberIsNull",     with_member("null"),                       "services[0].members[0] is not an object"},
        DamageCase{"MemberTwice",      with_member(member() + "," + member()),    "services[0].members[1] is there twice"},
        DamageCase{"AddressIsAName",   with_member(member("x.local")),            "services[0].members[0].address is not that of an endpoint"},
        DamageCase{"AddressIsMulticast", with_member(member("224.0.0.1")),        "services[0].members[0].address is not that of an endpoint"},
        DamageCase{"TypeIsUnknown",    with_member(member("10.0.0.1", "MX")),     "services[0].members[0].type is not A, AAAA or SRV"},
        DamageCase{"TypeOfOtherFamily", with_member(member("10.0.0.1", "AAAA")),  "services[0].members[0].type is not that of its address"},
        DamageCase{"OtherTypeOfOtherFamily", with_member(member("fd00::1", "A")), "services[0].members[0].type is not that of its address"},
        DamageCase{"WeightTooLarge",   with_member(member("10.0.0.1", "A", R"("priority":1,"weight":65536)")), "services[0].members[0].weight is not a number from 0 to 65535"},
        DamageCase{"WeightNegative",   with_member(member("10.0.0.1", "A", R"("priority":1,"weight":-1)")), "services[0].members[0].weight is not a number"},
        DamageCase{"PriorityIsAFraction", with_member(member("10.0.0.1", "A", R"("priority":1.5,"weight":1)")), "services[0].members[0].priority is not a number"},
        DamageCase{"UnknownKeyOfAMember", with_member(member("10.0.0.1", "A", R"("priority":1,"weight":1,"x":1)")), "services[0].members[0] has the unknown key \"x\""},
        DamageCase{"SeenLastBeforeFirst", with_member(member("10.0.0.1", "A", R"("priority":1,"weight":1)", "2026-11-22T16:10:11.122Z")), "services[0].members[0] was last seen before it was first seen"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

Snapshot with_members(unsigned count) {
    Snapshot out{wall, {{name("x.local"), {}}}};
    for (unsigned i = 0; i < count; ++i) {
        const std::string address = fmt::format("10.{}.{}.{}:80", i / 62'500, i / 250 % 250, i % 250 + 1);
        out.services[0].members.push_back(saved(address.c_str(), dns::RrType::a));
    }
    return out;
}

TEST(Snapshot, HoldsALargeServiceAndManySmallOnes) {
    Snapshot large = with_members(10'000);  // as many as max_endpoints may be
    for (unsigned i = 1; i < 2000; ++i) large.services.push_back({name(fmt::format("s{}.local", i).c_str()), {}});
    const auto again = parse_snapshot(format_snapshot(large));
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(*again, large);
}

TEST(Snapshot, IsNeverWrittenLargerThanItIsRead) {
    const std::string text = format_snapshot(with_members(most_saved_members + 1));
    EXPECT_LE(text.size(), largest_snapshot);
    const auto again = parse_snapshot(text);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(*again, with_members(most_saved_members));
}

}  // namespace
}  // namespace taskdns::membership
