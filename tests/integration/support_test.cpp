// The support that the other integration tests stand on: real knotd, unbound and backends do what their headers say.
#include <sys/socket.h>

#include <csignal>

#include <gmock/gmock.h>

#include "support/backend.hpp"
#include "support/child_process.hpp"
#include "support/dns_client.hpp"
#include "support/dns_relay.hpp"
#include "support/http_client.hpp"
#include "support/knotd.hpp"
#include "support/pick_port.hpp"
#include "support/unbound.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST(ChildProcess, GivesExitStatusOutputAndErrors) {
    const Outcome outcome = run({"sh", "-c", "echo $WORD; echo bad >&2; exit 3"}, {{"WORD", "good"}});
    EXPECT_EQ(outcome.status, 3);
    EXPECT_EQ(outcome.out, "good\n");
    EXPECT_EQ(outcome.err, "bad\n");
}

TEST(ChildProcess, IsKilledWhenItDoesNotHeedSigterm) {
    ChildProcess deaf({.argv = {"sh", "-c", "trap '' TERM; while :; do sleep 0.01; done"}});
    wait_until(200ms, [] { return false; });  // until the trap is set
    EXPECT_EQ(deaf.stop(100ms), std::nullopt);
    EXPECT_FALSE(deaf.running());
}

TEST(ChildProcess, DoesNotInheritOurOwnSettings) {
    setenv("TASKDNS_SERVICES", "leaked.local", 1);
    EXPECT_EQ(run({"sh", "-c", "echo \"${TASKDNS_SERVICES-unset}\""}).out, "unset\n");
    unsetenv("TASKDNS_SERVICES");
}

TEST(PickPort, GivesAnotherPortEachTime) { EXPECT_NE(pick_port(), pick_port()); }

TEST(Knotd, ServesItsZonesAndFollowsAChange) {
    Zone zone{
        .origin = "local.", .ttl = 7s, .soa_minimum = 3s, .records = address_records("api", {"10.0.0.1", "fd00::1"})};
    Knotd knotd({zone, {.origin = "example.", .records = {"www CNAME web", "web A 10.1.1.1"}}});
    EXPECT_THAT(ask_a("api.local", knotd.port()), ElementsAre("10.0.0.1"));
    EXPECT_THAT(ask({.name = "api.local", .type = "AAAA", .port = knotd.port()}).rdata("AAAA"),
                ElementsAre("fd00::1"));
    EXPECT_THAT(ask_a("www.example", knotd.port()), ElementsAre("10.1.1.1"));

    zone.records = address_records("api", {"10.0.0.3"});
    knotd.replace_zone(zone);
    const DnsReply reply = ask({.name = "api.local", .port = knotd.port()});
    EXPECT_THAT(reply.rdata("A"), ElementsAre("10.0.0.3"));
    EXPECT_EQ(reply.answer.at(0).ttl, 7U);
    EXPECT_TRUE(reply.has_flag("aa"));
}

TEST(Unbound, CachesWhatKnotdSaysUntilItsTtlHasRunOut) {
    Zone zone{.origin = "local.", .ttl = 2s, .records = address_records("api", {"10.0.0.1"})};
    Knotd knotd({zone});
    const Unbound unbound(knotd.port(), {"local."});
    EXPECT_THAT(ask_a("api.local", unbound.port()), ElementsAre("10.0.0.1")) << unbound.log();
    zone.records = address_records("api", {"10.0.0.2"});
    knotd.replace_zone(zone);
    EXPECT_THAT(ask_a("api.local", unbound.port()), ElementsAre("10.0.0.1"));
    EXPECT_TRUE(
        wait_until(4s, [&] { return ask_a("api.local", unbound.port()) == std::vector<std::string>{"10.0.0.2"}; }));

    const std::vector<LoggedQuery> queries = unbound.queries();
    ASSERT_GE(queries.size(), 3U) << unbound.log();
    EXPECT_EQ(queries[0].name, "api.local.");
    EXPECT_EQ(queries[0].type, "A");
}

