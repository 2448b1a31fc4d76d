// Every name that is not a service's is answered as the resolver would answer it.
#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

std::string three_kilobytes_of_text() {
    std::string rdata;
    for (int i = 0; i < 12; ++i) rdata += " \"" + std::string(250, static_cast<char>('a' + i)) + "\"";
    return rdata;
}

Zone example_zone() {
    return {
        .origin = "example.",
        .ttl = 300s,
        .soa_minimum = 60s,
        .records = {"www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1", "text TXT \"hello\" \"world\"",
                    "@ MX 10 mail", "mail A 192.0.2.25", "alias CNAME www", "big TXT" + three_kilobytes_of_text()}};
}

struct ForwardCase {
    std::string label;
    std::string name;
    std::string type;
    std::string rcode;
    bool has_answer;
};

void PrintTo(const ForwardCase& c, std::ostream* out) { *out << c.label; }

class Forwarding : public testing::TestWithParam<ForwardCase> {
protected:
    Vpc vpc{{.registered = {}, .other_zones = {example_zone()}}};
    const DaemonUnderTest daemon{vpc.daemon_options()};
};

TEST_P(Forwarding, AnswersAsTheResolverItself) {
    const auto& [label, name, type, rcode, has_answer] = GetParam();
    const DnsReply direct = ask_as_stub({.name = name, .type = type, .port = vpc.resolver.port()});
    ASSERT_EQ(direct.rcode, rcode) << direct << vpc.resolver.log();
    ASSERT_NE(direct.answer.empty(), has_answer) << direct;
    for (const bool tcp : {false, true}) {
        const DnsReply reply = ask_as_stub({.name = name, .type = type, .port = daemon.dns_port(), .tcp = tcp});
        EXPECT_EQ(reply.content(), direct.content()) << reply << "\ndirect: " << direct;
        EXPECT_EQ(reply.flags, "rd ra") << reply;
        EXPECT_EQ(reply.question, direct.question);
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Names, Forwarding,
    testing::Values(
        ForwardCase{"A",            "www.example",        "A",    "NOERROR",  true},
        ForwardCase{"Aaaa",         "www.example",        "AAAA", "NOERROR",  true},
        ForwardCase{"Txt",          "text.example",       "TXT",  "NOERROR",  true},
        ForwardCase{"Mx",           "example",            "MX",   "NOERROR",  true},
        ForwardCase{"Cname",        "alias.example",      "A",    "NOERROR",  true},
        ForwardCase{"Nodata",       "text.example",       "A",    "NOERROR",  false},
        ForwardCase{"Nxdomain",     "none.example",       "A",    "NXDOMAIN", false},
        ForwardCase{"BigTxt",       "big.example",        "TXT",  "NOERROR",  true},
        ForwardCase{"UnknownType",  "www.example",        "TYPE65280", "NOERROR", false},
        ForwardCase{"BesideAService", "none.resource-server.example", "A", "NXDOMAIN", false}),
    [](const auto& instance) { return instance.param.label; });
// clang-format on

class ForwardingLimits : public testing::Test {
protected:
    Vpc vpc{{.registered = {}, .other_zones = {example_zone()}}};
};

TEST_F(ForwardingLimits, TruncatesWhatAStubsDatagramCannotHold) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    for (const std::optional<std::uint16_t> size :
         {std::optional<std::uint16_t>(1232), std::optional<std::uint16_t>()}) {
        const DnsReply reply = daemon.ask({.name = "big.example", .type = "TXT", .edns = size});
        EXPECT_TRUE(reply.has_flag("tc")) << reply;
        EXPECT_LE(reply.bytes.size(), size.value_or(512));
        EXPECT_EQ(reply.has_opt, size.has_value());
    }
    const DnsReply whole = daemon.ask({.name = "big.example", .type = "TXT", .tcp = true});
    ASSERT_THAT(whole.answer, SizeIs(1)) << whole;
    EXPECT_GT(whole.answer[0].rdata.size(), 3000U);
}

TEST_F(ForwardingLimits, KeepsTheLettersOfTheQuestion) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    const DnsReply reply = daemon.ask({.name = "wWw.eXaMpLe"});
    EXPECT_EQ(reply.question, "wWw.eXaMpLe. IN A");
    EXPECT_THAT(reply.rdata("A"), SizeIs(2)) << reply;
}

TEST_F(ForwardingLimits, SaysServfailWhenTheResolverIsSilent) {
    const DaemonUnderTest daemon(vpc.daemon_options("", "upstream: {timeout: 200ms, attempts: 1}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    vpc.resolver.freeze();
    const DnsReply reply = daemon.ask({.name = "www.example"});
    EXPECT_EQ(reply.rcode, "SERVFAIL") << reply;
    EXPECT_FALSE(reply.errors.empty()) << "an EDE says why: " << reply;
    EXPECT_LT(reply.elapsed, 1s);
}

TEST_F(ForwardingLimits, RefusesWhereForwardingIsOff) {
    const DaemonUnderTest daemon(vpc.daemon_options("", "forward: {enabled: false}\n"));
    EXPECT_EQ(daemon.ask({.name = "www.example"}).rcode, "REFUSED");
}

TEST_F(ForwardingLimits, AnswersLocalhostItself) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    EXPECT_THAT(daemon.ask_a("localhost"), testing::ElementsAre("127.0.0.1"));
    EXPECT_THAT(daemon.ask({.name = "localhost", .type = "AAAA"}).rdata("AAAA"), testing::ElementsAre("::1"));
    for (const LoggedQuery& query : vpc.resolver.queries()) EXPECT_NE(query.name, "localhost.");
}

}  // namespace
}  // namespace taskdns::testing_support
