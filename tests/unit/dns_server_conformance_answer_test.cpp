// What docs/dns.md says of names, types, classes and sections: answer() row by row, named for what the RFC asks.
#include <gmock/gmock.h>

#include "unit/dns_server_answering.hpp"

namespace taskdns::dns_server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string label63(63, 'l');
/// 255 octets in wire form: the longest name there is.
const std::string longest =
    label63 + "." + std::string(63, 'm') + "." + std::string(63, 'n') + "." + std::string(61, 'o');
/// The longest name below which the target of an IPv4 address still fits: 19 octets less.
const std::string nearly =
    label63 + "." + std::string(63, 'm') + "." + std::string(63, 'n') + "." + std::string(42, 'o');

std::vector<testing_support::SmallService> services() {
    auto all = testing_support::small_services();
    all.push_back({.name = longest, .endpoints = {"10.1.0.1:80", "10.1.0.2:80"}});
    all.push_back({.name = nearly, .endpoints = {"10.2.255.255:80"}});
    return all;
}

struct ConformanceCase {
    std::string name;
    DnsQuery query;
    std::string expected;  ///< meaning(), or "forward", "hold", "describe"
};
void PrintTo(const ConformanceCase& row, std::ostream* out) { *out << row.name; }

class Conformance : public testing::TestWithParam<ConformanceCase> {};

TEST_P(Conformance, Gets) {
    const auto& row = GetParam();
    Answering answering(true, services());
    const Outcome result = answering.raw(row.query);
    switch (result.action) {
        case Action::forward:
            EXPECT_EQ(row.expected, "forward");
            break;
        case Action::hold:
            EXPECT_EQ(row.expected, "hold");
            break;
        case Action::describe:
            EXPECT_EQ(row.expected, "describe");
            break;
        default: {
            const DnsReply reply = testing_support::parse_reply(answering.bytes(result));
            EXPECT_EQ(meaning(reply), row.expected);
            EXPECT_EQ(reply.question.substr(0, row.query.name.size()), row.query.name) << "letters as sent";
        }
    }
}

const std::string ok = "NOERROR aa rd ra";
const std::string nodata = ok + "; authority: api.local. 5 SOA";
const std::string refused = "REFUSED rd ra";
const std::string reverse_v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";

