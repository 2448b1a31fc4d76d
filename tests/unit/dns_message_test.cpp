// DNS messages: what we ask, what counts as its answer, and what is read from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/message.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::dns {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_support::a;
using testing_support::aaaa;
using testing_support::cname;
using testing_support::question;
using testing_support::Rr;
using testing_support::Sections;
using testing_support::soa;
using testing_support::srv;
using testing_support::write_response;

const Question orders = question("orders.local");
constexpr std::uint16_t id = 0xABCD;

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

Response parsed(const Sections& sections) {
    const Bytes message = write_response(id, orders, sections);
    Result<Response> response = parse_response(message);
    EXPECT_TRUE(response.has_value()) << response.error().message;
    return response ? *response : Response{};
}

TEST(BuildQuery, IsARecursiveQueryWithEdns) {
    const Bytes expected{0xAB, 0xCD, 0x01, 0x00, 0,    1,   0,   0, 0,   0,   0,   1,  // header: RD
                         6,    'o',  'r',  'd',  'e',  'r', 's', 5, 'l', 'o', 'c', 'a',
                         'l',  0,    0,    1,    0,    1,                          // question
                         0,    0,    41,   0x04, 0xD0, 0,   0,   0, 0,   0,   0};  // OPT, 1232
    EXPECT_EQ(build_query(id, orders), expected);
}

TEST(BuildQuery, CarriesTheTypeAndTheLongestName) {
    const std::string label(63, 'a');
    const Question longest = question(label + "." + label + "." + label + "." + std::string(61, 'a'), RrType::srv);
    ASSERT_EQ(longest.name.wire().size(), 255U);
    const Bytes query = build_query(1, longest);
    ASSERT_EQ(query.size(), 12U + 255 + 4 + 11);
    EXPECT_EQ(query[12 + 255 + 1], 33);
}

struct AnswersCase {
    const char* name;
    void (*change)(Bytes& message);
    bool answers;
};
void PrintTo(const AnswersCase& c, std::ostream* out) { *out << c.name; }

class Answers : public testing::TestWithParam<AnswersCase> {};

