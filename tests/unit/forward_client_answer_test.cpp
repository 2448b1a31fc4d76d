// An answer as each client gets it: flags, OPT, errors, TTLs, sizes.
#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forward/client_answer.hpp"
#include "support/dns_client.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::forward {
namespace {

using namespace std::chrono_literals;
using testing_support::a;
using testing_support::cname;
using testing_support::DnsQuery;
using testing_support::DnsReply;
using testing_support::encode_query;
using testing_support::Rr;
using testing_support::Sections;
using testing_support::WireBytes;

constexpr std::uint16_t id = 0xC11E;

/// An upstream's answer to `name`, read as the forwarder reads it.
UpstreamAnswer upstream_says(const Sections& sections, std::uint8_t flags2 = 0, std::uint8_t flags3 = 0) {
    const dns::Question asked = testing_support::question("example.com", dns::RrType::a);
    Question question;
    question.name.assign(asked.name.wire().begin(), asked.name.wire().end());
    question.form.type = 1;
    dns::Bytes message = testing_support::write_response(1, asked, sections);
    message[2] = static_cast<std::uint8_t>(message[2] | flags2);
    message[3] = static_cast<std::uint8_t>(message[3] | flags3);
    return *read_upstream_answer(std::move(message), question, {});
}

Sections records(unsigned count) {
    Sections out;
    for (unsigned i = 0; i < count; ++i) out.answer.push_back(a("example.com", "192.0.2." + std::to_string(i), 60));
    return out;
}

struct Written {
    WireBytes bytes;
    DnsReply reply;
};

Written write(const DnsQuery& query, const Served& served, std::size_t room = 4096, bool ad_bit = false) {
    WireBytes buffer = encode_query(query, id);
    if (ad_bit) buffer[3] |= dns::flag_ad;
    dns::Query parsed;
    EXPECT_EQ(dns::parse_query(buffer, parsed), dns::ParseOutcome::ok);
    const Client client = Client::of(parsed, buffer.data(), query.tcp);
    buffer.resize(70'000, 0xEE);
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(client.question_end), buffer.end(), 0xEE);
    Written out;
    const std::size_t size = write_answer(std::span(buffer).first(room), client, served);
    out.bytes.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(std::max(size, client.question_end)),
                            buffer.end(), [](std::uint8_t octet) { return octet == 0xEE; }))
        << "nothing is written behind the answer";
    if (!out.bytes.empty()) out.reply = testing_support::parse_reply(out.bytes);
    return out;
}

struct FlagCase {
    std::string name;
    DnsQuery query;
    std::uint8_t upstream2;  ///< bits of its header's octets
    std::uint8_t upstream3;
    std::string flags;
    bool ad_bit = false;
};
void PrintTo(const FlagCase& row, std::ostream* out) { *out << row.name; }

class ClientFlags : public testing::TestWithParam<FlagCase> {};