// clang-format off
INSTANTIATE_TEST_SUITE_P(Names, Conformance, testing::Values(
    ConformanceCase{"AnyLettersOfAService", {.name = "MIXED.LOCAL"}, ok + "; answer: MIXED.LOCAL. 1 A 10.0.2.1"},
    ConformanceCase{"AnyLettersOfAnAlias", {.name = "aPi", .type = "TXT"}, ok + "; authority: aPi. 5 SOA"},
    ConformanceCase{"AnyLettersOfATarget", {.name = "Ip-10-0-2-1.MiXeD.lOcAl"}, ok + "; answer: Ip-10-0-2-1.MiXeD.lOcAl. 1 A 10.0.2.1"},
    ConformanceCase{"AnyLettersOfAnSrvName", {.name = "_HTTP._Tcp.X.Local", .type = "SRV"},
        ok + "; answer: _HTTP._Tcp.X.Local. 1 SRV 1 1 80 ip-10-0-4-1.x.local.; additional: ip-10-0-4-1.x.local. 1 A 10.0.4.1"},
    ConformanceCase{"AnyLettersOfAReverseName", {.name = "1.0.0.127.IN-ADDR.arpa", .type = "PTR"}, ok + "; answer: 1.0.0.127.IN-ADDR.arpa. 5 PTR localhost."},
    ConformanceCase{"OnlyAsciiLettersFold", {.name = "mixed.loca\xCC"}, "forward"},
    ConformanceCase{"NeighboursOfLettersDoNotFold", {.name = "api\x0Elocal"}, "forward"},
    ConformanceCase{"TheRoot", {.name = "", .type = "SOA"}, "forward"},
    ConformanceCase{"ALabelOf63Octets", {.name = label63}, "forward"},
    ConformanceCase{"AnApexIsNotItsParent", {.name = "local", .type = "SOA"}, "forward"},
    ConformanceCase{"ANameBelowAServiceIsNotOurs", {.name = "www.api.local"}, "forward"},
    ConformanceCase{"ANameOf255Octets", {.name = longest}, ok + "; answer: " + longest + ". 1 A 10.1.0.1, " + longest + ". 1 A 10.1.0.2"},
    ConformanceCase{"NodataOfANameOf255Octets", {.name = longest, .type = "TXT", .edns = {}}, ok + "; authority: " + longest + ". 5 SOA"},
    ConformanceCase{"NoSrvWhereNoTargetFits", {.name = longest, .type = "SRV"}, ok + "; authority: " + longest + ". 5 SOA"},
    ConformanceCase{"ATargetOf255Octets", {.name = nearly, .type = "SRV", .edns = 1232},
        ok + "; answer: " + nearly + ". 1 SRV 1 1 80 ip-10-2-255-255." + nearly + ".; additional: ip-10-2-255-255." + nearly + ". 1 A 10.2.255.255"}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Types, Conformance, testing::Values(
    ConformanceCase{"TypeZero", {.name = "api.local", .type = "TYPE0"}, nodata},
    ConformanceCase{"TypeZeroElsewhere", {.name = "x.example", .type = "TYPE0"}, "forward"},
    ConformanceCase{"UnknownType", {.name = "api.local", .type = "TYPE65280"}, nodata},
    ConformanceCase{"UnknownTypeElsewhere", {.name = "x.example", .type = "TYPE65280"}, "forward"},
    ConformanceCase{"TypeSvcbAndHttps", {.name = "api.local", .type = "TYPE65"}, nodata},
    ConformanceCase{"Ns", {.name = "api.local", .type = "NS"}, nodata},
    ConformanceCase{"Ds", {.name = "api.local", .type = "DS"}, nodata},
    ConformanceCase{"Cname", {.name = "api.local", .type = "CNAME"}, nodata},
    ConformanceCase{"SoaOfAnAlias", {.name = "api", .type = "SOA"}, ok + "; answer: api. 5 SOA"},
    ConformanceCase{"Mailb", {.name = "api.local", .type = "TYPE253"}, nodata},
    ConformanceCase{"Maila", {.name = "api.local", .type = "TYPE254"}, nodata},
    ConformanceCase{"MailbElsewhere", {.name = "x.example", .type = "TYPE253"}, "forward"},
    ConformanceCase{"Axfr", {.name = "api.local", .type = "AXFR", .tcp = true}, refused},
    ConformanceCase{"AxfrElsewhere", {.name = "x.example", .type = "AXFR", .tcp = true}, refused},
    ConformanceCase{"Ixfr", {.name = "api.local", .type = "IXFR"}, refused},
    ConformanceCase{"Tkey", {.name = "x.example", .type = "TYPE249"}, refused},
    ConformanceCase{"Tsig", {.name = "x.example", .type = "TYPE250"}, refused},
    ConformanceCase{"Opt", {.name = "api.local", .type = "TYPE41"}, "FORMERR rd ra"},
    ConformanceCase{"OptElsewhere", {.name = "x.example", .type = "TYPE41", .rr_class = 3}, "FORMERR rd ra"},
    ConformanceCase{"Any", {.name = "api.local", .type = "ANY"}, ok + "; answer: api.local. 5 HINFO \"RFC8482\" \"\""},
    ConformanceCase{"AnyOverTcp", {.name = "api", .type = "ANY", .tcp = true}, ok + "; answer: api. 5 HINFO \"RFC8482\" \"\""},
    ConformanceCase{"AnyOfATarget", {.name = "ip-10-0-1-2.api.local", .type = "ANY"}, ok + "; answer: ip-10-0-1-2.api.local. 5 HINFO \"RFC8482\" \"\""},
    ConformanceCase{"AnyOfNoTarget", {.name = "ip-10-0-1-7.api.local", .type = "ANY"}, "NXDOMAIN aa rd ra; authority: api.local. 5 SOA"},
    ConformanceCase{"AnyOfLocalhost", {.name = "localhost", .type = "ANY"}, ok + "; answer: localhost. 5 HINFO \"RFC8482\" \"\""},
    ConformanceCase{"AnyOfAnEmptyNonTerminal", {.name = "0.127.in-addr.arpa", .type = "ANY"}, ok + "; authority: 127.in-addr.arpa. 5 SOA"},
    ConformanceCase{"AnyElsewhere", {.name = "x.example", .type = "ANY"}, "forward"}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Classes, Conformance, testing::Values(
    ConformanceCase{"HesiodOfAService", {.name = "api.local", .rr_class = 4}, refused},
    ConformanceCase{"HesiodOfATarget", {.name = "ip-10-0-1-2.api.local", .rr_class = 4}, refused},
    ConformanceCase{"HesiodOfLocalhost", {.name = "a.localhost", .rr_class = 4}, refused},
    ConformanceCase{"HesiodElsewhere", {.name = "x.example", .rr_class = 4}, "forward"},
    ConformanceCase{"NoneOfAService", {.name = "api", .rr_class = 254}, refused},
    ConformanceCase{"NoneElsewhere", {.name = "x.example", .rr_class = 254}, "forward"},
    ConformanceCase{"AnyOfAService", {.name = "api.local", .rr_class = 255}, refused},
    ConformanceCase{"AnyElsewhere", {.name = "x.example", .rr_class = 255}, "forward"},
    ConformanceCase{"ZeroElsewhere", {.name = "x.example", .rr_class = 0}, "forward"},
    ConformanceCase{"UnknownElsewhere", {.name = "x.example", .rr_class = 65280}, "forward"},
    ConformanceCase{"TransferInAnotherClass", {.name = "x.example", .type = "AXFR", .rr_class = 4}, refused}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Chaos, Conformance, testing::Values(
    ConformanceCase{"VersionBind", {.name = "version.bind", .type = "TXT", .rr_class = 3}, "describe"},
    ConformanceCase{"VersionServer", {.name = "VERSION.Server", .type = "TXT", .rr_class = 3}, "describe"},
    ConformanceCase{"IdServer", {.name = "id.server", .type = "TXT", .rr_class = 3}, "describe"},
    ConformanceCase{"HostnameBind", {.name = "hostname.bind", .type = "TXT", .rr_class = 3}, "describe"},
    ConformanceCase{"Service", {.name = "API.local", .type = "TXT", .rr_class = 3}, "describe"},
    ConformanceCase{"Alias", {.name = "api", .type = "TXT", .rr_class = 3}, "describe"},
    ConformanceCase{"OtherType", {.name = "version.bind", .rr_class = 3}, refused},
    ConformanceCase{"AnyType", {.name = "version.bind", .type = "ANY", .rr_class = 3}, refused},
    ConformanceCase{"OtherTypeOfAService", {.name = "api.local", .type = "SRV", .rr_class = 3}, refused},
    ConformanceCase{"OtherName", {.name = "authors.bind", .type = "TXT", .rr_class = 3}, refused},
    ConformanceCase{"OtherNameElsewhere", {.name = "x.example", .type = "TXT", .rr_class = 3}, refused},
    ConformanceCase{"InClassInternet", {.name = "version.bind", .type = "TXT"}, "forward"}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Loopback, Conformance, testing::Values(
    ConformanceCase{"Localhost", {.name = "localhost"}, ok + "; answer: localhost. 5 A 127.0.0.1"},
    ConformanceCase{"BelowLocalhost", {.name = "a.b.localhost", .type = "AAAA"}, ok + "; answer: a.b.localhost. 5 AAAA ::1"},
    ConformanceCase{"OtherTypeOfLocalhost", {.name = "localhost", .type = "MX"}, ok + "; authority: localhost. 5 SOA"},
    ConformanceCase{"SoaOfLocalhost", {.name = "localhost", .type = "SOA"}, ok + "; answer: localhost. 5 SOA"},
    ConformanceCase{"SoaBelowLocalhost", {.name = "a.localhost", .type = "SOA"}, ok + "; authority: localhost. 5 SOA"},
    ConformanceCase{"Reverse", {.name = "1.0.0.127.in-addr.arpa", .type = "PTR"}, ok + "; answer: 1.0.0.127.in-addr.arpa. 5 PTR localhost."},
    ConformanceCase{"ReverseOtherType", {.name = "1.0.0.127.in-addr.arpa"}, ok + "; authority: 127.in-addr.arpa. 5 SOA"},
    ConformanceCase{"ReverseSoa", {.name = "127.in-addr.arpa", .type = "SOA"}, ok + "; answer: 127.in-addr.arpa. 5 SOA"},
    ConformanceCase{"ReverseEmptyNonTerminal", {.name = "0.0.127.in-addr.arpa", .type = "PTR"}, ok + "; authority: 127.in-addr.arpa. 5 SOA"},
    ConformanceCase{"ReverseOfAnother", {.name = "2.0.0.127.in-addr.arpa", .type = "PTR"}, "NXDOMAIN aa rd ra; authority: 127.in-addr.arpa. 5 SOA"},
    ConformanceCase{"BelowTheReverse", {.name = "9.1.0.0.127.in-addr.arpa", .type = "PTR"}, "NXDOMAIN aa rd ra; authority: 127.in-addr.arpa. 5 SOA"},
    ConformanceCase{"ReverseOfIpv6", {.name = reverse_v6, .type = "PTR"}, ok + "; answer: " + reverse_v6 + ". 5 PTR localhost."},
    ConformanceCase{"ReverseOfIpv6Soa", {.name = reverse_v6, .type = "SOA"}, ok + "; answer: " + reverse_v6 + ". 5 SOA"},
    ConformanceCase{"BelowTheReverseOfIpv6", {.name = "a." + reverse_v6, .type = "PTR"}, "NXDOMAIN aa rd ra; authority: " + reverse_v6 + ". 5 SOA"},
    ConformanceCase{"ReverseOfPrivateAddresses", {.name = "1.0.0.10.in-addr.arpa", .type = "PTR"}, "forward"},
    ConformanceCase{"Invalid", {.name = "x.invalid"}, "forward"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ConformanceSoa, StandsInNegativeAnswersAndSaysHowLongTheyHold) {
    for (const char* type : {"TXT", "SOA"}) {
        const DnsReply reply = Answering().reply({.name = "api.local", .type = type});
        const auto& records = reply.answer.empty() ? reply.authority : reply.answer;
        ASSERT_THAT(records, testing::SizeIs(1));
        EXPECT_EQ(records[0].ttl, 5U);
        EXPECT_EQ(records[0].rdata, "localhost. nobody.invalid. 1 3600 1200 604800 5")
            << "RFC 2308: MINIMUM is the TTL";
    }
}

TEST(ConformanceSections, TheRecordsOfAnRrsetHaveOneTtl) {  // RFC 2181 section 5.2
    const DnsReply reply = Answering().reply({.name = "big.local", .type = "SRV", .tcp = true});
    ASSERT_FALSE(reply.answer.empty());
    for (const auto& record : reply.answer) EXPECT_EQ(record.ttl, reply.answer.front().ttl);
    for (const auto& record : reply.additional) EXPECT_EQ(record.ttl, reply.answer.front().ttl);
}

TEST(ConformanceSections, NoRrsetHasARecordTwice) {  // RFC 2181 section 5
    const auto addresses = Answering().reply({.name = "big.local", .tcp = true}).rdata("A");
    EXPECT_EQ(std::set<std::string>(addresses.begin(), addresses.end()).size(), addresses.size());
}

TEST(ConformanceSections, CompressionPointsBackwards) {  // RFC 1035 section 4.1.4: ldns follows every pointer
    for (const char* type : {"A", "SRV", "TXT", "ANY"}) {
        const DnsReply reply = Answering().reply({.name = "big.local", .type = type, .tcp = true});
        for (const auto* section : {&reply.answer, &reply.authority}) {
            for (const auto& record : *section) EXPECT_EQ(record.owner, "big.local.") << type;
        }
    }
}

TEST(ConformanceSize, NoAnswerExceedsItsTransport) {
    for (const auto& service : services()) {
        for (const char* type : {"A", "AAAA", "SRV", "SOA", "ANY", "TXT"}) {
            for (const std::optional<std::uint16_t> edns :
                 {std::optional<std::uint16_t>(), {0}, {512}, {1232}, {65535}}) {
                Answering answering(true, services());
                const DnsQuery query{.name = service.name, .type = type, .edns = edns};
                const std::size_t limit = edns ? std::clamp<std::size_t>(*edns, 512, 1232) : 512;
                EXPECT_LE(answering.raw(query).length, limit) << service.name << " " << type;
                DnsQuery over_tcp = query;
                over_tcp.tcp = true;
                const Outcome result = answering.raw(over_tcp);
                EXPECT_LE(result.length, buffer_size);
                if (result.action == Action::send) {
                    EXPECT_NO_THROW(testing_support::parse_reply(answering.bytes(result)));
                }
            }
        }
    }
}

TEST(ConformanceSize, NothingIsWrittenBehindTheBuffersEnd) {
    const auto view = testing_support::small_view(services());
    Counters counters;
    const Context context{*view, counters};
    for (const char* type : {"A", "SRV"}) {
        std::vector<std::uint8_t> memory(buffer_size + 512, 0xEE);
        const WireBytes query = encode_query({.name = "big.local", .type = type}, id);
        std::copy(query.begin(), query.end(), memory.begin());
        EXPECT_LE(answer({memory.data(), buffer_size}, query.size(), Transport::tcp, context).length, buffer_size);
        EXPECT_TRUE(
            std::all_of(memory.begin() + buffer_size, memory.end(), [](auto octet) { return octet == 0xEE; }));
    }
}

TEST(ConformanceLadder, BothFamiliesShareOneState) {
    for (const char* name : {"empty.local", "unreached.local", "pending.local"}) {
        Answering answering;
        const Outcome a = answering.raw(DnsQuery{.name = name});
        const WireBytes first = answering.bytes(a);
        const Outcome aaaa = answering.raw(DnsQuery{.name = name, .type = "AAAA"});
        EXPECT_EQ(a.action, aaaa.action) << name;
        EXPECT_EQ(a.length, aaaa.length) << name;
        if (a.action == Action::send) {
            EXPECT_EQ(testing_support::parse_reply(first).rcode,
                      testing_support::parse_reply(answering.bytes(aaaa)).rcode);
        }
    }
}

TEST(ConformanceExtendedError, HasATextWithoutAZeroAtItsEnd) {  // RFC 8914 section 2
    const DnsReply reply = Answering().reply({.name = "empty.local"});
    ASSERT_THAT(reply.errors, testing::SizeIs(1));
    EXPECT_EQ(reply.errors[0].second, "no usable endpoint");
}

}  // namespace
}  // namespace taskdns::dns_server