TEST(Unbound, KnowsNoOtherName) {
    Knotd knotd({{.origin = "local."}});
    const Unbound unbound(knotd.port(), {"local."});
    EXPECT_EQ(ask({.name = "debian.org", .port = unbound.port()}).rcode, "NXDOMAIN");
    EXPECT_EQ(ask({.name = "none.local", .port = unbound.port()}).rcode, "NXDOMAIN");
}

TEST(Unbound, StopsFreezesAndStartsAgain) {
    Knotd knotd({{.origin = "local.", .records = address_records("api", {"10.0.0.1"})}});
    Unbound unbound(knotd.port(), {"local."});
    const DnsQuery query{.name = "api.local", .port = unbound.port(), .timeout = 300ms};
    unbound.stop();
    EXPECT_LT(ask(query).elapsed, 200ms) << "an ICMP error comes at once";
    EXPECT_FALSE(ask(query).arrived);
    unbound.start();
    EXPECT_TRUE(ask(query).arrived);
    unbound.freeze();
    EXPECT_GE(ask(query).elapsed, 300ms) << "silence";
    unbound.thaw();
    EXPECT_TRUE(ask(query).arrived);
}

TEST(DnsClient, KeepsTheLettersOfTheQuestion) {
    Knotd knotd({{.origin = "local.", .records = address_records("api", {"10.0.0.1"})}});
    EXPECT_EQ(ask({.name = "aPi.LOcal", .port = knotd.port()}).question, "aPi.LOcal. IN A");
}

TEST(DnsClient, TakesALongAnswerOverTcp) {
    const std::string text = "\"" + std::string(250, 'x') + "\" ";
    std::string rdata;
    for (int i = 0; i < 12; ++i) rdata += text;
    Knotd knotd({{.origin = "local.", .records = {"big TXT " + rdata}}});
    const DnsReply short_reply = ask({.name = "big.local", .type = "TXT", .port = knotd.port()});
    EXPECT_TRUE(short_reply.has_flag("tc"));
    EXPECT_THAT(short_reply.answer, IsEmpty());
    const DnsReply reply = ask_as_stub({.name = "big.local", .type = "TXT", .port = knotd.port()});
    ASSERT_THAT(reply.answer, SizeIs(1));
    EXPECT_GT(reply.bytes.size(), 3000U);
}

TEST(DnsRelay, NotesQuestionsAndTheTtlOfTheirAnswers) {
    Knotd knotd(
        {{.origin = "local.", .ttl = 9s, .soa_minimum = 4s, .records = address_records("api", {"10.0.0.1"})}});
    DnsRelay relay(knotd.port());
    EXPECT_THAT(ask_a("api.local", relay.port()), ElementsAre("10.0.0.1"));
    EXPECT_EQ(ask({.name = "none.local", .port = relay.port()}).rcode, "NXDOMAIN");
    relay.be_silent(true);
    EXPECT_FALSE(ask({.name = "api.local", .port = relay.port(), .timeout = 100ms}).arrived);
    ASSERT_THAT(relay.queries(), SizeIs(3));
    EXPECT_THAT(relay.queries("api.local. IN A"), SizeIs(2));
    EXPECT_EQ(relay.queries()[0].ttl(), 9s);
    EXPECT_EQ(relay.queries()[1].ttl(), 4s);
    EXPECT_FALSE(relay.queries()[2].answered);
}

TEST(Backend, AnswersIsKilledAndComesBack) {
    Backends backends({"127.0.0.1", "127.0.0.12"});
    Backend& backend = backends["127.0.0.1"];
    EXPECT_EQ(http_get(backends.port(), "/").body, "127.0.0.1\n");
    backend.answer_with(503);
    EXPECT_EQ(http_get(backends.port(), "/").status, 503U);
    backend.kill();
    EXPECT_EQ(http_get(backends.port(), "/").status, 0U);
    backend.start();
    EXPECT_EQ(http_get(backends.port(), "/").status, 503U);
}

}  // namespace
}  // namespace taskdns::testing_support