TEST_P(ClientFlags, Are) {
    const auto& row = GetParam();
    const UpstreamAnswer answer = upstream_says(records(1), row.upstream2, row.upstream3);
    const DnsReply reply = write(row.query, Served::fresh(answer), 4096, row.ad_bit).reply;
    EXPECT_EQ(reply.flags, row.flags);
    EXPECT_EQ(reply.bytes[0] << 8 | reply.bytes[1], id);
    EXPECT_EQ(reply.question, row.query.name + ". IN A");
    EXPECT_EQ(reply.has_opt, row.query.edns.has_value());
    EXPECT_EQ(reply.rdata("A").size(), 1U);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Forward, ClientFlags, testing::Values(
    FlagCase{"Plain",              {.name = "example.com", .edns = {}},              0, 0,    "rd ra"},
    FlagCase{"LettersAsSent",      {.name = "eXample.COM"},                          0, 0,    "rd ra"},
    FlagCase{"WithoutRd",          {.name = "example.com", .recursion_desired = false}, 0, 0, "ra"},
    FlagCase{"Cd",                 {.name = "example.com", .checking_disabled = true},  0, 0, "rd ra cd"},
    FlagCase{"CdOfTheUpstream",    {.name = "example.com"},                          0, 0x10, "rd ra"},
    FlagCase{"AdUnasked",          {.name = "example.com"},                          0, 0x20, "rd ra"},
    FlagCase{"AdForDo",            {.name = "example.com", .dnssec_ok = true},       0, 0x20, "rd ra ad"},
    FlagCase{"AdForAd",            {.name = "example.com", .edns = {}},              0, 0x20, "rd ra ad", true},
    FlagCase{"AdNotSet",           {.name = "example.com", .dnssec_ok = true},       0, 0,    "rd ra"},
    FlagCase{"NeverAa",            {.name = "example.com"},                          4, 0,    "rd ra"},
    FlagCase{"NeverZ",             {.name = "example.com"},                          0, 0x40, "rd ra"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ClientAnswer, CopiesDoIntoOpt) {
    const UpstreamAnswer answer = upstream_says(records(0));
    const auto with = write({.name = "example.com", .dnssec_ok = true}, Served::fresh(answer)).bytes;
    EXPECT_EQ(with.at(with.size() - 4), 0x80);
    const auto without = write({.name = "example.com"}, Served::fresh(answer)).bytes;
    EXPECT_EQ(without.at(without.size() - 4), 0);
}

TEST(ClientAnswer, CountsTtlsDownOrSetsThem) {
    const UpstreamAnswer answer =
        upstream_says({.answer = {a("example.com", "192.0.2.1", 60), a("example.com", "192.0.2.2", 100)}});
    Served served = Served::fresh(answer);
    served.age = 45;
    DnsReply reply = write({.name = "example.com"}, served).reply;
    EXPECT_EQ(reply.answer.at(0).ttl, 15U);
    EXPECT_EQ(reply.answer.at(1).ttl, 55U);
    served.most_ttl = 30;
    reply = write({.name = "example.com"}, served).reply;
    EXPECT_EQ(reply.answer.at(0).ttl, 30U);
    EXPECT_EQ(reply.answer.at(1).ttl, 30U);
}

TEST(ClientAnswer, HasTheUpstreamsErrorsAndOursForWhoSentOpt) {
    UpstreamAnswer answer = upstream_says(records(1));
    answer.errors = {0, 15, 0, 3, 0, 6, 'x'};
    Served served = Served::fresh(answer);
    const dns::ExtendedError stale{dns::Ede::stale_answer, {}};
    served.error = &stale;
    const DnsReply reply = write({.name = "example.com"}, served).reply;
    EXPECT_TRUE(reply.has_error(6));
    EXPECT_TRUE(reply.has_error(3));
    EXPECT_EQ(reply.errors.size(), 2U);
    EXPECT_FALSE(write({.name = "example.com", .edns = {}}, served).reply.has_opt);
}

TEST(ClientAnswer, LeavesTheErrorsOutWhereOnlyTheyDoNotFit) {
    UpstreamAnswer answer = upstream_says(records(17));  // 29 + 17 * 27 = 488 octets and OPT are 499
    answer.errors = {0, 15, 0, 12, 0, 6, '1', '2', '3', '4', '5', '6', '7', '8', '9', '0'};
    const DnsReply reply = write({.name = "example.com", .edns = 512}, Served::fresh(answer)).reply;
    EXPECT_FALSE(reply.has_flag("tc"));
    EXPECT_EQ(reply.answer.size(), 17U);
    EXPECT_TRUE(reply.has_opt);
    EXPECT_TRUE(reply.errors.empty());
}

TEST(ClientAnswer, LeavesTheAdditionalSectionOutWhereOnlyItDoesNotFit) {
    Sections sections = records(10);                         // 29 + 10 * 27 = 299 octets
    Rr nameserver = cname("example.com", "ns.example.com");  // so that its addresses belong to the answer
    nameserver.type = dns::RrType::ns;
    sections.authority.push_back(nameserver);
    for (int i = 0; i < 10; ++i) sections.additional.push_back(a("ns.example.com", "192.0.2.9", 60));
    const UpstreamAnswer answer = upstream_says(sections);
    const DnsReply small = write({.name = "example.com", .edns = {}}, Served::fresh(answer)).reply;
    EXPECT_FALSE(small.has_flag("tc")) << "RFC 2181 section 9";
    EXPECT_EQ(small.answer.size(), 10U);
    EXPECT_TRUE(small.additional.empty());
    EXPECT_EQ(write({.name = "example.com"}, Served::fresh(answer)).reply.additional.size(), 10U);
    for (int i = 0; i < 200; ++i) sections.additional.push_back(a("ns.example.com", "192.0.2.9", 60));
    const UpstreamAnswer large = upstream_says(sections);
    Served older = Served::fresh(large);
    older.age = 10;
    EXPECT_EQ(write({.name = "example.com"}, older, 1232).reply.answer.size(), 10U);
}

struct LimitCase {
    std::string name;
    std::optional<std::uint16_t> edns;
    bool tcp;
    unsigned records;  ///< of 27 octets each, beside 12 + 17 (and 11 for OPT)
    bool truncated;
};
void PrintTo(const LimitCase& row, std::ostream* out) { *out << row.name; }

class ClientLimit : public testing::TestWithParam<LimitCase> {};

TEST_P(ClientLimit, IsHeld) {
    const auto& row = GetParam();
    const UpstreamAnswer answer = upstream_says(records(row.records));
    const auto [bytes, reply] =
        write({.name = "example.com", .tcp = row.tcp, .edns = row.edns}, Served::fresh(answer), 65'535);
    EXPECT_EQ(reply.has_flag("tc"), row.truncated);
    EXPECT_EQ(reply.answer.size(), row.truncated ? 0U : row.records);
    EXPECT_EQ(reply.has_opt, row.edns.has_value());
    EXPECT_EQ(bytes.size(), 29 + (row.truncated ? 0U : row.records * 27) + (row.edns ? 11U : 0U));
}

INSTANTIATE_TEST_SUITE_P(Forward, ClientLimit,
                         testing::Values(LimitCase{"Plain512", {}, false, 17, false},   // 488
                                         LimitCase{"PlainAbove", {}, false, 18, true},  // 515
                                         LimitCase{"SmallCountsAs512", 100, false, 17, false},
                                         LimitCase{"SmallAbove512", 100, false, 18, true},
                                         LimitCase{"StatedSize", 796, false, 28, false},  // 796
                                         LimitCase{"AboveStatedSize", 795, false, 28, true},
                                         LimitCase{"Largest", 4096, false, 44, false},        // 1228
                                         LimitCase{"NeverAbove1232", 4096, false, 45, true},  // 1255
                                         LimitCase{"Tcp", 512, true, 250, false},
                                         LimitCase{"TcpWithoutOpt", {}, true, 250, false}),
                         [](const auto& instance) { return instance.param.name; });

TEST(ClientAnswer, WritesNothingWhereTheBufferIsTooSmall) {
    const UpstreamAnswer answer = upstream_says(records(250));  // 6,779 octets
    EXPECT_TRUE(write({.name = "example.com", .tcp = true}, Served::fresh(answer), 4096).bytes.empty());
    EXPECT_FALSE(write({.name = "example.com"}, Served::fresh(answer), 4096).bytes.empty()) << "TC fits";
}

TEST(ClientAnswer, KeepsPointersIntoTheQuestion) {
    const UpstreamAnswer answer = [] {
        UpstreamAnswer out = upstream_says(records(0));
        out.message[7] = 1;
        const std::uint8_t rr[] = {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7};
        out.ttls.push_back(static_cast<std::uint16_t>(out.message.size() + 6));
        out.message.insert(out.message.end(), std::begin(rr), std::end(rr));
        return out;
    }();
    EXPECT_EQ(write({.name = "eXAMPLE.com"}, Served::fresh(answer)).reply.answer.at(0).owner, "eXAMPLE.com.");
}

TEST(ClientFailure, IsWithoutRecordsAndSaysWhyToWhoSentOpt) {
    for (const bool with_opt : {true, false}) {
        WireBytes buffer = encode_query({.name = "Example.com",
                                         .edns = with_opt ? std::optional<std::uint16_t>(1232) : std::nullopt,
                                         .checking_disabled = true},
                                        id);
        dns::Query query;
        ASSERT_EQ(dns::parse_query(buffer, query), dns::ParseOutcome::ok);
        const Client client = Client::of(query, buffer.data(), false);
        buffer.resize(4096);
        buffer.resize(write_failure(buffer, client, dns::Rcode::servfail, {dns::Ede::other, "too many"}));
        const DnsReply reply = testing_support::parse_reply(buffer);
        EXPECT_EQ(reply.rcode, "SERVFAIL");
        EXPECT_EQ(reply.flags, "rd ra cd");
        EXPECT_EQ(reply.question, "Example.com. IN A");
        EXPECT_EQ(reply.has_opt, with_opt);
        EXPECT_EQ(reply.has_error(0), with_opt);
    }
}

}  // namespace
}  // namespace taskdns::forward
