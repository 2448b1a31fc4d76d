// What is read from an upstream's answer: kind, lifetime, TTLs, errors; and what is sent to it.
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forward/upstream_answer.hpp"
#include "support/dns_client.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::forward {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_support::a;
using testing_support::cname;
using testing_support::Rr;
using testing_support::Sections;
using testing_support::soa;

constexpr std::uint16_t id = 0x0A5C;

Question question_for(const std::string& name, dns::RrType type = dns::RrType::a) {
    const dns::Question asked = testing_support::question(name, type);
    Question question;
    question.name.assign(asked.name.wire().begin(), asked.name.wire().end());
    question.form.type = static_cast<std::uint16_t>(type);
    return question;
}

dns::Bytes response(const Sections& sections, dns::RrType type = dns::RrType::a) {
    return testing_support::write_response(id, testing_support::question("a.example", type), sections);
}

/// An OPT record: `upper` bits of the rcode, EDE codes.
Rr opt(std::uint32_t upper = 0, const std::vector<std::pair<std::uint8_t, std::string>>& errors = {}) {
    Rr rr{".", dns::RrType::opt, upper << 24, {0, 10, 0, 2, 1, 2}, 1232};  // a cookie stands first
    for (const auto& [code, text] : errors) {
        const auto size = static_cast<std::uint8_t>(2 + text.size());
        rr.rdata.insert(rr.rdata.end(), {0, 15, 0, size, 0, code});
        rr.rdata.insert(rr.rdata.end(), text.begin(), text.end());
    }
    return rr;
}

std::vector<std::uint32_t> ttls_of(const UpstreamAnswer& answer) {
    std::vector<std::uint32_t> out;
    for (const std::uint16_t at : answer.ttls) out.push_back(dns::read_u32(&answer.message[at]));
    return out;
}

struct LifetimeCase {
    std::string name;
    Sections sections;
    Kind kind;
    seconds lifetime;
    std::vector<std::uint32_t> ttls;
    dns::RrType type = dns::RrType::a;
};
void PrintTo(const LifetimeCase& row, std::ostream* out) { *out << row.name; }

class Lifetime : public testing::TestWithParam<LifetimeCase> {};

TEST_P(Lifetime, IsThatOfTheSmallestTtlWithinTheLimits) {
    const auto& row = GetParam();
    const auto answer =
        read_upstream_answer(response(row.sections, row.type), question_for("a.example", row.type), {});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind, row.kind);
    EXPECT_EQ(answer->lifetime, row.lifetime);
    EXPECT_EQ(ttls_of(*answer), row.ttls);
}

