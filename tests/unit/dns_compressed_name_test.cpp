// Names and records in a message that a stranger wrote: each rule of the reader, and each boundary.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/compressed_name.hpp"
#include "dns/message.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::dns {
namespace {

using testing_support::a;
using testing_support::aaaa;
using testing_support::cname;
using testing_support::question;
using testing_support::Rr;
using testing_support::soa;
using testing_support::srv;
using testing_support::write_response;

constexpr std::size_t begin = header_size;

Bytes header() { return Bytes(header_size); }

void append(Bytes& out, const Bytes& octets) { out.insert(out.end(), octets.begin(), octets.end()); }

Bytes label(std::size_t size, std::uint8_t letter = 'x') {
    Bytes out(size + 1, letter);
    out[0] = static_cast<std::uint8_t>(size);
    return out;
}

Bytes pointer(std::size_t offset) {
    return {static_cast<std::uint8_t>(0xC0 | (offset >> 8)), static_cast<std::uint8_t>(offset)};
}

Bytes joined(const std::vector<Bytes>& parts) {
    Bytes out = header();
    for (const Bytes& part : parts) append(out, part);
    return out;
}

std::string text_of(const MessageName& name) { return Name::from_wire(name.wire())->to_string(); }

struct NameCase {
    std::string name;
    Bytes message;
    std::size_t at = begin;
    std::string text;  ///< empty: no name
    std::size_t behind = 0;
};
void PrintTo(const NameCase& row, std::ostream* out) { *out << row.name; }

class ReadName : public testing::TestWithParam<NameCase> {};

TEST_P(ReadName, FollowsPointersThatLeadBackwards) {
    const NameCase& row = GetParam();
    MessageName name;
    EXPECT_EQ(read_name(row.message, row.at, name), row.behind);
    EXPECT_EQ(skip_name(row.message, row.at), row.behind);
    if (row.behind == 0) return;
    EXPECT_EQ(text_of(name), row.text);
}

const Bytes ab{1, 'a', 1, 'b', 0};

/// `jumps` pointers, each to the one before, the first to a root.
Bytes jumps(std::size_t count) {
    Bytes out = header();
    out.push_back(0);
    for (std::size_t i = 0; i < count; ++i) append(out, pointer(i == 0 ? begin : begin + 1 + 2 * (i - 1)));
    return out;
}

/// A name of `octets` octets, the last label by a pointer to what stands first.
Bytes long_name(std::size_t octets) {
    std::vector<Bytes> parts{label(63), {0}};
    std::size_t left = octets - 65;
    for (; left > 64; left -= 64) parts.push_back(label(63));
    parts.push_back(label(left - 1));
    parts.push_back(pointer(begin));
    return joined(parts);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Dns, ReadName, testing::Values(
    NameCase{"Root",                joined({{0}}), begin, ".", begin + 1},
    NameCase{"Plain",               joined({ab}), begin, "a.b", begin + 5},
    NameCase{"Pointer",             joined({ab, pointer(begin)}), begin + 5, "a.b", begin + 7},
    NameCase{"LabelsAndPointer",    joined({ab, {1, 'c'}, pointer(begin + 2)}), begin + 5, "c.b", begin + 9},
    NameCase{"PointerToAPointer",   joined({ab, pointer(begin), pointer(begin + 5)}), begin + 7, "a.b", begin + 9},
    NameCase{"ToItself",            joined({pointer(begin)}), begin, "", 0},
    NameCase{"ToItsOwnLabels",      joined({{1, 'a'}, pointer(begin)}), begin, "", 0},
    NameCase{"ToTheOctetBehindItsBeginning", joined({{1, 0}, pointer(begin + 1)}), begin, "", 0},
    NameCase{"Forward",             joined({pointer(begin + 2), ab}), begin, "", 0},
    NameCase{"TwoThatPointAtEachOther", joined({{1, 'a'}, pointer(begin + 4), {1, 'b'}, pointer(begin)}), begin + 4, "", 0},
    NameCase{"BackAndForward",      joined({pointer(begin + 2), ab, pointer(begin)}), begin + 7, "", 0},
    NameCase{"IntoTheHeader",       joined({pointer(header_size - 1)}), begin, "", 0},
    NameCase{"ToTheHeadersBegin",   joined({pointer(0)}), begin, "", 0},
    NameCase{"BeyondTheMessage",    joined({pointer(0x3FFF)}), begin, "", 0},
    NameCase{"CutPointer",          joined({{1, 'a', 0xC0}}), begin, "", 0},
    NameCase{"CutLabel",            joined({{3, 'a', 'b'}}), begin, "", 0},
    NameCase{"NoRoot",              joined({{1, 'a'}}), begin, "", 0},
    NameCase{"NothingThere",        header(), begin, "", 0},
    NameCase{"BeyondTheEnd",        header(), begin + 9, "", 0},
    NameCase{"LabelOfKind64",       joined({{0x40, 'a', 0}}), begin, "", 0},
    NameCase{"LabelOfKind128",      joined({{0x80, 'a', 0}}), begin, "", 0},
    NameCase{"LabelOf63",           joined({label(63), {0}}), begin, std::string(63, 'x'), begin + 65},
    NameCase{"Jumps16",             jumps(16), begin + 1 + 30, ".", begin + 1 + 32},
    NameCase{"Jumps17",             jumps(17), begin + 1 + 32, "", 0}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ReadNameLength, Is255OctetsAtMost) {
    MessageName name;
    const Bytes longest = long_name(255);
    EXPECT_EQ(read_name(longest, begin + 65, name), longest.size());
    EXPECT_EQ(name.length, 255);
    EXPECT_EQ(read_name(long_name(256), begin + 65, name), 0U);
}

TEST(ReadNameLetters, StayAsTheyCame) {
    MessageName name;
    read_name(joined({{2, 'A', 'b', 0}}), begin, name);
    EXPECT_THAT(name.wire(), testing::ElementsAre(2, 'A', 'b', 0));
}

TEST(SameName, IsWithoutCase) {
    EXPECT_TRUE(same_name(Bytes{2, 'A', 'z', 0}, Bytes{2, 'a', 'Z', 0}));
    EXPECT_FALSE(same_name(Bytes{1, '[', 0}, Bytes{1, '{', 0})) << "neighbours of letters";
    EXPECT_FALSE(same_name(Bytes{1, 'a', 0}, Bytes{1, 'a', 1, 'b', 0}));
}

TEST(IsAtOrBelow, GoesByLabels) {
    const auto below = [](const char* name, const char* ancestor) {
        return is_at_or_below(question(name).name.wire(), question(ancestor).name.wire());
    };
    EXPECT_TRUE(below("a.b.c", "b.c"));
    EXPECT_TRUE(below("b.c", "b.c"));
    EXPECT_TRUE(below("a.b.c", "."));
    EXPECT_FALSE(below("b.c", "a.b.c"));
    EXPECT_FALSE(below("ab.c", "b.c"));
    EXPECT_FALSE(below("a.b", "b.c"));
    EXPECT_TRUE(is_at_or_below(Bytes{1, 'x', 1, 'A', 0}, Bytes{1, 'a', 0})) << "without case";
}

struct RdataCase {
    std::string name;
    Rr record;
    bool whole;
};
void PrintTo(const RdataCase& row, std::ostream* out) { *out << row.name; }

class Rdata : public testing::TestWithParam<RdataCase> {};

TEST_P(Rdata, IsFilledByItsFields) {
    const Bytes message =
        write_response(1, question("a.example"), {.answer = {GetParam().record, a("z", "10.0.0.1")}});
    EXPECT_EQ(records_are_whole(message), GetParam().whole);
}

constexpr RrType type(unsigned number) { return static_cast<RrType>(number); }
Rr of(unsigned number, Bytes rdata) { return {"a", type(number), 60, std::move(rdata)}; }
/// `record` with an octet more, or the last one gone.
Rr longer(Rr record) {
    record.rdata.push_back(0);
    return record;
}
Rr shorter(Rr record) {
    record.rdata.pop_back();
    return record;
}
const Rr mx = of(15, {0, 10, 1, 'm', 0});
const Rr rp = of(17, {1, 'm', 0, 1, 't', 0});
const Rr px = of(26, {0, 1, 1, 'm', 0, 1, 't', 0});
const Rr naptr = of(35, {0, 1, 0, 2, 1, 'u', 2, 'S', 'P', 0, 1, 't', 0});
const Rr svcb = of(65, {0, 1, 0, 0, 1, 0, 2, 'h', '2'});
Rr rrsig() {
    Bytes rdata(18);
    rdata.insert(rdata.end(), {1, 's', 0, 9, 9, 9});
    return of(46, rdata);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Dns, Rdata, testing::Values(
    RdataCase{"A",              a("a", "10.0.0.1"), true},
    RdataCase{"ALonger",        longer(a("a", "10.0.0.1")), false},
    RdataCase{"AShorter",       shorter(a("a", "10.0.0.1")), false},
    RdataCase{"Aaaa",           aaaa("a", "fd00::1"), true},
    RdataCase{"AaaaLonger",     longer(aaaa("a", "fd00::1")), false},
    RdataCase{"AaaaOfFour",     of(28, {10, 0, 0, 1}), false},
    RdataCase{"Cname",          cname("a", "b.c"), true},
    RdataCase{"CnameLonger",    longer(cname("a", "b.c")), false},
    RdataCase{"CnameShorter",   shorter(cname("a", "b.c")), false},
    RdataCase{"CnameOfNothing", of(5, {}), false},
    RdataCase{"CnameForward",   of(5, {0xC0, 200}), false},
    RdataCase{"CnameIntoHeader", of(5, {0xC0, 4}), false},
    RdataCase{"CnameToQuestion", of(5, {0xC0, 12}), true},
    RdataCase{"CnameCutPointer", of(5, {0xC0}), false},
    RdataCase{"Soa",            soa("a", 1, 1), true},
    RdataCase{"SoaLonger",      longer(soa("a", 1, 1)), false},
    RdataCase{"SoaShorter",     shorter(soa("a", 1, 1)), false},
    RdataCase{"Mx",             mx, true},
    RdataCase{"MxShorter",      shorter(mx), false},
    RdataCase{"MxOfOneOctet",   of(15, {0}), false},
    RdataCase{"Rp",             rp, true},
    RdataCase{"RpLonger",       longer(rp), false},
    RdataCase{"Px",             px, true},
    RdataCase{"PxShorter",      shorter(px), false},
    RdataCase{"Srv",            srv("a", 80, "t.a"), true},
    RdataCase{"SrvLonger",      longer(srv("a", 80, "t.a")), false},
    RdataCase{"SrvToQuestion",  of(33, {0, 1, 0, 1, 0, 80, 0xC0, 12}), true},
    RdataCase{"Naptr",          naptr, true},
    RdataCase{"NaptrLonger",    longer(naptr), false},
    RdataCase{"NaptrStringBeyond", of(35, {0, 1, 0, 2, 1, 'u', 99}), false},
    RdataCase{"Rrsig",          rrsig(), true},
    RdataCase{"RrsigCut",       of(46, Bytes(18)), false},
    RdataCase{"Nsec",           of(47, {1, 'n', 0, 0, 1, 0x40}), true},
    RdataCase{"NsecCut",        of(47, {3, 'n'}), false},
    RdataCase{"Https",          svcb, true},
    RdataCase{"HttpsCut",       of(65, {0, 1}), false},
    RdataCase{"UnknownIsOctets", of(65280, {0xC0, 0xFF, 99}), true},
    RdataCase{"UnknownEmpty",   of(65280, {}), true}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

Bytes example() {
    return write_response(7, question("a.example"),
                          {.answer = {cname("a.example", "b.example"), a("b.example", "10.0.0.1")},
                           .authority = {soa("example", 60, 60)},
                           .additional = {aaaa("ns.local", "fd00::1")},
                           .extended_rcode = std::uint8_t{0}});
}

TEST(RecordsAreWhole, WhereTheCountsAreMetExactly) {
    const Bytes whole = example();
    EXPECT_TRUE(records_are_whole(whole));
    for (const std::size_t count : {5U, 7U, 9U, 11U}) {
        for (const int change : {-1, 1}) {
            Bytes other = whole;
            other[count] = static_cast<std::uint8_t>(other[count] + change);
            EXPECT_FALSE(records_are_whole(other)) << "count at " << count << " changed by " << change;
        }
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(records_are_whole(longer));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(records_are_whole(std::span(whole).first(size))) << size;
    }
}

TEST(RecordsAreWhole, SurvivesAnyOctets) {
    const Bytes whole = example();
    std::mt19937 random(20'261'123);
    std::size_t accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        Bytes message = whole;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            message[random() % message.size()] = static_cast<std::uint8_t>(random());
        }
        if (records_are_whole(message)) {
            ++accepted;
        } else {
            EXPECT_TRUE(parse_response(message).has_error());
        }
    }
    EXPECT_GT(accepted, 1'000U);
}

/// A chain of pointers 8,000 long and 4,000 names that would follow it: the worst that 64 KiB can hold.
TEST(RecordsAreWhole, SaysNoAtOnceToPointersWithoutEnd) {
    Bytes message = write_response(1, question("a"), {});
    write_u16(&message[6], 4'001);
    append(message, {0, 0xFF, 0, 0, 1, 0, 0, 0, 0});
    const std::size_t chain = message.size() + 2;
    const std::size_t pointers = (0x3FFE - chain) / 2;
    append(message, {static_cast<std::uint8_t>(2 * pointers >> 8), static_cast<std::uint8_t>(2 * pointers)});
    for (std::size_t i = 0; i < pointers; ++i) append(message, pointer(i == 0 ? begin : chain + 2 * (i - 1)));
    for (int i = 0; i < 4'000; ++i) {
        append(message, pointer(chain + 2 * (pointers - 1)));
        append(message, {0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 0});
    }
    ASSERT_LE(message.size(), 65'535U);
    MessageName name;
    EXPECT_EQ(read_name(message, chain + 2 * (pointers - 1), name), 0U);
    EXPECT_FALSE(records_are_whole(message));
}

}  // namespace
}  // namespace taskdns::dns
