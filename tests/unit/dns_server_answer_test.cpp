// answer(): what each kind of query gets, by meaning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/dns_server_answering.hpp"

namespace taskdns::dns_server {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;
using testing::SizeIs;

struct AnswerCase {
    std::string name;
    DnsQuery query;
    std::string expected;
};
void PrintTo(const AnswerCase& row, std::ostream* out) { *out << row.name; }

class Answer : public testing::TestWithParam<AnswerCase> {};

TEST_P(Answer, Says) {
    Answering answering;
    const DnsReply reply = answering.reply(GetParam().query);
    EXPECT_EQ(meaning(reply), GetParam().expected);
    EXPECT_EQ(reply.has_opt, GetParam().query.edns.has_value());
    if (reply.has_opt) {
        EXPECT_EQ(reply.payload_size, 1232);
    }
    EXPECT_EQ(reply.bytes[0] << 8 | reply.bytes[1], id);
}

const std::string reverse_v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";

// clang-format off
INSTANTIATE_TEST_SUITE_P(DnsServer, Answer, testing::Values(
    AnswerCase{"A", {.name = "api.local"}, "NOERROR aa rd ra; answer: api.local. 1 A 10.0.1.1, api.local. 1 A 10.0.1.2, api.local. 1 A 10.0.1.3"},
    AnswerCase{"AOfAnAlias", {.name = "api"}, "NOERROR aa rd ra; answer: api. 1 A 10.0.1.1, api. 1 A 10.0.1.2, api. 1 A 10.0.1.3"},
    AnswerCase{"LettersAsSent", {.name = "mIXed.LOCAL"}, "NOERROR aa rd ra; answer: mIXed.LOCAL. 1 A 10.0.2.1"},
    AnswerCase{"Aaaa", {.name = "mixed.local", .type = "AAAA"}, "NOERROR aa rd ra; answer: mixed.local. 1 AAAA fd00::1"},
    AnswerCase{"AaaaWithoutIpv6IsNodata", {.name = "api.local", .type = "AAAA"}, "NOERROR aa rd ra; authority: api.local. 5 SOA"},
    AnswerCase{"WithoutEdns", {.name = "mixed.local", .edns = {}}, "NOERROR aa rd ra; answer: mixed.local. 1 A 10.0.2.1"},
    AnswerCase{"RdAndCdAreCopied", {.name = "mixed.local", .recursion_desired = false, .checking_disabled = true}, "NOERROR aa ra cd; answer: mixed.local. 1 A 10.0.2.1"},
    AnswerCase{"Srv", {.name = "_http._tcp.x.local", .type = "SRV"},
        "NOERROR aa rd ra; answer: _http._tcp.x.local. 1 SRV 1 1 80 ip-10-0-4-1.x.local.; additional: ip-10-0-4-1.x.local. 1 A 10.0.4.1"},
    AnswerCase{"SrvOfIpv6", {.name = "mixed.local", .type = "SRV"},
        "NOERROR aa rd ra; answer: mixed.local. 1 SRV 1 1 80 ip-10-0-2-1.mixed.local., mixed.local. 1 SRV 1 1 80 ip6-fd000000000000000000000000000001.mixed.local.; "
        "additional: ip-10-0-2-1.mixed.local. 1 A 10.0.2.1, ip6-fd000000000000000000000000000001.mixed.local. 1 AAAA fd00::1"},
    AnswerCase{"SrvWithoutPortIsNodata", {.name = "stale.local", .type = "SRV", .edns = {}}, "NOERROR aa rd ra; authority: stale.local. 5 SOA"},
    AnswerCase{"Soa", {.name = "api.local", .type = "SOA"}, "NOERROR aa rd ra; answer: api.local. 5 SOA"},
    AnswerCase{"OtherTypesAreNodata", {.name = "api.local", .type = "TXT"}, "NOERROR aa rd ra; authority: api.local. 5 SOA"},
    AnswerCase{"OtherTypesAreNodataEvenWhileNotPolled", {.name = "pending.local", .type = "MX"}, "NOERROR aa rd ra; authority: pending.local. 5 SOA"},
    AnswerCase{"Any", {.name = "api.local", .type = "ANY"}, "NOERROR aa rd ra; answer: api.local. 5 HINFO \"RFC8482\" \"\""},
    AnswerCase{"NoEndpoint", {.name = "empty.local"}, "SERVFAIL rd ra; ede 0"},
    AnswerCase{"NoEndpointIsTheSameForAaaa", {.name = "empty.local", .type = "AAAA"}, "SERVFAIL rd ra; ede 0"},
    AnswerCase{"NoEndpointIsTheSameForSrv", {.name = "empty.local", .type = "SRV"}, "SERVFAIL rd ra; ede 0"},
    AnswerCase{"NoEndpointWithoutEdns", {.name = "empty.local", .edns = {}}, "SERVFAIL rd ra"},
    AnswerCase{"NoUpstream", {.name = "unreached.local"}, "SERVFAIL rd ra; ede 22"},
    AnswerCase{"Stale", {.name = "stale.local"}, "NOERROR aa rd ra; answer: stale.local. 1 A 10.0.3.1; ede 3"},
    AnswerCase{"StaleWithoutEdns", {.name = "stale.local", .edns = {}}, "NOERROR aa rd ra; answer: stale.local. 1 A 10.0.3.1"},
    AnswerCase{"TargetOfAMember", {.name = "ip-10-0-1-2.api.local"}, "NOERROR aa rd ra; answer: ip-10-0-1-2.api.local. 1 A 10.0.1.2"},
    AnswerCase{"TargetOfARecentMember", {.name = "ip-10-0-1-9.api.local"}, "NOERROR aa rd ra; answer: ip-10-0-1-9.api.local. 1 A 10.0.1.9"},
    AnswerCase{"TargetOfNoMember", {.name = "ip-10-0-1-8.api.local"}, "NXDOMAIN aa rd ra; authority: api.local. 5 SOA"},
    AnswerCase{"TargetInTheOtherFamilyIsNodata", {.name = "ip-10-0-1-2.api.local", .type = "AAAA"}, "NOERROR aa rd ra; authority: api.local. 5 SOA"},
    AnswerCase{"TargetOfIpv6", {.name = "IP6-fd00000000000000000000000000000F.mixed.local", .type = "AAAA"}, "NXDOMAIN aa rd ra; authority: mixed.local. 5 SOA"},
    AnswerCase{"TargetOfIpv6Member", {.name = "ip6-FD000000000000000000000000000001.mixed.local", .type = "AAAA"},
        "NOERROR aa rd ra; answer: ip6-FD000000000000000000000000000001.mixed.local. 1 AAAA fd00::1"},
    AnswerCase{"TargetBelowAServiceWithUnderscoreLabels", {.name = "ip-10-0-4-1.x.local"}, "NOERROR aa rd ra; answer: ip-10-0-4-1.x.local. 1 A 10.0.4.1"},
    AnswerCase{"TargetOfAnotherServiceBelowTheSameParent", {.name = "ip-10-0-5-1.x.local"}, "NOERROR aa rd ra; answer: ip-10-0-5-1.x.local. 1 A 10.0.5.1"},
    AnswerCase{"NoTargetBelowASharedParent", {.name = "ip-10-0-6-1.x.local"}, "NXDOMAIN aa rd ra; authority: x.local. 5 SOA"},
    AnswerCase{"Localhost", {.name = "localhost"}, "NOERROR aa rd ra; answer: localhost. 5 A 127.0.0.1"},
    AnswerCase{"LocalhostIpv6", {.name = "a.LocalHost", .type = "AAAA"}, "NOERROR aa rd ra; answer: a.LocalHost. 5 AAAA ::1"},
    AnswerCase{"LocalhostOtherType", {.name = "a.localhost", .type = "MX"}, "NOERROR aa rd ra; authority: localhost. 5 SOA"},
    AnswerCase{"ReverseOfLoopback", {.name = "1.0.0.127.in-addr.arpa", .type = "PTR"}, "NOERROR aa rd ra; answer: 1.0.0.127.in-addr.arpa. 5 PTR localhost."},
    AnswerCase{"ReverseOfLoopbackIpv6", {.name = reverse_v6, .type = "PTR"}, "NOERROR aa rd ra; answer: " + reverse_v6 + ". 5 PTR localhost."},
    AnswerCase{"ReverseOfAnotherLoopback", {.name = "2.0.0.127.in-addr.arpa", .type = "PTR"}, "NXDOMAIN aa rd ra; authority: 127.in-addr.arpa. 5 SOA"},
    AnswerCase{"ReverseBetween", {.name = "0.127.in-addr.arpa", .type = "PTR"}, "NOERROR aa rd ra; authority: 127.in-addr.arpa. 5 SOA"},
    AnswerCase{"OtherClass", {.name = "api.local", .rr_class = 3}, "REFUSED rd ra"},
    AnswerCase{"ClassAny", {.name = "api.local", .rr_class = 255}, "REFUSED rd ra"},
    AnswerCase{"ZoneTransfer", {.name = "other.example", .type = "AXFR"}, "REFUSED rd ra"},
    AnswerCase{"OtherOpcode", {.name = "api.local", .opcode = 4}, "NOTIMPL rd ra"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct ActionCase {
    std::string name;
    DnsQuery query;
    Action expected;
};
void PrintTo(const ActionCase& row, std::ostream* out) { *out << row.name; }

class AnswerAction : public testing::TestWithParam<ActionCase> {};

TEST_P(AnswerAction, Is) { EXPECT_EQ(Answering().raw(GetParam().query).action, GetParam().expected); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(DnsServer, AnswerAction, testing::Values(
    ActionCase{"HoldsAWhileNotPolled", {.name = "pending.local"}, Action::hold},
    ActionCase{"HoldsAaaaWhileNotPolled", {.name = "pending.local", .type = "AAAA"}, Action::hold},
    ActionCase{"HoldsSrvWhileNotPolled", {.name = "pending.local", .type = "SRV"}, Action::hold},
    ActionCase{"HoldsATargetWhileNotPolled", {.name = "ip-10-0-0-1.pending.local"}, Action::hold},
    ActionCase{"ForwardsOtherNames", {.name = "example.com"}, Action::forward},
    ActionCase{"ForwardsTheRoot", {.name = "", .type = "NS"}, Action::forward},
    ActionCase{"ForwardsANameBelowAService", {.name = "www.api.local"}, Action::forward},
    ActionCase{"ForwardsTheParentOfAService", {.name = "local"}, Action::forward},
    ActionCase{"ForwardsATargetParentThatIsNoService", {.name = "x.local"}, Action::forward},
    ActionCase{"ForwardsATargetBelowAnotherName", {.name = "ip-10-0-1-2.example.com"}, Action::forward},
    ActionCase{"ForwardsALeadingZero", {.name = "ip-10-0-1-02.api.local"}, Action::forward},
    ActionCase{"ForwardsAnOctetAbove255", {.name = "ip-10-0-1-256.api.local"}, Action::forward},
    ActionCase{"ForwardsThreeOctets", {.name = "ip-10-0-1.api.local"}, Action::forward},
    ActionCase{"ForwardsFiveOctets", {.name = "ip-10-0-1-2-3.api.local"}, Action::forward},
    ActionCase{"ForwardsShortIpv6", {.name = "ip6-fd00.api.local"}, Action::forward},
    ActionCase{"ForwardsWhatOnlyEndsLikeLocalhost", {.name = "notlocalhost"}, Action::forward}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Answer, ATargetThatMayBelongToAServiceNotPolledYetIsHeld) {
    Answering answering(true, {{.name = "_http._tcp.x.local", .rung = view::Rung::not_ready},
                               {.name = "_grpc._tcp.x.local", .endpoints = {"10.0.5.1:90"}}});
    EXPECT_EQ(answering.raw(DnsQuery{.name = "ip-10-0-4-1.x.local"}).action, Action::hold);
    EXPECT_EQ(answering.reply({.name = "ip-10-0-5-1.x.local"}).rdata("A"), std::vector<std::string>{"10.0.5.1"});
}

TEST(Answer, WithoutForwardingOtherNamesAreRefused) {
    EXPECT_EQ(meaning(Answering(false).reply({.name = "example.com"})), "REFUSED rd ra");
}

TEST(Answer, RotatesPerNameAndType) {
    Answering answering;
    const auto first = [&](const char* name, const char* type) {
        return answering.reply({.name = name, .type = type}).answer.at(0).rdata;
    };
    EXPECT_EQ(first("api.local", "A"), "10.0.1.1");
    EXPECT_EQ(first("api.local", "A"), "10.0.1.2");
    EXPECT_EQ(first("api", "A"), "10.0.1.1") << "the alias has a rotation of its own";
    EXPECT_EQ(first("api.local", "SRV"), "1 1 8080 ip-10-0-1-1.api.local.") << "and so has each type";
    EXPECT_EQ(first("api.local", "A"), "10.0.1.3");
    EXPECT_EQ(first("api.local", "A"), "10.0.1.1");
    EXPECT_EQ(first("api.local", "SRV"), "1 1 8080 ip-10-0-1-2.api.local.");
}

struct SizeCase {
    std::string name;
    std::optional<std::uint16_t> edns;
    bool tcp;
    std::size_t limit;
};
void PrintTo(const SizeCase& row, std::ostream* out) { *out << row.name; }

class AnswerSize : public testing::TestWithParam<SizeCase> {};

TEST_P(AnswerSize, FillsTheLimitAndNeverSetsTc) {
    const auto& row = GetParam();
    for (const char* type : {"A", "SRV"}) {
        const DnsReply reply =
            Answering().reply({.name = "big.local", .type = type, .tcp = row.tcp, .edns = row.edns});
        constexpr std::size_t largest_record = 2 + 16 + 22;
        EXPECT_THAT(reply.bytes.size(), Le(row.limit)) << type;
        if (row.limit < 4096 || std::string(type) == "SRV") {
            EXPECT_THAT(reply.bytes.size(), Ge(row.limit - largest_record)) << type;
        } else {
            EXPECT_THAT(reply.answer, SizeIs(200));
        }
        EXPECT_FALSE(reply.has_flag("tc"));
    }
}

INSTANTIATE_TEST_SUITE_P(DnsServer, AnswerSize,
                         testing::Values(SizeCase{"UdpWithoutEdns", {}, false, 512},
                                         SizeCase{"UdpBelowTheLeast", 100, false, 512},
                                         SizeCase{"UdpBetween", 900, false, 900},
                                         SizeCase{"UdpAboveTheMost", 4096, false, 1232},
                                         SizeCase{"TcpWithoutEdns", {}, true, buffer_size}),
                         [](const auto& instance) { return instance.param.name; });

TEST(Answer, SrvDropsAddressesBeforeRecords) {
    // 512 octets hold eight SRV records of this size and then not all eight addresses.
    std::vector<testing_support::SmallService> services{
        {.name = "resource-server.local", .endpoints = testing_support::many_endpoints(8)}};
    Answering answering(true, services);
    const DnsReply reply = answering.reply({.name = "resource-server.local", .type = "SRV", .edns = {}});
    EXPECT_THAT(reply.answer, SizeIs(8));
    EXPECT_THAT(reply.additional, SizeIs(AllOf(Ge(1U), Le(7U))));
    EXPECT_EQ(reply.additional.at(0).owner, "ip-10-9-0-1.resource-server.local.");
}

TEST(Answer, DoIsCopied) {
    Answering answering;
    const WireBytes with = answering.reply({.name = "api.local", .dnssec_ok = true}).bytes;
    EXPECT_EQ(with.at(with.size() - 4), 0x80);
    const WireBytes without = answering.reply({.name = "api.local"}).bytes;
    EXPECT_EQ(without.at(without.size() - 4), 0);
}

TEST(Answer, NotReadyIsServfailWithItsReason) {
    Answering answering;
    const WireBytes query = encode_query({.name = "pending.local"}, id);
    std::copy(query.begin(), query.end(), answering.buffer().begin());
    const Outcome result = not_ready(answering.buffer(), query.size(), answering.context());
    EXPECT_EQ(meaning(testing_support::parse_reply(answering.bytes(result))), "SERVFAIL rd ra; ede 14");
}

/// A query with some octets changed, and what becomes of it.
struct DamageCase {
    std::string name;
    std::function<void(WireBytes&)> damage;
    std::string expected;  ///< empty: dropped
};
void PrintTo(const DamageCase& row, std::ostream* out) { *out << row.name; }

class DamagedQuery : public testing::TestWithParam<DamageCase> {};

TEST_P(DamagedQuery, Gets) {
    Answering answering;
    WireBytes query = encode_query({.name = "mixed.local"}, id);
    GetParam().damage(query);
    if (GetParam().expected.empty()) {
        EXPECT_EQ(answering.raw(query).action, Action::drop);
        EXPECT_EQ(answering.counters().dropped_unanswerable.value(), 1U);
        return;
    }
    const DnsReply reply = answering.reply_to(query);
    EXPECT_EQ(meaning(reply) + (reply.question.empty() ? "" : " " + reply.question), GetParam().expected);
}

constexpr std::size_t opt_at = 12 + 13 + 4;  // behind header, mixed.local, type and class
const std::string formerr = "FORMERR rd ra";
const std::string formerr_with_question = "FORMERR rd ra mixed.local. IN A";
const std::string good = "NOERROR aa rd ra; answer: mixed.local. 1 A 10.0.2.1 mixed.local. IN A";

WireBytes record(std::uint8_t type, WireBytes rdata) {
    WireBytes out{0, 0, type, 0, 255, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(rdata.size())};
    out.insert(out.end(), rdata.begin(), rdata.end());
    return out;
}

void append(WireBytes& query, const WireBytes& octets) { query.insert(query.end(), octets.begin(), octets.end()); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(DnsServer, DamagedQuery, testing::Values(
    DamageCase{"Nothing", [](WireBytes&) {}, good},
    DamageCase{"AResponse", [](WireBytes& q) { q[2] |= 0x80; }, ""},
    DamageCase{"ARunt", [](WireBytes& q) { q.resize(11); }, ""},
    DamageCase{"AnEmptyMessage", [](WireBytes& q) { q.clear(); }, ""},
    DamageCase{"AHeaderAlone", [](WireBytes& q) { q.resize(12); }, formerr},
    DamageCase{"NoQuestion", [](WireBytes& q) { q.resize(12); q[5] = 0; q[11] = 0; }, formerr},
    DamageCase{"TwoQuestions", [](WireBytes& q) { q[5] = 2; }, formerr},
    DamageCase{"AnAnswer", [](WireBytes& q) { q[7] = 1; }, formerr_with_question},
    DamageCase{"AnAuthority", [](WireBytes& q) { q[9] = 1; }, formerr_with_question},
    DamageCase{"ACutName", [](WireBytes& q) { q.resize(16); }, formerr},
    DamageCase{"ACutType", [](WireBytes& q) { q.resize(opt_at - 2); }, formerr},
    DamageCase{"APointerInTheQuestion", [](WireBytes& q) { q[12] = 0xC0; }, formerr},
    DamageCase{"ALabelOfUnknownType", [](WireBytes& q) { q[12] = 0x40; }, formerr},
    DamageCase{"TrailingGarbage", [](WireBytes& q) { q.push_back(0); }, formerr_with_question},
    DamageCase{"ACutOpt", [](WireBytes& q) { q.pop_back(); }, formerr_with_question},
    DamageCase{"TwoOpts", [](WireBytes& q) { append(q, WireBytes(q.begin() + opt_at, q.end())); q[11] = 2; }, formerr_with_question},
    DamageCase{"AnOptWithAName", [](WireBytes& q) { q[opt_at] = 1; q.insert(q.begin() + opt_at + 1, {'x', 0}); }, formerr_with_question},
    DamageCase{"AnUnknownOption", [](WireBytes& q) { q[q.size() - 1] = 5; append(q, {0xFF, 0xFE, 0, 1, 7}); }, good},
    DamageCase{"ABrokenOption", [](WireBytes& q) { q[q.size() - 1] = 5; append(q, {0xFF, 0xFE, 0, 2, 7}); }, formerr_with_question},
    DamageCase{"Version1", [](WireBytes& q) { q[opt_at + 6] = 1; }, "BADVERS rd ra mixed.local. IN A"},
    DamageCase{"Tsig", [](WireBytes& q) { append(q, record(250, {1, 2, 3})); q[11] = 2; }, good},
    DamageCase{"OptAsQtype", [](WireBytes& q) { q[opt_at - 3] = 41; }, "FORMERR rd ra mixed.local. IN OPT"},
    DamageCase{"AnOpcodeAndGarbage", [](WireBytes& q) { q[2] |= 0x28; q.resize(20); }, "NOTIMPL rd ra"},
    DamageCase{"AnUpdateWithPrerequisites", [](WireBytes& q) { q[2] |= 0x28; q[7] = 3; }, "NOTIMPL rd ra mixed.local. IN A"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Answer, ANameOf255OctetsIsReadAndOneMoreIsNot) {
    Answering answering(false);
    const std::string label(62, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(64 - 2, 'b');  // 253 with dots
    WireBytes query = encode_query({.name = longest + ".c"}, id);  // 4 x 63 + 2 + 1 = 255
    EXPECT_EQ(answering.reply_to(query).rcode, "REFUSED");
    query = encode_query({.name = longest + ".cc"}, id);
    EXPECT_EQ(answering.reply_to(query).rcode, "FORMERR");
}

TEST(Answer, EveryCutOfAQueryIsHarmless) {
    Answering answering;
    const WireBytes query = encode_query({.name = "api.local", .type = "SRV"}, id);
    for (std::size_t length = 0; length < query.size(); ++length) {
        const Outcome result =
            answering.raw(WireBytes(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(length)));
        if (length < 12) {
            EXPECT_EQ(result.action, Action::drop) << length;
        } else {
            EXPECT_EQ(testing_support::parse_reply(answering.bytes(result)).rcode, "FORMERR") << length;
        }
    }
}

struct CountCase {
    const char* name;
    DnsQuery query;
    const char* cell;  // source, type, rcode
};
void PrintTo(const CountCase& c, std::ostream* out) { *out << c.name; }

class CountedAnswer : public testing::TestWithParam<CountCase> {};

/// The cells that are not zero.
std::string counted(const AnswerCounters& counters) {
    std::string out;
    for (std::size_t source = 0; source < AnswerCounters::sources.size(); ++source) {
        for (std::size_t type = 0; type < AnswerCounters::types.size(); ++type) {
            for (std::size_t rcode = 0; rcode < AnswerCounters::rcodes.size(); ++rcode) {
                if (counters.value(source, type, rcode) == 0) continue;
                out += std::string(out.empty() ? "" : ", ") + std::string(AnswerCounters::sources[source]) + " " +
                       std::string(AnswerCounters::types[type]) + " " + std::string(AnswerCounters::rcodes[rcode]);
            }
        }
    }
    return out;
}

TEST_P(CountedAnswer, IsOneOfItsKind) {
    Answering answering(false);
    answering.raw(GetParam().query);
    EXPECT_EQ(counted(answering.counters().answers), GetParam().cell);
    EXPECT_EQ(answering.counters().answers.total(), 1U);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    DnsServer, CountedAnswer,
    testing::Values(
        CountCase{"A",              {.name = "mixed.local"},                             "service A NOERROR"},
        CountCase{"Aaaa",           {.name = "mixed.local", .type = "AAAA"},             "service AAAA NOERROR"},
        CountCase{"Srv",            {.name = "mixed.local", .type = "SRV"},              "service SRV NOERROR"},
        CountCase{"Soa",            {.name = "mixed.local", .type = "SOA"},              "service SOA NOERROR"},
        CountCase{"Any",            {.name = "mixed.local", .type = "ANY"},              "service ANY NOERROR"},
        CountCase{"Https",          {.name = "mixed.local", .type = "TYPE65"},           "service HTTPS NODATA"},
        CountCase{"Svcb",           {.name = "mixed.local", .type = "TYPE64"},           "service SVCB NODATA"},
        CountCase{"Txt",            {.name = "mixed.local", .type = "TXT"},              "service TXT NODATA"},
        CountCase{"Mx",             {.name = "mixed.local", .type = "MX"},               "service MX NODATA"},
        CountCase{"Cname",          {.name = "mixed.local", .type = "CNAME"},            "service CNAME NODATA"},
        CountCase{"Ns",             {.name = "mixed.local", .type = "NS"},               "service NS NODATA"},
        CountCase{"BelowAll",       {.name = "mixed.local", .type = "TYPE3"},            "service OTHER NODATA"},
        CountCase{"BeyondTheTable", {.name = "mixed.local", .type = "TYPE66"},           "service OTHER NODATA"},
        CountCase{"BeyondAny",      {.name = "mixed.local", .type = "TYPE65000"},        "service OTHER NODATA"},
        CountCase{"NoEndpoint",     {.name = "empty.local"},                             "service A SERVFAIL"},
        CountCase{"Target",         {.name = "ip-1-2-3-4.api.local"},                    "service A NXDOMAIN"},
        CountCase{"Localhost",      {.name = "localhost"},                               "local A NOERROR"},
        CountCase{"Pointer",        {.name = "1.0.0.127.in-addr.arpa", .type = "PTR"},   "local PTR NOERROR"},
        CountCase{"NotOurs",        {.name = "example.org"},                             "local A REFUSED"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Answer, CountsWhatCouldNotBeRead) {
    Answering answering;
    const AnswerCounters& answers = answering.counters().answers;
    answering.raw(DnsQuery{.name = "api.local", .opcode = 5});
    EXPECT_EQ(counted(answers), "local A NOTIMP");
    WireBytes query = encode_query({.name = "api.local"}, id);
    answering.raw(WireBytes(query.begin(), query.end() - 2));
    EXPECT_EQ(answers.of_rcode("FORMERR"), 1U);
    query[query.size() - 5] = 1;  // the version in its OPT record
    answering.raw(query);
    EXPECT_EQ(answers.of_rcode("BADVERS"), 1U);
    EXPECT_EQ(answers.total(), 3U);
}

TEST(Answer, CountsStaleAnswers) {
    Answering answering;
    answering.raw(DnsQuery{.name = "stale.local"});
    answering.raw(DnsQuery{.name = "api.local"});
    EXPECT_EQ(answering.counters().stale.value(), 1U);
}

TEST(Answer, CountsWhatAHeldQueryGetsInTheEnd) {
    Answering answering;
    EXPECT_EQ(answering.raw(DnsQuery{.name = "pending.local", .type = "AAAA"}).action, Action::hold);
    EXPECT_EQ(answering.counters().answers.total(), 0U);
    const WireBytes query = encode_query({.name = "pending.local", .type = "AAAA"}, id);
    std::copy(query.begin(), query.end(), answering.buffer().begin());
    not_ready(answering.buffer(), query.size(), answering.context());
    EXPECT_EQ(counted(answering.counters().answers), "service AAAA SERVFAIL");
}

}  // namespace
}  // namespace taskdns::dns_server