constexpr auto nxdomain = dns::Rcode::nxdomain;
Rr ns(const std::string& owner, const std::string& target) {
    Rr rr = cname(owner, target);
    rr.type = dns::RrType::ns;
    return rr;
}
const auto chain = cname("a.example", "b.example", 60);
// clang-format off
INSTANTIATE_TEST_SUITE_P(Forward, Lifetime, testing::Values(
    LifetimeCase{"OneRecord", {.answer = {a("a.example", "192.0.2.1", 60)}}, Kind::positive, 60s, {60}},
    LifetimeCase{"TheSmallest", {.answer = {a("a.example", "192.0.2.1", 60), a("a.example", "192.0.2.2", 20)}}, Kind::positive, 20s, {60, 20}},
    LifetimeCase{"AlsoOfTheAdditionalSection", {.answer = {a("a.example", "192.0.2.1", 60)}, .authority = {ns("example", "ns.example")}, .additional = {a("ns.example", "192.0.2.2", 7)}}, Kind::positive, 7s, {60, 60, 7}},
    LifetimeCase{"NotOfARecordThatDoesNotBelong", {.answer = {a("a.example", "192.0.2.1", 60), a("b.example", "6.6.6.6", 1)}, .authority = {soa("evil", 1, 1)}, .additional = {a("ns.example", "6.6.6.6", 1)}}, Kind::positive, 60s, {60}},
    LifetimeCase{"NodataWhereOnlyOthersHaveRecords", {.answer = {a("b.example", "6.6.6.6", 60)}}, Kind::nodata, 5s, {}},
    LifetimeCase{"NxdomainByAnSoaFromElsewhere", {.rcode = nxdomain, .authority = {soa("evil", 1, 1)}}, Kind::nxdomain, 5s, {}},
    LifetimeCase{"Chain", {.answer = {cname("a.example", "b.example", 10), a("b.example", "192.0.2.1", 60)}}, Kind::positive, 10s, {10, 60}},
    LifetimeCase{"Day", {.answer = {a("a.example", "192.0.2.1", 86'400)}}, Kind::positive, 300s, {300}},
    LifetimeCase{"Zero", {.answer = {a("a.example", "192.0.2.1", 0)}}, Kind::positive, 1s, {1}},
    LifetimeCase{"TopBit", {.answer = {a("a.example", "192.0.2.1", 0x80000000)}}, Kind::positive, 1s, {1}},
    LifetimeCase{"TopBitAndAll", {.answer = {a("a.example", "192.0.2.1", 0xFFFFFFFF)}}, Kind::positive, 1s, {1}},
    LifetimeCase{"CnameAskedFor", {.answer = {chain}}, Kind::positive, 60s, {60}, dns::RrType::cname},
    LifetimeCase{"AnyAskedFor", {.answer = {chain}}, Kind::positive, 60s, {60}, dns::RrType::any},
    LifetimeCase{"Nxdomain", {.rcode = nxdomain, .authority = {soa("example", 900, 900)}}, Kind::nxdomain, 5s, {5}},
    LifetimeCase{"NxdomainBySoaMinimum", {.rcode = nxdomain, .authority = {soa("example", 900, 3)}}, Kind::nxdomain, 3s, {3}},
    LifetimeCase{"NxdomainBySoaTtl", {.rcode = nxdomain, .authority = {soa("example", 2, 900)}}, Kind::nxdomain, 2s, {2}},
    LifetimeCase{"NxdomainForNoTime", {.rcode = nxdomain, .authority = {soa("example", 900, 0)}}, Kind::nxdomain, 1s, {1}},
    LifetimeCase{"NxdomainSoaTtlWithTopBit", {.rcode = nxdomain, .authority = {soa("example", 0x80000384, 900)}}, Kind::nxdomain, 1s, {1}},
    LifetimeCase{"NxdomainWithoutSoa", {.rcode = nxdomain}, Kind::nxdomain, 5s, {}},
    LifetimeCase{"NxdomainWithOnlyNs", {.rcode = nxdomain, .authority = {Rr{"example", dns::RrType::ns, 60, {0}}}}, Kind::nxdomain, 5s, {5}},
    LifetimeCase{"NxdomainBehindACname", {.rcode = nxdomain, .answer = {chain}, .authority = {soa("example", 900, 900)}}, Kind::nxdomain, 5s, {60, 5}},
    LifetimeCase{"ProofOfNxdomain", {.rcode = nxdomain, .authority = {Rr{"example", static_cast<dns::RrType>(47), 600, {0}}, soa("example", 900, 4)}}, Kind::nxdomain, 4s, {4, 4}},
    LifetimeCase{"Nodata", {.authority = {soa("example", 900, 900)}}, Kind::nodata, 5s, {5}},
    LifetimeCase{"NodataWithoutSoa", {}, Kind::nodata, 5s, {}},
    LifetimeCase{"NodataBehindACname", {.answer = {cname("a.example", "b.example", 2)}, .authority = {soa("example", 900, 900)}}, Kind::nodata, 2s, {2, 5}},
    LifetimeCase{"NodataBehindACnameWithoutSoa", {.answer = {chain}}, Kind::nodata, 5s, {60}},
    LifetimeCase{"SoaAskedFor", {.answer = {soa("a.example", 60, 1)}}, Kind::positive, 60s, {60}, dns::RrType::soa},
    LifetimeCase{"SoaOfAPositiveAnswerSaysNothing", {.answer = {a("a.example", "192.0.2.1", 60)}, .authority = {soa("example", 100, 1)}}, Kind::positive, 60s, {60, 100}},
    LifetimeCase{"Servfail", {.rcode = dns::Rcode::servfail}, Kind::failure, 5s, {}},
    LifetimeCase{"Refused", {.rcode = dns::Rcode::refused}, Kind::failure, 5s, {}},
    LifetimeCase{"ServfailWithRecords", {.rcode = dns::Rcode::servfail, .authority = {soa("example", 1, 1), soa("example", 900, 1)}}, Kind::failure, 5s, {5, 5}},
    LifetimeCase{"Cut", {.answer = {a("a.example", "192.0.2.1", 60)}, .truncated = true}, Kind::positive, 0s, {60}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(UpstreamAnswerLimits, AreThoseOfTheConfiguration) {
    config::Forward limits;
    limits.min_ttl = 30s;
    limits.max_ttl = 40s;
    limits.negative_ttl = 60s;
    const Question question = question_for("a.example");
    const auto few = response({.answer = {a("a.example", "192.0.2.1", 5), a("a.example", "192.0.2.2", 100)}});
    EXPECT_THAT(ttls_of(*read_upstream_answer(few, question, limits)), ElementsAre(30, 40));
    const auto none = response({.rcode = nxdomain, .authority = {soa("example", 900, 900)}});
    EXPECT_EQ(read_upstream_answer(none, question, limits)->lifetime, 40s) << "max_ttl holds for all";
    limits.negative_ttl = 0s;
    EXPECT_EQ(read_upstream_answer(none, question, limits)->lifetime, 0s);
}

TEST(UpstreamAnswerOpt, IsTakenOutAndOnlyItsErrorsAreKept) {
    const Sections sections{.answer = {a("a.example", "192.0.2.1")},
                            .additional = {opt(0, {{6, "bogus"}, {9, ""}}), a("ns.example", "192.0.2.9")}};
    const auto answer = read_upstream_answer(response(sections), question_for("a.example"), {});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->had_opt);
    const auto reply = testing_support::parse_reply(answer->message);
    EXPECT_FALSE(reply.has_opt);
    EXPECT_THAT(reply.answer, testing::SizeIs(1));
    EXPECT_THAT(reply.additional, testing::IsEmpty()) << "nothing refers to ns.example";
    EXPECT_EQ(answer->errors, (dns::Bytes{0, 15, 0, 7, 0, 6, 'b', 'o', 'g', 'u', 's', 0, 15, 0, 2, 0, 9}));
}

TEST(UpstreamAnswerOpt, GivesTheRcodeItsUpperBits) {
    const auto answer = read_upstream_answer(response({.additional = {opt(1)}}), question_for("a.example"), {});
    EXPECT_EQ(answer->rcode, 16U);
    EXPECT_EQ(answer->kind, Kind::failure);
}

TEST(UpstreamAnswerOpt, KeepsNoMoreErrorsThanFit) {
    const auto answer = read_upstream_answer(
        response({.additional = {opt(0, {{6, std::string(200, 'x')}, {7, std::string(200, 'y')}, {9, "z"}})}}),
        question_for("a.example"), {});
    EXPECT_EQ(answer->errors.size(), 206U + 7U);
}

TEST(UpstreamAnswer, IsNullWhereverItIsCut) {
    const dns::Bytes whole = response({.answer = {a("a.example", "192.0.2.1")}, .additional = {opt(0, {{6, "x"}})}});
    const Question question = question_for("a.example");
    for (std::size_t size = question.end(); size < whole.size(); ++size) {
        const dns::Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(read_upstream_answer(cut, question, {})) << size;
    }
    dns::Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(read_upstream_answer(longer, question, {})) << "something follows the records";
}

/// Any octets behind the question: read or rejected, never beyond their end (AddressSanitizer would tell).
TEST(UpstreamAnswer, SurvivesAnyOctets) {
    const dns::Bytes whole = response({.answer = {chain, a("b.example", "192.0.2.1")},
                                       .authority = {soa("example", 900, 900)},
                                       .additional = {a("ns.example", "192.0.2.2"), opt(0, {{6, "bogus"}})}});
    const Question question = question_for("a.example");
    std::mt19937 random(20'261'122);
    std::size_t accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        dns::Bytes message = whole;
        for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
            const std::size_t at = question.end() + random() % (message.size() - question.end());
            message[random() % 8 == 0 ? 6 + random() % 6 : at] = static_cast<std::uint8_t>(random());
        }
        if (random() % 4 == 0) message.resize(question.end() + random() % (message.size() - question.end()));
        const auto answer = read_upstream_answer(message, question, {});
        if (!answer) continue;
        ++accepted;
        ASSERT_LE(answer->message.size(), message.size());
        ASSERT_LE(answer->additional, answer->message.size());
        for (const std::uint16_t ttl : answer->ttls) ASSERT_LE(ttl + 4U, answer->message.size());
        ASSERT_LE(answer->lifetime, 300s);
    }
    EXPECT_GT(accepted, 1'000U);
}

struct MatchCase {
    std::string name;
    std::function<void(dns::Bytes&)> change;
    bool accepted;
};
void PrintTo(const MatchCase& row, std::ostream* out) { *out << row.name; }

class Match : public testing::TestWithParam<MatchCase> {};

TEST_P(Match, ToTheQuery) {
    dns::Bytes message = response({.answer = {a("a.example", "192.0.2.1")}});
    GetParam().change(message);
    EXPECT_EQ(is_answer_to(question_for("a.example"), id, message), GetParam().accepted);
}

using M = dns::Bytes&;
INSTANTIATE_TEST_SUITE_P(Forward, Match,
                         testing::Values(MatchCase{"AsSent", [](M) {}, true},
                                         MatchCase{"InOtherLetters", [](M m) { m[13] = 'A'; }, true},
                                         MatchCase{"NotWithAnotherId", [](M m) { ++m[1]; }, false},
                                         MatchCase{"NotAQuery", [](M m) { m[2] &= 0x7F; }, false},
                                         MatchCase{"NotWithAnotherOpcode", [](M m) { m[2] |= 0x20; }, false},
                                         MatchCase{"NotWithAnotherName", [](M m) { m[13] = 'b'; }, false},
                                         MatchCase{"NotWithAnotherType", [](M m) { m[12 + 11 + 1] = 28; }, false},
                                         MatchCase{"NotWithAnotherClass", [](M m) { m[12 + 11 + 3] = 3; }, false},
                                         MatchCase{"NotWithoutAQuestion", [](M m) { m[5] = 0; }, false},
                                         MatchCase{"NotWithTwo", [](M m) { m[5] = 2; }, false},
                                         MatchCase{"NotCut", [](M m) { m.resize(26); }, false},
                                         MatchCase{"NotARunt", [](M m) { m.resize(3); }, false}),
                         [](const auto& instance) { return instance.param.name; });

TEST(UpstreamQuery, AsksWithOurOptAndForAd) {
    Question question = question_for("a.example", dns::RrType::mx);
    question.form.dnssec_ok = true;
    question.form.checking_disabled = true;
    const auto with = testing_support::parse_reply(upstream_query(question, id, true));
    EXPECT_EQ(with.bytes[0] << 8 | with.bytes[1], id);
    EXPECT_EQ(with.question, "a.example. IN MX");
    EXPECT_EQ(with.flags, "rd ad cd");
    EXPECT_TRUE(with.has_opt);
    EXPECT_EQ(with.payload_size, 1232);
    EXPECT_EQ(with.bytes.at(with.bytes.size() - 4), 0x80) << "DO";
    question.form = {.recursion_desired = false};
    const auto without = testing_support::parse_reply(upstream_query(question, id, false));
    EXPECT_EQ(without.flags, "ad");
    EXPECT_FALSE(without.has_opt);
}

TEST(FailedAnswer, IsServfailWithTheReason) {
    const Question question = question_for("a.example");
    const UpstreamAnswer answer = failed_answer(question, dns::Ede::network_error, "no network", 5s);
    EXPECT_EQ(testing_support::parse_reply(answer.message).rcode, "SERVFAIL");
    EXPECT_TRUE(answer.is_failure());
    EXPECT_EQ(answer.lifetime, 5s);
    EXPECT_EQ(answer.errors, (dns::Bytes{0, 15, 0, 12, 0, 23, 'n', 'o', ' ', 'n', 'e', 't', 'w', 'o', 'r', 'k'}));
}

}  // namespace
}  // namespace taskdns::forward
