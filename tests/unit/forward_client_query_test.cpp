// What goes to the upstream for a client, and what comes back to it: octets in, octets out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forward/client_query.hpp"
#include "support/dns_client.hpp"

namespace taskdns::forward {
namespace {

using testing::SizeIs;
using testing_support::DnsQuery;
using testing_support::DnsReply;
using testing_support::encode_query;
using testing_support::parse_reply;
using testing_support::WireBytes;

constexpr std::uint16_t client_id = 0xC11E;
constexpr std::uint16_t our_id = 0x0A5C;

void append(WireBytes& to, const WireBytes& octets) { to.insert(to.end(), octets.begin(), octets.end()); }

/// `A 192.0.2.<last>`, owned by the question's name.
WireBytes a_record(std::uint8_t last) { return {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last}; }
const WireBytes opt_record{0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0};

/// An upstream's answer to `query` with so many records; the flags are those of a resolver.
WireBytes answer_to(const WireBytes& query, unsigned records, bool with_opt, std::uint8_t rcode = 0) {
    const std::size_t question_end = [&] {
        std::size_t at = 12;
        while (query[at] != 0) at += std::size_t{query[at]} + 1;
        return at + 5;
    }();
    WireBytes out(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(question_end));
    out[2] = static_cast<std::uint8_t>(out[2] | 0x80);
    out[3] = static_cast<std::uint8_t>(0x80 | 0x20 | rcode);  // RA, AD
    out[7] = static_cast<std::uint8_t>(records);
    out[11] = with_opt ? 1 : 0;
    for (unsigned i = 0; i < records; ++i) append(out, a_record(static_cast<std::uint8_t>(i)));
    if (with_opt) append(out, opt_record);
    return out;
}

ClientQuery client_query(const DnsQuery& query) {
    return parse_client_query(encode_query(query, client_id), query.tcp).value();
}

TEST(UpstreamQuery, AsksTheSameQuestionWithAnIdAndOptOfItsOwn) {
    const auto query = client_query({.name = "Example.COM", .type = "MX", .edns = 4096, .dnssec_ok = true});
    const DnsReply asked = parse_reply(upstream_query(query, our_id));
    EXPECT_EQ(asked.bytes[0] << 8 | asked.bytes[1], our_id);
    EXPECT_EQ(asked.question, "Example.COM. IN MX");
    EXPECT_EQ(asked.flags, "rd ad") << "AD asks for AD, as DO does";
    EXPECT_TRUE(asked.has_opt);
    EXPECT_EQ(asked.payload_size, 1232);
    EXPECT_EQ(asked.bytes.at(asked.bytes.size() - 4), 0x80) << "DO";
}

TEST(UpstreamQuery, HasNoOptIfTheClientSentNone) {
    const DnsQuery query{.name = "example.com", .edns = {}, .recursion_desired = false, .checking_disabled = true};
    const DnsReply asked = parse_reply(upstream_query(client_query(query), our_id));
    EXPECT_FALSE(asked.has_opt);
    EXPECT_EQ(asked.flags, "cd");
}

TEST(UpstreamQuery, LeavesTheClientsOptionsBehind) {
    WireBytes octets = encode_query({.name = "example.com"}, client_id);
    octets.back() = 4;
    append(octets, {0, 11, 0, 0});  // edns-tcp-keepalive: not to be sent over UDP (RFC 7828)
    const auto query = parse_client_query(octets, true);
    ASSERT_TRUE(query);
    EXPECT_EQ(upstream_query(*query, our_id).size(), octets.size() - 4);
}

struct MatchCase {
    std::string name;
    std::function<void(WireBytes&)> change;
    bool accepted;
};
void PrintTo(const MatchCase& row, std::ostream* out) { *out << row.name; }

class Answers : public testing::TestWithParam<MatchCase> {};

TEST_P(Answers, ToTheQuery) {
    const auto query = client_query({.name = "example.com"});
    WireBytes message = answer_to(upstream_query(query, our_id), 1, true);
    GetParam().change(message);
    EXPECT_EQ(answers(query, our_id, message), GetParam().accepted);
}

INSTANTIATE_TEST_SUITE_P(Forward, Answers,
                         testing::Values(MatchCase{"AsSent", [](WireBytes&) {}, true},
                                         MatchCase{"InOtherLetters", [](WireBytes& m) { m[13] = 'E'; }, true},
                                         MatchCase{"NotWithAnotherId", [](WireBytes& m) { ++m[1]; }, false},
                                         MatchCase{"NotAQuery", [](WireBytes& m) { m[2] &= 0x7F; }, false},
                                         MatchCase{"NotWithAnotherOpcode", [](WireBytes& m) { m[2] |= 0x20; }, false},
                                         MatchCase{"NotWithAnotherName", [](WireBytes& m) { m[13] = 'f'; }, false},
                                         MatchCase{"NotWithAnotherType", [](WireBytes& m) { m[12 + 13 + 1] = 28; },
                                                   false},
                                         MatchCase{"NotWithoutAQuestion", [](WireBytes& m) { m[5] = 0; }, false},
                                         MatchCase{"NotCut", [](WireBytes& m) { m.resize(20); }, false},
                                         MatchCase{"NotARunt", [](WireBytes& m) { m.resize(3); }, false}),
                         [](const auto& instance) { return instance.param.name; });

DnsReply relayed(const DnsQuery& client, unsigned records, bool with_opt, std::uint8_t rcode = 0) {
    const auto query = client_query(client);
    WireBytes message = answer_to(upstream_query(query, our_id), records, with_opt, rcode);
    for (std::size_t i = 12; i < 20; ++i) {
        if (message[i] >= 'a' && message[i] <= 'z') message[i] = static_cast<std::uint8_t>(message[i] - 32);
    }
    const auto out = client_answer(query, message);
    return out ? parse_reply(*out) : DnsReply{};
}

TEST(ClientAnswer, RestoresIdQuestionAndFlags) {
    const DnsQuery query{.name = "eXample.com", .recursion_desired = false, .checking_disabled = true};
    const DnsReply reply = relayed(query, 2, true);
    EXPECT_EQ(reply.bytes[0] << 8 | reply.bytes[1], client_id);
    EXPECT_EQ(reply.question, "eXample.com. IN A");
    EXPECT_EQ(reply.flags, "ra cd") << "no AD: the client asked for none";
    EXPECT_THAT(reply.rdata("A"), testing::ElementsAre("192.0.2.0", "192.0.2.1"));
}

TEST(ClientAnswer, KeepsAdForWhoAsksWithDo) {
    EXPECT_EQ(relayed({.name = "example.com", .dnssec_ok = true}, 1, true).flags, "rd ra ad");
}

TEST(ClientAnswer, RelaysTheRcode) {
    EXPECT_EQ(relayed({.name = "example.com"}, 0, true, 3).rcode, "NXDOMAIN");
    EXPECT_EQ(relayed({.name = "example.com"}, 0, true, 5).rcode, "REFUSED");
}

TEST(ClientAnswer, RemovesAnOptThatTheClientDidNotAskFor) {
    const DnsReply reply = relayed({.name = "example.com", .edns = {}}, 2, true);
    EXPECT_FALSE(reply.has_opt);
    EXPECT_EQ(reply.rdata("A").size(), 2U);
    EXPECT_TRUE(relayed({.name = "example.com"}, 2, true).has_opt);
}

TEST(ClientAnswer, IsNullWhereTheRecordsAreNotWhole) {
    const auto query = client_query({.name = "example.com", .edns = {}});
    WireBytes message = answer_to(upstream_query(query, our_id), 1, true);
    message.pop_back();
    EXPECT_FALSE(client_answer(query, message));
}

struct LimitCase {
    std::string name;
    std::optional<std::uint16_t> edns;
    bool tcp;
    unsigned records;  ///< of 16 octets each, beside 12 + 17 (and 11 for OPT)
    bool truncated;
};
void PrintTo(const LimitCase& row, std::ostream* out) { *out << row.name; }

class ClientLimit : public testing::TestWithParam<LimitCase> {};

TEST_P(ClientLimit, IsHeld) {
    const auto& row = GetParam();
    const DnsReply reply = relayed({.name = "example.com", .tcp = row.tcp, .edns = row.edns}, row.records, true);
    EXPECT_EQ(reply.has_flag("tc"), row.truncated);
    EXPECT_THAT(reply.answer, SizeIs(row.truncated ? 0 : row.records));
    EXPECT_EQ(reply.has_opt, row.edns.has_value());
}

INSTANTIATE_TEST_SUITE_P(Forward, ClientLimit,
                         testing::Values(LimitCase{"Plain512", {}, false, 30, false},   // 509
                                         LimitCase{"PlainAbove", {}, false, 31, true},  // 525
                                         LimitCase{"SmallCountsAs512", 100, false, 29, false},
                                         LimitCase{"StatedSize", 800, false, 47, false},  // 792
                                         LimitCase{"AboveStatedSize", 800, false, 48, true},
                                         LimitCase{"NeverAbove1232", 4096, false, 75, true},  // 1240
                                         LimitCase{"Tcp", 512, true, 250, false}),
                         [](const auto& instance) { return instance.param.name; });

TEST(Failure, IsServfailWithTheReasonForWhoCanReadIt) {
    const DnsReply with =
        parse_reply(failure(client_query({.name = "Example.com"}), dns::Ede::network_error, "no network"));
    EXPECT_EQ(with.rcode, "SERVFAIL");
    EXPECT_EQ(with.flags, "rd ra");
    EXPECT_EQ(with.question, "Example.com. IN A");
    EXPECT_EQ(with.errors, (std::vector<std::pair<unsigned, std::string>>{{23, "no network"}}));
    const DnsReply without = parse_reply(
        failure(client_query({.name = "example.com", .edns = {}}), dns::Ede::network_error, "no network"));
    EXPECT_EQ(without.rcode, "SERVFAIL");
    EXPECT_FALSE(without.has_opt);
}

TEST(ParseClientQuery, RejectsWhatIsNotOneWholeQuestion) {
    const WireBytes whole = encode_query({.name = "example.com"}, client_id);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const WireBytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_FALSE(parse_client_query(cut, false)) << length;
    }
    EXPECT_TRUE(parse_client_query(whole, false));
}

}  // namespace
}  // namespace taskdns::forward