TEST_P(Answers, OnlyWhatWasAsked) {
    Bytes message = write_response(id, orders, {.answer = {a("orders.local", "10.0.0.1")}});
    GetParam().change(message);
    EXPECT_EQ(answers(message, id, orders), GetParam().answers);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Dns, Answers,
    testing::Values(
        AnswersCase{"AsItIs",           [](Bytes&) {},                            true},
        AnswersCase{"OtherCase",        [](Bytes& m) { m[13] = 'O'; m[20] = 'L'; }, true},
        AnswersCase{"Rcode",            [](Bytes& m) { m[3] |= 3; },              true},
        AnswersCase{"TcAndAa",          [](Bytes& m) { m[2] |= 0x06; },           true},
        AnswersCase{"QuestionOnly",     [](Bytes& m) { m.resize(30); },           true},
        AnswersCase{"CutInTheQuestion", [](Bytes& m) { m.resize(29); },           false},
        AnswersCase{"HeaderOnly",       [](Bytes& m) { m.resize(12); },           false},
        AnswersCase{"CutInTheHeader",   [](Bytes& m) { m.resize(11); },           false},
        AnswersCase{"Nothing",          [](Bytes& m) { m.clear(); },              false},
        AnswersCase{"IdHigh",           [](Bytes& m) { m[0] ^= 1; },              false},
        AnswersCase{"IdLow",            [](Bytes& m) { m[1] ^= 1; },              false},
        AnswersCase{"AQuery",           [](Bytes& m) { m[2] &= 0x7F; },           false},
        AnswersCase{"OpcodeNotify",     [](Bytes& m) { m[2] |= 0x20; },           false},
        AnswersCase{"OpcodeIquery",     [](Bytes& m) { m[2] |= 0x08; },           false},
        AnswersCase{"OpcodeHigh",       [](Bytes& m) { m[2] |= 0x40; },           false},
        AnswersCase{"NoQuestion",       [](Bytes& m) { m[5] = 0; },               false},
        AnswersCase{"TwoQuestions",     [](Bytes& m) { m[5] = 2; },               false},
        AnswersCase{"Questions257",     [](Bytes& m) { m[4] = 1; },               false},
        AnswersCase{"OtherName",        [](Bytes& m) { m[13] = 'x'; },            false},
        AnswersCase{"LengthLikeALetter", [](Bytes& m) { m[12] = 'A'; },           false},
        AnswersCase{"Compressed",       [](Bytes& m) { m[12] = 0xC0; },           false},
        AnswersCase{"OtherType",        [](Bytes& m) { m[27] = 28; },             false},
        AnswersCase{"TypeHigh",         [](Bytes& m) { m[26] = 1; },              false},
        AnswersCase{"OtherClass",       [](Bytes& m) { m[29] = 3; },              false}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Truncated, IsTheTcBitOfAWholeHeader) {
    Bytes message = write_response(id, orders, {.truncated = true});
    EXPECT_TRUE(truncated(message));
    message.resize(12);
    EXPECT_TRUE(truncated(message));
    message.resize(11);
    EXPECT_FALSE(truncated(message));
    EXPECT_FALSE(truncated(write_response(id, orders, {})));
}

TEST(ParseResponse, ReadsEachTypeThatDiscoveryNeeds) {
    const Response response = parsed(
        {.answer = {a("orders.local", "10.0.0.1", 5), aaaa("orders.local", "fd00::1", 6),
                    cname("alias.local", "orders.local", 7), srv("orders.local", 8080, "t1.orders.local", 8, 2, 3)},
         .authority = {soa("local", 900, 300)},
         .additional = {a("t1.orders.local", "10.0.0.9", 9)}});
    EXPECT_EQ(response.rcode, Rcode::noerror);
    EXPECT_FALSE(response.truncated);
    ASSERT_EQ(response.answer.size(), 4U);
    EXPECT_EQ(response.answer[0].owner, orders.name);
    EXPECT_EQ(response.answer[0].ttl, 5s);
    EXPECT_EQ(response.answer[0].rdata, Rdata(ip("10.0.0.1")));
    EXPECT_EQ(response.answer[1].rdata, Rdata(ip("fd00::1")));
    EXPECT_EQ(response.answer[2].rdata, Rdata(Cname{orders.name}));
    EXPECT_EQ(response.answer[3].rdata, Rdata(Srv{2, 3, 8080, question("t1.orders.local").name}));
    ASSERT_EQ(response.authority.size(), 1U);
    EXPECT_EQ(response.authority[0].ttl, 900s);
    EXPECT_EQ(response.authority[0].rdata, Rdata(Soa{300}));
    ASSERT_EQ(response.additional.size(), 1U);
    EXPECT_EQ(response.additional[0].rdata, Rdata(ip("10.0.0.9")));
}

TEST(ParseResponse, LeavesOutWhatIsNotForTheSection) {
    Rr chaos = a("orders.local", "10.0.0.2");
    chaos.rr_class = 3;
    const Response response = parsed({.answer = {chaos, {"orders.local", RrType::txt, 60, {2, 'h', 'i'}}},
                                      .authority = {a("orders.local", "10.0.0.3")},
                                      .additional = {soa("local", 1, 1)}});
    EXPECT_TRUE(response.answer.empty());
    EXPECT_TRUE(response.authority.empty());
    EXPECT_TRUE(response.additional.empty());
}

TEST(ParseResponse, TakesATtlWithTheTopBitForZero) {
    const Response response =
        parsed({.answer = {a("orders.local", "10.0.0.1", 0x7FFFFFFF), a("orders.local", "10.0.0.2", 0x80000000),
                           a("orders.local", "10.0.0.3", 0xFFFFFFFF)}});
    ASSERT_EQ(response.answer.size(), 3U);
    EXPECT_EQ(response.answer[0].ttl, 2147483647s);
    EXPECT_EQ(response.answer[1].ttl, 0s);
    EXPECT_EQ(response.answer[2].ttl, 0s);
}

TEST(ParseResponse, FoldsTheExtendedRcodeIn) {
    EXPECT_EQ(parsed({.rcode = Rcode::nxdomain}).rcode, Rcode::nxdomain);
    EXPECT_EQ(parsed({.rcode = Rcode::nxdomain, .extended_rcode = std::uint8_t{0}}).rcode, Rcode::nxdomain);
    EXPECT_EQ(parsed({.extended_rcode = std::uint8_t{1}}).rcode, Rcode::badvers);
}

TEST(ParseResponse, ReadsTc) { EXPECT_TRUE(parsed({.truncated = true}).truncated); }

TEST(ParseResponse, FollowsCompressionInOwnerAndRdata) {
    Bytes message = write_response(id, orders, {});
    message[7] = 2;
    message.insert(message.end(), {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1});       // A at the question
    message.insert(message.end(), {0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 'T', 0xC0, 19});  // CNAME t.local
    const Result<Response> response = parse_response(message);
    ASSERT_TRUE(response.has_value()) << response.error().message;
    ASSERT_EQ(response->answer.size(), 2U);
    EXPECT_EQ(response->answer[0].owner, orders.name);
    EXPECT_EQ(response->answer[1].rdata, Rdata(Cname{question("t.local").name}));
}

TEST(ParseResponse, CallsMalformedWhatLdnsRejects) {
    const Bytes good = write_response(id, orders, {.answer = {a("orders.local", "10.0.0.1")}});
    for (std::size_t size = 0; size < good.size(); ++size) {
        const Result<Response> response = parse_response(std::span(good).first(size));
        ASSERT_TRUE(response.has_error()) << "cut to " << size;
        EXPECT_EQ(response.error().code, Errc::malformed);
        EXPECT_FALSE(response.error().message.empty());
    }
    Bytes looping = good;
    looping[30] = 0xC0;  // the owner of the answer points to itself
    looping[31] = 30;
    EXPECT_TRUE(parse_response(looping).has_error());
    Bytes short_rdata = write_response(id, orders, {.answer = {{"orders.local", RrType::a, 60, {10, 0, 0}}}});
    EXPECT_TRUE(parse_response(short_rdata).has_error());
}

// ldns 1.8.3 loses the memory of one of the two.
TEST(ParseResponse, CallsMalformedWhatHasOptOrTsigTwice) {
    constexpr std::uint8_t opt = 41;
    constexpr std::uint8_t tsig = 250;
    for (const std::uint8_t type : {opt, tsig}) {
        Bytes message = write_response(id, orders, {.answer = {a("orders.local", "10.0.0.1")}});
        const Bytes record{0, 0, type, 0, 1, 0, 0, 0, 0, 0, 0};
        for (int times = 1; times <= 2; ++times) {
            message.insert(message.end(), record.begin(), record.end());
            ++message[11];  // ARCOUNT
            EXPECT_EQ(parse_response(message).has_value(), times == 1) << int{type} << " " << times << " times";
        }
    }
}

TEST(ParseResponse, ReadsAnyChangedOctetWithoutHarm) {
    const Bytes good = write_response(id, orders,
                                      {.answer = {srv("orders.local", 1, "t.local"), cname("a.b", "c.d")},
                                       .authority = {soa("local", 1, 1)},
                                       .additional = {aaaa("t.local", "fd00::1")},
                                       .extended_rcode = std::uint8_t{0}});
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const unsigned value : {0U, 1U, 0x3FU, 0x40U, 0xC0U, 0xFFU}) {
            Bytes changed = good;
            changed[at] = static_cast<std::uint8_t>(value);
            (void)parse_response(changed);  // the sanitizers are the assertion
            (void)answers(changed, id, orders);
        }
    }
}

TEST(ToString, NamesTypesAndRcodes) {
    EXPECT_STREQ(to_string(RrType::a), "A");
    EXPECT_STREQ(to_string(RrType::aaaa), "AAAA");
    EXPECT_STREQ(to_string(RrType::srv), "SRV");
    EXPECT_STREQ(to_string(static_cast<RrType>(65)), "TYPE");
    EXPECT_STREQ(to_string(Rcode::servfail), "SERVFAIL");
    EXPECT_STREQ(to_string(Rcode::nxdomain), "NXDOMAIN");
    EXPECT_STREQ(to_string(Rcode::badvers), "BADVERS");
    EXPECT_STREQ(to_string(static_cast<Rcode>(9)), "RCODE");
}

}  // namespace
}  // namespace taskdns::dns
