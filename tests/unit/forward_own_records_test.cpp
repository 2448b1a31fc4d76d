// Which records of an upstream's answer are kept: only what belongs to the question, and what is kept stays readable.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/compressed_name.hpp"
#include "forward/own_records.hpp"
#include "support/dns_client.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::forward {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::a;
using testing_support::aaaa;
using testing_support::cname;
using testing_support::DnsRecord;
using testing_support::DnsReply;
using testing_support::Rr;
using testing_support::Sections;
using testing_support::soa;
using testing_support::srv;

Question question_for(const std::string& name, unsigned type = 1) {
    const dns::Question asked = testing_support::question(name);
    Question question;
    question.name.assign(asked.name.wire().begin(), asked.name.wire().end());
    question.form.type = static_cast<std::uint16_t>(type);
    return question;
}

dns::Bytes message_for(const Question& question, const Sections& sections) {
    const dns::Question asked{*dns::Name::from_wire(question.name), static_cast<dns::RrType>(question.form.type)};
    return testing_support::write_response(7, asked, sections);
}

/// `owner TYPE` of what is left of each section.
std::vector<std::string> words(const std::vector<DnsRecord>& records) {
    std::vector<std::string> out;
    for (const DnsRecord& record : records) out.push_back(record.owner + " " + record.type);
    return out;
}

Rr of(const std::string& owner, unsigned type, dns::Bytes rdata) {
    return {owner, static_cast<dns::RrType>(type), 60, std::move(rdata)};
}
Rr with_name(const std::string& owner, unsigned type, const std::string& target, const dns::Bytes& before = {}) {
    Rr rr = cname(owner, target);
    rr.type = static_cast<dns::RrType>(type);
    rr.rdata.insert(rr.rdata.begin(), before.begin(), before.end());
    return rr;
}
Rr ns(const std::string& owner, const std::string& target) { return with_name(owner, 2, target); }
Rr mx(const std::string& owner, const std::string& target) { return with_name(owner, 15, target, {0, 10}); }
Rr dname(const std::string& owner, const std::string& target) { return with_name(owner, 39, target); }
Rr https(const std::string& owner, const std::string& target) { return with_name(owner, 65, target, {0, 1}); }
Rr rrsig(const std::string& owner, const std::string& signer) {
    Rr rr = with_name(owner, 46, signer, {0, 1, 8, 2, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 1, 0, 9});
    rr.rdata.insert(rr.rdata.end(), {1, 2, 3, 4});
    return rr;
}
Rr nsec(const std::string& owner, const std::string& next) {
    Rr rr = with_name(owner, 47, next);
    rr.rdata.insert(rr.rdata.end(), {0, 1, 0x40});
    return rr;
}
/// SHA-1, no iterations, no salt; the next hash is 20 zeros; type A.
Rr nsec3(const std::string& owner) {
    dns::Bytes rdata{1, 0, 0, 0, 0, 20};
    rdata.resize(26);
    rdata.insert(rdata.end(), {0, 1, 0x40});
    return of(owner, 50, rdata);
}

struct KeptCase {
    std::string name;
    Sections sections;
    std::vector<std::string> answer;
    std::vector<std::string> authority = {};
    std::vector<std::string> additional = {};
    unsigned type = 1;
    bool dnssec_ok = false;
};
void PrintTo(const KeptCase& row, std::ostream* out) { *out << row.name; }

class Kept : public testing::TestWithParam<KeptCase> {};

TEST_P(Kept, IsWhatBelongsToTheQuestion) {
    const KeptCase& row = GetParam();
    Question question = question_for("a.example", row.type);
    question.form.dnssec_ok = row.dnssec_ok;
    const dns::Bytes message = message_for(question, row.sections);
    const auto own = keep_own_records(message, question);
    ASSERT_TRUE(own);
    ASSERT_TRUE(dns::records_are_whole(own->message));
    const DnsReply reply = testing_support::parse_reply(own->message);
    EXPECT_EQ(words(reply.answer), row.answer);
    EXPECT_EQ(words(reply.authority), row.authority);
    EXPECT_EQ(words(reply.additional), row.additional);
    const std::size_t all =
        row.sections.answer.size() + row.sections.authority.size() + row.sections.additional.size();
    const std::size_t kept = row.answer.size() + row.authority.size() + row.additional.size();
    EXPECT_EQ(own->foreign, all - kept);
    if (own->foreign == 0) {
        EXPECT_EQ(own->message, message) << "nothing is written anew";
    }
}

