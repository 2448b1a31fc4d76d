// The forwarder with its cache: what is asked once, what is not shared, what is stale, what is fetched early.
#include <gmock/gmock.h>

#include "unit/forward_memory.hpp"
#include "unit/forward_running.hpp"

namespace taskdns::forward {
namespace {

using testing::ElementsAre;
using testing_support::a;
using testing_support::soa;

const Sections address{.answer = {a("www.example", "192.0.2.1", 60)}};
const Sections none{.rcode = dns::Rcode::nxdomain, .authority = {soa("example", 900, 900)}};
const DnsQuery www{.name = "www.example"};

class ForwardCache : public Forwarding {};

TEST_F(ForwardCache, AnswersFromTheCacheWithTheTtlThatIsLeft) {
    const FakeServer& server = add_server(says(address));
    EXPECT_EQ(ask(www).answer.at(0).ttl, 60U);
    now += 59s;
    const DnsReply hit = ask_now({.name = "WWW.example"});
    EXPECT_EQ(hit.question, "WWW.example. IN A");
    EXPECT_EQ(hit.answer.at(0).ttl, 1U);
    now += 1s;
    EXPECT_FALSE(ask_now(www).arrived) << "it is over";
    EXPECT_EQ(server.udp_queries, 1U);
    EXPECT_EQ(counters().hits.value(), 1U);
    EXPECT_EQ(counters().cache_entries.value(), 1U);
    EXPECT_GT(counters().cache_bytes.value(), 30'000U) << "the table counts";
}

TEST_F(ForwardCache, AsksOnceForAHundredClientsAndGivesEachItsOwnAnswer) {
    const FakeServer& server = add_server(says(address));
    for (std::uint16_t id = 0; id < 100; ++id) {
        DnsQuery query{.name = id % 2 == 0 ? "www.example" : "wWw.Example"};
        query.tcp = id % 3 == 0;
        query.edns = id % 5 == 0 ? std::nullopt : std::optional<std::uint16_t>(1232);
        start(query, id);
    }
    run_until_replies(100);
    ASSERT_EQ(replies.size(), 100U);
    for (std::uint16_t id = 0; id < 100; ++id) {
        EXPECT_EQ(replies[id].bytes[0] << 8 | replies[id].bytes[1], id);
        EXPECT_EQ(replies[id].question, id % 2 == 0 ? "www.example. IN A" : "wWw.Example. IN A");
        EXPECT_EQ(replies[id].has_opt, id % 5 != 0);
        EXPECT_EQ(replies[id].rdata("A").size(), 1U);
    }
    EXPECT_EQ(server.udp_queries, 1U);
    EXPECT_EQ(counters().joined.value(), 99U);
    EXPECT_EQ(counters().waiting.value(), 0U);
    EXPECT_EQ(counters().in_flight.value(), 0U);
}

TEST_F(ForwardCache, DoesNotShareWhatMayDiffer) {
    const FakeServer& server = add_server(says(address));
    const std::vector<DnsQuery> all{www,
                                    {.name = "www.example", .dnssec_ok = true},
                                    {.name = "www.example", .checking_disabled = true},
                                    {.name = "www.example", .recursion_desired = false},
                                    {.name = "www.example", .rr_class = 4}};
    for (const bool again : {false, true}) {
        for (const DnsQuery& query : all) {
            const DnsReply reply = ask(query);
            EXPECT_EQ(reply.rcode, "NOERROR") << reply;
            EXPECT_EQ(reply.rdata("A").size(), query.rr_class == dns::class_in ? 1U : 0U) << "its class is IN";
        }
        EXPECT_EQ(counters().hits.value(), again ? all.size() : 0U);
    }
    EXPECT_EQ(server.udp_queries, all.size());
}

TEST_F(ForwardCache, SharesWhatDoesNotDiffer) {
    const FakeServer& server = add_server(says(address));
    ask(www);
    EXPECT_TRUE(ask_now({.name = "www.example", .edns = {}}).arrived);
    EXPECT_TRUE(ask_now({.name = "www.example", .tcp = true, .edns = 4096}).arrived);
    EXPECT_EQ(server.udp_queries, 1U);
    EXPECT_EQ(server.seen.at(0)[3] & 0x20, 0x20) << "AD is always asked for";
    EXPECT_EQ(server.seen.at(0)[11], 1) << "and OPT always sent";
}

TEST_F(ForwardCache, KeepsNegativeAnswersForFiveSeconds) {
    const FakeServer& server = add_server(says(none));
    EXPECT_EQ(ask(www).rcode, "NXDOMAIN");
    now += 4s;
    const DnsReply hit = ask_now(www);
    EXPECT_EQ(hit.rcode, "NXDOMAIN");
    EXPECT_EQ(hit.authority.at(0).ttl, 1U);
    now += 1s;
    EXPECT_FALSE(ask_now(www).arrived);
    EXPECT_EQ(server.udp_queries, 1U);
}

TEST_F(ForwardCache, KeepsFailuresForFiveSecondsAndSaysSo) {
    const FakeServer& server = add_server(servfail);
    EXPECT_TRUE(ask(www).errors.empty());
    now += 4999ms;
    const DnsReply hit = ask_now(www);
    EXPECT_EQ(hit.rcode, "SERVFAIL");
    EXPECT_TRUE(hit.has_error(13));
    now += 1ms;
    EXPECT_EQ(ask(www).rcode, "SERVFAIL");
    EXPECT_EQ(server.udp_queries, 2U);
}

TEST_F(ForwardCache, TheRecordsOfAFailureCountDownToItsEnd) {
    add_server(says({.rcode = dns::Rcode::servfail, .authority = {soa("example", 1, 1)}}));
    EXPECT_EQ(ask(www).authority.at(0).ttl, 5U);
    now += 4s;
    EXPECT_EQ(ask_now(www).authority.at(0).ttl, 1U);
}

TEST_F(ForwardCache, KeepsSilenceForFiveSeconds) {
    const FakeServer& server = add_server(silent);
    EXPECT_TRUE(ask(www).has_error(22));
    EXPECT_EQ(server.udp_queries, 2U);
    const DnsReply hit = ask_now(www);
    EXPECT_EQ(hit.rcode, "SERVFAIL");
    EXPECT_TRUE(hit.has_error(22) && hit.has_error(13)) << hit;
}

TEST_F(ForwardCache, GivesStaleAnswersAfterAFailureAndLeavesTheNameAloneForFiveSeconds) {
    FakeServer& server = add_server(says(address));
    ask(www);
    server.behaviour = refused;
    now += 61s;
    DnsReply reply = ask(www);
    EXPECT_THAT(reply.rdata("A"), ElementsAre("192.0.2.1")) << reply;
    EXPECT_EQ(reply.answer.at(0).ttl, 30U);
    EXPECT_TRUE(reply.has_error(3));
    EXPECT_EQ(server.udp_queries, 2U);
    now += 4999ms;
    reply = ask_now(www);
    EXPECT_TRUE(reply.has_error(3)) << "at once";
    EXPECT_FALSE(ask_now({.name = "www.example", .edns = {}}).has_opt);
    now += 1ms;
    EXPECT_FALSE(ask_now(www).arrived) << "it is tried again";
    server.behaviour = says({.answer = {a("www.example", "192.0.2.7", 60)}});
    EXPECT_THAT(ask(www).rdata("A"), ElementsAre("192.0.2.7"));
    EXPECT_EQ(counters().stale.value(), 3U);
}

struct StaleCase {
    std::string name;
    Behaviour failing;
    bool is_stale;
};
void PrintTo(const StaleCase& row, std::ostream* out) { *out << row.name; }

class StaleOn : public Forwarding, public testing::WithParamInterface<StaleCase> {};

TEST_P(StaleOn, Failure) {
    FakeServer& server = add_server(says(address));
    ask(www);
    server.behaviour = GetParam().failing;
    now += 61s;
    EXPECT_EQ(ask(www).has_error(3), GetParam().is_stale);
}

std::optional<WireBytes> formerr(WireBytes query, bool) { return say(std::move(query), 0, 1); }
std::optional<WireBytes> cut_record(WireBytes query, bool tcp) {
    WireBytes answer = *says(address)(query, tcp);
    answer.pop_back();
    return answer;
}
INSTANTIATE_TEST_SUITE_P(Forward, StaleOn,
                         testing::Values(StaleCase{"Timeout", silent, true}, StaleCase{"Servfail", servfail, true},
                                         StaleCase{"Refused", refused, true}, StaleCase{"Formerr", formerr, true},
                                         StaleCase{"NotWhole", cut_record, true},
                                         StaleCase{"NotOnNxdomain", says(none), false},
                                         StaleCase{"NotOnNodata", noerror, false}),
                         [](const auto& instance) { return instance.param.name; });

TEST_F(ForwardCache, WhatTheUpstreamSaysIsBogusDoesNotComeBackAsAStaleAnswer) {
    FakeServer& server = add_server(says(address));
    ask(www);
    now += 61s;
    const testing_support::Rr bogus{".", dns::RrType::opt, 0, {0, 15, 0, 2, 0, 6}, 1232};  // EDE 6
    server.behaviour = says({.rcode = dns::Rcode::servfail, .additional = {bogus}});
    const DnsReply reply = ask(www);
    EXPECT_EQ(reply.rcode, "SERVFAIL") << reply;
    EXPECT_TRUE(reply.has_error(6));
}

TEST_F(ForwardCache, NobodyVouchesForAStaleAnswer) {
    FakeServer& server = add_server([](const WireBytes& query, bool tcp) {
        auto answer = says(address)(query, tcp);
        (*answer)[3] |= 0x20;
        return answer;
    });
    const DnsQuery wants_ad{.name = "www.example", .dnssec_ok = true};
    EXPECT_TRUE(ask(wants_ad).has_flag("ad"));
    server.behaviour = servfail;
    now += 61s;
    const DnsReply stale = ask(wants_ad);
    EXPECT_TRUE(stale.has_error(3)) << stale;
    EXPECT_FALSE(stale.has_flag("ad"));
}

TEST_F(ForwardCache, AnUncacheableAnswerReplacesWhatWasKept) {
    settings.negative_ttl = 0s;
    FakeServer& server = add_server(says(address));
    ask(www);
    now += 61s;
    server.behaviour = nxdomain;
    EXPECT_EQ(ask(www).rcode, "NXDOMAIN");
    server.behaviour = servfail;
    EXPECT_EQ(ask(www).rcode, "SERVFAIL") << "what the NXDOMAIN has refuted does not come back";
}

TEST_F(ForwardCache, SaysOfAStaleNxdomainWhatItIs) {
    FakeServer& server = add_server(says(none));
    ask(www);
    server.behaviour = servfail;
    now += 6s;
    const DnsReply reply = ask(www);
    EXPECT_EQ(reply.rcode, "NXDOMAIN");
    EXPECT_TRUE(reply.has_error(19)) << reply;
    EXPECT_EQ(reply.authority.at(0).ttl, 5U) << "not 30: people wait for a name that is missing";
}

TEST_F(ForwardCache, GivesAStaleAnswerWhenAskingTakesTooLong) {
    settings.stale_after = 20ms;
    upstream.timeout = 10s;
    FakeServer& server = add_server(says(address));
    ask(www);
    std::optional<WireBytes> held;
    server.behaviour = [&held](const WireBytes& query, bool) -> std::optional<WireBytes> {
        held = query;
        return std::nullopt;
    };
    now += 61s;
    EXPECT_FALSE(ask_now(www).arrived);
    start(www);
    start(www, 7);
    EXPECT_EQ(replies.size(), 1U) << "nobody has waited long enough yet";
    run_until_replies(3);
    ASSERT_EQ(replies.size(), 3U);
    EXPECT_TRUE(replies[1].has_error(3) && replies[2].has_error(3));
    EXPECT_EQ(counters().in_flight.value(), 1U) << "the query goes on";
    EXPECT_TRUE(ask_now(www).has_error(3)) << "who comes now does not wait";
    EXPECT_EQ(server.udp_queries, 2U);
    EXPECT_EQ(counters().waiting.value(), 0U);
}

TEST_F(ForwardCache, ServesNothingStaleWhereItIsOff) {
    settings.serve_stale = 0s;
    FakeServer& server = add_server(says(address));
    ask(www);
    server.behaviour = servfail;
    now += 61s;
    EXPECT_EQ(ask(www).rcode, "SERVFAIL");
}

TEST_F(ForwardCache, ForgetsWhatIsTooOldToBeStale) {
    FakeServer& server = add_server(says(address));
    ask(www);
    server.behaviour = servfail;
    now += 60s + 1h;
    EXPECT_EQ(ask(www).rcode, "SERVFAIL");
}

TEST_F(ForwardCache, FetchesAPopularAnswerOnceBeforeItRunsOut) {
    FakeServer& server = add_server(says(address));
    ask(www);
    ask(www);
    now += 53s;
    ask(www);
    context.run_for(10ms);
    EXPECT_EQ(counters().prefetches.value(), 0U) << "not in the last tenth yet";
    now += 1s;
    server.behaviour = silent;
    EXPECT_TRUE(ask_now(www).arrived);
    EXPECT_TRUE(ask_now(www).arrived);
    EXPECT_TRUE(run_until([&] { return server.udp_queries == 3 && counters().in_flight.value() == 0; }));
    EXPECT_EQ(counters().prefetches.value(), 1U);
    EXPECT_TRUE(ask_now(www).arrived) << "its failure changes nothing";
    EXPECT_TRUE(ask_now(www).errors.empty());
    context.run_for(10ms);
    EXPECT_EQ(counters().prefetches.value(), 1U) << "once";
}

TEST_F(ForwardCache, APrefetchRenewsTheAnswer) {
    const FakeServer& server = add_server(says(address));
    ask(www);
    ask(www);
    now += 55s;
    EXPECT_EQ(ask_now(www).answer.at(0).ttl, 5U);
    EXPECT_TRUE(run_until([&] { return server.udp_queries == 2 && counters().in_flight.value() == 0; }));
    EXPECT_EQ(ask_now(www).answer.at(0).ttl, 60U);
}

TEST_F(ForwardCache, DoesNotFetchEarlyWhatHardlyAnybodyWants) {
    const FakeServer& server = add_server(says(address));
    ask(www);
    now += 55s;
    ask(www);  // the first since it was fetched
    context.run_for(10ms);
    EXPECT_EQ(counters().prefetches.value(), 0U);
    EXPECT_EQ(server.udp_queries, 1U);
}

TEST_F(ForwardCache, KeepsNothingWithoutACache) {
    settings.cache_bytes = 0;
    const FakeServer& server = add_server(says(address));
    ask(www);
    ask(www);
    EXPECT_EQ(server.udp_queries, 2U);
}

TEST_F(ForwardCache, AHitAllocatesNothing) {
    add_server(says(address));
    ask(www);
    WireBytes buffer = encode_query(www, 1);
    dns::Query query;
    ASSERT_EQ(dns::parse_query(buffer, query), dns::ParseOutcome::ok);
    const WireBytes octets = buffer;
    buffer.resize(4096);
    const std::size_t before = allocations;
    std::size_t answered = 0;
    for (int i = 0; i < 1'000; ++i) {
        std::copy(octets.begin(), octets.end(), buffer.begin());
        if (forwarder().answer_now(buffer, query, false) > 0) ++answered;
    }
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(answered, 1'000U);
}

TEST_F(ForwardCache, AStaleAnswerAndALimitAllocateNothing) {
    settings.max_in_flight = 1;
    FakeServer& server = add_server(says(address));
    ask(www);
    server.behaviour = silent;
    now += 61s;
    start({.name = "other.example"});
    const WireBytes known = encode_query(www, 1);
    const WireBytes unknown = encode_query({.name = "unknown.example"}, 1);
    WireBytes buffer(4096);
    const std::size_t before = allocations;
    for (const WireBytes* octets : {&known, &unknown}) {
        dns::Query query;
        std::copy(octets->begin(), octets->end(), buffer.begin());
        dns::parse_query(std::span(buffer).first(octets->size()), query);
        EXPECT_GT(forwarder().answer_now(buffer, query, false), 0U);
    }
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(counters().stale.value(), 1U) << "better than a failure";
    EXPECT_EQ(counters().over_limit.value(), 1U);
}

TEST_F(ForwardCache, WhatDoesNotFitTheBufferComesFromTheCacheAllTheSame) {
    Sections big;
    for (int i = 0; i < 250; ++i) big.answer.push_back(a("www.example", "192.0.2." + std::to_string(i), 60));
    FakeServer& server = add_server(
        [big](const WireBytes& query, bool tcp) { return tcp ? says(big)(query, tcp) : cut_over_udp(query, tcp); });
    const DnsReply udp = ask(www);
    EXPECT_TRUE(udp.has_flag("tc"));
    EXPECT_TRUE(udp.answer.empty());
    EXPECT_TRUE(ask_now(www).has_flag("tc"));
    DnsQuery over_tcp = www;
    over_tcp.tcp = true;
    EXPECT_FALSE(ask_now(over_tcp).arrived) << "7 KB";
    start(over_tcp);
    EXPECT_EQ(replies.back().answer.size(), 250U) << "before forward() returns";
    EXPECT_EQ(counters().hits.value(), 2U);
    EXPECT_EQ(server.udp_queries, 1U);
    EXPECT_EQ(server.tcp_queries, 1U);
}

}  // namespace
}  // namespace taskdns::forward