const Rr own = a("a.example", "192.0.2.1");
Rr chaos() {
    Rr rr = own;
    rr.rr_class = 3;
    return rr;
}
// clang-format off
INSTANTIATE_TEST_SUITE_P(Forward, Kept, testing::Values(
    KeptCase{"TheAnswer",           {.answer = {own, own}}, {"a.example. A", "a.example. A"}},
    KeptCase{"NotAnothersAddress",  {.answer = {own, a("evil.example", "6.6.6.6")}}, {"a.example. A"}},
    KeptCase{"NotAnothersAlone",    {.answer = {a("evil.example", "6.6.6.6")}}, {}},
    KeptCase{"NotTheParents",       {.answer = {a("example", "6.6.6.6"), own}}, {"a.example. A"}},
    KeptCase{"NotTheChilds",        {.answer = {a("b.a.example", "6.6.6.6"), own}}, {"a.example. A"}},
    KeptCase{"NotAnotherType",      {.answer = {own, aaaa("a.example", "2001:db8::1")}}, {"a.example. A"}},
    KeptCase{"NotAnotherClass",     {.answer = {chaos(), own}}, {"a.example. A"}},
    KeptCase{"EveryTypeOfAny",      {.answer = {own, aaaa("a.example", "2001:db8::1"), a("b.example", "6.6.6.6")}}, {"a.example. A", "a.example. AAAA"}, {}, {}, 255},
    KeptCase{"Chain",               {.answer = {cname("a.example", "b.example"), cname("b.example", "c.test"), a("c.test", "192.0.2.1")}}, {"a.example. CNAME", "b.example. CNAME", "c.test. A"}},
    KeptCase{"ChainInAnyOrder",     {.answer = {a("c.test", "192.0.2.1"), cname("b.example", "c.test"), cname("a.example", "b.example")}}, {"c.test. A", "b.example. CNAME", "a.example. CNAME"}},
    KeptCase{"NotBesideTheChain",   {.answer = {cname("a.example", "b.example"), a("c.test", "6.6.6.6"), cname("x.test", "a.example")}}, {"a.example. CNAME"}},
    KeptCase{"TheFirstOfTwoCnames", {.answer = {cname("a.example", "b.example"), cname("a.example", "c.test"), a("b.example", "192.0.2.1"), a("c.test", "6.6.6.6")}}, {"a.example. CNAME", "a.example. CNAME", "b.example. A"}},
    KeptCase{"CnameItself",         {.answer = {cname("a.example", "a.example"), a("a.example", "6.6.6.6")}}, {"a.example. CNAME"}, {}, {}, 5},
    KeptCase{"Dname",               {.answer = {dname("example", "test"), cname("a.example", "a.test"), a("a.test", "192.0.2.1")}}, {"example. DNAME", "a.example. CNAME", "a.test. A"}},
    KeptCase{"NotAnothersDname",    {.answer = {dname("b.example", "test"), own}}, {"a.example. A"}},
    KeptCase{"Signatures",          {.answer = {own, rrsig("a.example", "example"), rrsig("b.example", "example")}}, {"a.example. A", "a.example. RRSIG"}, {}, {}, 1, true},
    KeptCase{"SoaAbove",            {.authority = {soa("example", 60, 60)}}, {}, {"example. SOA"}},
    KeptCase{"SoaOfTheRoot",        {.authority = {soa(".", 60, 60)}}, {}, {". SOA"}},
    KeptCase{"SoaOfTheChainsEnd",   {.answer = {cname("a.example", "b.test")}, .authority = {soa("test", 60, 60)}}, {"a.example. CNAME"}, {"test. SOA"}},
    KeptCase{"NotAnSoaBelow",       {.authority = {soa("x.a.example", 60, 60)}}, {}, {}},
    KeptCase{"NotAnSoaBeside",      {.authority = {soa("evil", 60, 60)}}, {}, {}},
    KeptCase{"NsAndItsAddress",     {.answer = {own}, .authority = {ns("example", "ns.test")}, .additional = {a("ns.test", "192.0.2.9"), aaaa("ns.test", "2001:db8::9")}}, {"a.example. A"}, {"example. NS"}, {"ns.test. A", "ns.test. AAAA"}},
    KeptCase{"NotAnothersNs",       {.answer = {own}, .authority = {ns("bank.test", "ns.evil")}, .additional = {a("ns.evil", "6.6.6.6")}}, {"a.example. A"}, {}, {}},
    KeptCase{"NoAddressInAuthority", {.answer = {own}, .authority = {a("a.example", "6.6.6.6")}}, {"a.example. A"}, {}, {}},
    KeptCase{"NotAnAdditionalAddress", {.answer = {own}, .additional = {a("bank.test", "6.6.6.6")}}, {"a.example. A"}, {}, {}},
    KeptCase{"NotTheQuestionsInAdditional", {.answer = {own}, .additional = {a("a.example", "6.6.6.6")}}, {"a.example. A"}, {}, {}},
    KeptCase{"Mx",                  {.answer = {mx("a.example", "mail.test")}, .additional = {a("mail.test", "192.0.2.9"), a("bank.test", "6.6.6.6")}}, {"a.example. MX"}, {}, {"mail.test. A"}, 15},
    KeptCase{"Srv",                 {.answer = {srv("a.example", 80, "t.test")}, .additional = {a("t.test", "192.0.2.9"), cname("t.test", "evil.test")}}, {"a.example. SRV"}, {}, {"t.test. A"}, 33},
    KeptCase{"HttpsOfItself",       {.answer = {https("a.example", ".")}, .additional = {a("a.example", "192.0.2.9")}}, {"a.example. HTTPS"}, {}, {"a.example. A"}, 65},
    KeptCase{"HttpsElsewhere",      {.answer = {https("a.example", "t.test")}, .additional = {a("t.test", "192.0.2.9"), a("a.example", "6.6.6.6")}}, {"a.example. HTTPS"}, {}, {"t.test. A"}, 65},
    KeptCase{"ProofOfNodata",       {.authority = {soa("example", 60, 60), rrsig("example", "example"), nsec("b.example", "c.example"), rrsig("b.example", "example")}}, {}, {"example. SOA", "example. RRSIG", "b.example. NSEC", "b.example. RRSIG"}, {}, 1, true},
    KeptCase{"NotAProofFromElsewhere", {.authority = {soa("example", 60, 60), rrsig("evil", "evil"), rrsig("evil", "example")}}, {}, {"example. SOA"}, {}, 1, true},
    KeptCase{"NoNsecForWhoDidNotAsk", {.authority = {soa("example", 60, 60), nsec("b.example", "c.example")}}, {}, {"example. SOA"}, {}},
    KeptCase{"HashedProof",         {.authority = {nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example"), nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.evil")}}, {}, {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3"}, {}, 1, true},
    KeptCase{"Referral",            {.authority = {ns("a.example", "ns.a.example"), of("a.example", 43, {0, 9, 8, 2, 1, 2})}, .additional = {a("ns.a.example", "192.0.2.9")}}, {}, {"a.example. NS", "a.example. DS"}, {"ns.a.example. A"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

std::vector<Rr> chain_of(std::size_t links) {
    std::vector<Rr> out;
    std::string from = "a.example";
    for (std::size_t i = 0; i < links; ++i) {
        const std::string to = "n" + std::to_string(i) + ".example";
        out.push_back(cname(from, to));
        from = to;
    }
    out.push_back(a(from, "192.0.2.1"));
    return out;
}

TEST(OwnRecords, OfAChainOf16ButNotOf17) {
    const Question question = question_for("a.example");
    const auto longest = keep_own_records(message_for(question, {.answer = chain_of(16)}), question);
    ASSERT_TRUE(longest);
    EXPECT_EQ(longest->foreign, 0U);
    EXPECT_FALSE(keep_own_records(message_for(question, {.answer = chain_of(17)}), question));
    EXPECT_FALSE(keep_own_records(message_for(question, {.answer = chain_of(1'000)}), question));
}

TEST(OwnRecords, OfAChainThatGoesRoundAreNone) {
    const Question question = question_for("a.example");
    const auto none = [&question](std::vector<Rr> answer) {
        return !keep_own_records(message_for(question, {.answer = std::move(answer)}), question);
    };
    EXPECT_TRUE(none({cname("a.example", "a.example")}));
    EXPECT_TRUE(none({cname("a.example", "b.example"), cname("b.example", "a.example")}));
    EXPECT_TRUE(none({cname("a.example", "b.example"), cname("b.example", "B.example"), a("b.example", "6.6.6.6")}));
    EXPECT_FALSE(none({own, cname("x.example", "y.example"), cname("y.example", "x.example")})) << "not ours";
}

TEST(OwnRecords, AreReadableWherePointersLedToWhatHasGone) {
    const Question question = question_for("a.example");
    dns::Bytes message = message_for(question, {.answer = {a("www.evil.test", "6.6.6.6")}});
    const std::size_t evil = question.end();
    message[7] = 4;
    const auto add = [&message](const dns::Bytes& octets) {
        message.insert(message.end(), octets.begin(), octets.end());
    };
    const auto pointer = [evil](std::size_t label) {
        return dns::Bytes{0xC0, static_cast<std::uint8_t>(evil + label)};
    };
    add({0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 'B'});  // a.example CNAME B.evil.test
    add(pointer(4));
    add({1, 'b'});
    add(pointer(4));
    add({0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1});
    add(pointer(0));
    add({0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 6, 6, 6, 6});
    const auto kept = keep_own_records(message, question);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->foreign, 2U);
    const DnsReply reply = testing_support::parse_reply(kept->message);
    EXPECT_THAT(words(reply.answer), ElementsAre("a.example. CNAME", "b.evil.test. A"));
    EXPECT_THAT(reply.rdata("CNAME"), ElementsAre("B.evil.test.")) << "letters stay";
    EXPECT_THAT(reply.rdata("A"), ElementsAre("192.0.2.1"));
}

/// Each of them is looked at for each link of the chain.
TEST(OwnRecords, OfAnAnswerWithMoreCnamesThanAnyHasAreNone) {
    const auto with = [](unsigned type, std::size_t cnames) {
        const Question question = question_for("a.example", type);
        return keep_own_records(
            message_for(question, {.answer = std::vector<Rr>(cnames, cname("b.example", "c.example"))}), question);
    };
    const auto most = with(1, 64);
    ASSERT_TRUE(most);
    EXPECT_EQ(most->foreign, 64U);
    EXPECT_FALSE(with(1, 65));
    EXPECT_TRUE(with(5, 65)) << "asked for, they are not followed";
    EXPECT_TRUE(with(255, 65));
}

/// A label may hold the octets of a whole name.
TEST(OwnRecords, AreNotOfANameThatALabelEndsWith) {
    Question question;
    question.name = {5, 'a', 3, 'c', 'o', 'm', 0};
    question.form.type = 1;
    const auto kept =
        keep_own_records(message_for(question, {.authority = {soa("com", 60, 60), soa(".", 60, 60)}}), question);
    ASSERT_TRUE(kept);
    EXPECT_THAT(words(testing_support::parse_reply(kept->message).authority), ElementsAre(". SOA"));
}

/// 64 names are looked for, however many records refer to one of them.
TEST(OwnRecords, HaveTheAddressesOfManyTargets) {
    const Question question = question_for("a.example", 15);
    Sections sections;
    for (int i = -70; i < 80; ++i) {
        sections.answer.push_back(mx("a.example", "T" + std::to_string(std::max(i, 0)) + ".test"));
        if (i >= 0) sections.additional.push_back(a("t" + std::to_string(i) + ".TEST", "192.0.2.9"));
    }
    const auto kept = keep_own_records(message_for(question, sections), question);
    ASSERT_TRUE(kept);
    const DnsReply reply = testing_support::parse_reply(kept->message);
    EXPECT_EQ(reply.answer.size(), 150U);
    EXPECT_EQ(reply.additional.size(), 64U);
}

TEST(OwnRecords, HaveOptBehindThem) {
    const Question question = question_for("a.example", 15);
    const Rr opt = of(".", 41, {0, 15, 0, 2, 0, 9});
    const auto kept = keep_own_records(message_for(question, {.answer = {mx("a.example", "mail.test")},
                                                              .additional = {opt, a("mail.test", "192.0.2.9")}}),
                                       question);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->foreign, 0U);
    EXPECT_EQ((dns::Bytes{kept->message.end() - 6, kept->message.end()}), opt.rdata);
    EXPECT_THAT(words(testing_support::parse_reply(kept->message).additional), ElementsAre("mail.test. A"));
    EXPECT_FALSE(keep_own_records(message_for(question, {.additional = {opt, opt}}), question)) << "one at most";
    EXPECT_FALSE(keep_own_records(message_for(question, {.additional = {of("a", 41, {})}}), question));
    const auto elsewhere = keep_own_records(message_for(question, {.answer = {opt}, .authority = {opt}}), question);
    EXPECT_EQ(elsewhere->foreign, 2U);
}

/// 4,600 foreign records and a name by pointers in each kept one: what is left must fit without compression.
TEST(OwnRecords, ThatWouldNotFitAreNone) {
    const Question question = question_for("a.example", 2);
    const std::string longest = std::string(60, 'x') + "." + std::string(60, 'y') + "." + std::string(60, 'z');
    dns::Bytes message = message_for(question, {.answer = {ns("foreign.example", longest)}});
    const std::size_t target = message.size() - 184;
    constexpr unsigned many = 1'000;
    dns::write_u16(&message[6], 1 + many);
    for (unsigned i = 0; i < many; ++i) {
        const dns::Bytes record{0xC0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 2, 0xC0, static_cast<std::uint8_t>(target)};
        message.insert(message.end(), record.begin(), record.end());
    }
    ASSERT_TRUE(dns::records_are_whole(message));
    EXPECT_FALSE(keep_own_records(message, question)) << "1,000 x 196 octets";
    dns::write_u16(&message[6], 1 + 300);
    message.resize(message.size() - std::size_t{700} * 14);
    const auto kept = keep_own_records(message, question);
    ASSERT_TRUE(kept);
    EXPECT_GT(kept->message.size(), 300U * 190);
    EXPECT_EQ(testing_support::parse_reply(kept->message).answer.size(), 300U);
}

}  // namespace
}  // namespace taskdns::forward
