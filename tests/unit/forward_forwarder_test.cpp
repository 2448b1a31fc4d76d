// The forwarder and its servers: whom it asks, how often, what it relays, what it does at its limits.
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>

#include "unit/forward_running.hpp"

namespace taskdns::forward {
namespace {

TEST_F(Forwarding, RelaysTheAnswer) {
    add_server(nxdomain);
    const DnsReply reply = ask({.name = "eXample.com", .type = "MX"});
    EXPECT_EQ(reply.rcode, "NXDOMAIN");
    EXPECT_EQ(reply.flags, "rd ra");
    EXPECT_EQ(reply.question, "eXample.com. IN MX");
    EXPECT_EQ(reply.bytes[0] << 8 | reply.bytes[1], 0xC11E);
    EXPECT_EQ(counters().queries.value(), 1U);
    EXPECT_EQ(counters().answers.value(), 1U);
}

TEST_F(Forwarding, GoesToTheNextServerWhenOneIsSilent) {
    const FakeServer& first = add_server(silent);
    const FakeServer& second = add_server(noerror);
    EXPECT_EQ(ask({.name = "example.com"}).rcode, "NOERROR");
    EXPECT_EQ(first.udp_queries, 1U);
    EXPECT_EQ(second.udp_queries, 1U);
}

TEST_F(Forwarding, GoesToTheNextServerOnServfailAndRefused) {
    add_server(servfail);
    add_server(refused);
    add_server(nxdomain);
    EXPECT_EQ(ask({.name = "example.com"}).rcode, "NXDOMAIN");
}

TEST_F(Forwarding, RelaysTheLastServfailIfNothingBetterComesAndAsksEachServerOnce) {
    const FakeServer& first = add_server(servfail);
    const FakeServer& second = add_server(refused);
    EXPECT_EQ(ask({.name = "example.com"}).rcode, "REFUSED");
    EXPECT_EQ(first.udp_queries, 1U);
    EXPECT_EQ(second.udp_queries, 1U);
}

TEST_F(Forwarding, AsksSilentServersAttemptsTimesThenSaysWhatHappened) {
    const FakeServer& server = add_server(silent);
    const DnsReply reply = ask({.name = "example.com"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_TRUE(reply.has_error(22));
    EXPECT_EQ(server.udp_queries, 2U);
    EXPECT_EQ(counters().failures.value(), 1U);
}

// They would make everybody else wait while so many sockets are closed and opened.
TEST_F(Forwarding, TriesThatBeganTogetherDoNotEndTogether) {
    constexpr std::size_t questions = 40;
    upstream.timeout = 500ms;
    upstream.attempts = 1;
    add_server(silent);
    const TimePoint begin = Clock::now();
    for (std::size_t i = 0; i < questions; ++i) start({.name = "n" + std::to_string(i) + ".example"});
    run_until_replies(1);
    const TimePoint first = Clock::now();
    run_until_replies(questions);
    EXPECT_GE(Clock::now() - first, 15ms) << "of the 50 ms in which they may end";
    EXPECT_GE(first - begin, 450ms) << "each has nine tenths of its time at least";
    EXPECT_EQ(replies.size(), questions);
}

TEST_F(Forwarding, SaysThatTheNetworkFailed) {
    servers.clear();
    SocketAddress nobody;
    { nobody = FakeServer(context, silent).address(); }
    Forwarder alone(context.get_executor(), {nobody}, Settings{upstream, settings}, budget);
    std::optional<DnsReply> reply;
    alone.forward(encode_query({.name = "example.com"}, 1), false,
                  [&](const dns::Bytes& answer) { reply = testing_support::parse_reply(answer); });
    while (!reply) ASSERT_EQ(context.run_one_for(20s), 1U);
    EXPECT_EQ(reply->rcode, "SERVFAIL");
    EXPECT_TRUE(reply->has_error(23));
}

TEST_F(Forwarding, WaitsPastAnAnswerThatDoesNotMatch) {
    add_server(wrong_id_first);
    EXPECT_TRUE(ask({.name = "example.com"}).has_error(22));
    EXPECT_EQ(counters().ignored.id.value(), 2U);
}

TEST_F(Forwarding, FetchesACutAnswerOverTcpForEverybody) {
    const FakeServer& server = add_server(cut_over_udp);
    const DnsReply udp = ask({.name = "example.com"});
    EXPECT_EQ(udp.rcode, "NOERROR");
    EXPECT_FALSE(udp.has_flag("tc")) << "it is small enough for this client";
    EXPECT_EQ(server.udp_queries, 1U);
    EXPECT_EQ(server.tcp_queries, 1U);
    EXPECT_EQ(forwarder().servers(), std::vector{server.address()});
    const upstream::ServerCounters& counted = forwarder().server_counters()[0];
    EXPECT_EQ(counted.udp_queries.value(), 1U);
    EXPECT_EQ(counted.tcp_queries.value(), 1U);
    EXPECT_EQ(counted.round_trip.read().count, 2U);
    EXPECT_EQ(counted.failures(), 0U);
}

TEST_F(Forwarding, CountsEachServerForItself) {
    add_server(silent);
    add_server(says({.rcode = dns::Rcode::servfail}));
    EXPECT_EQ(ask({.name = "example.com"}).rcode, "SERVFAIL");
    const auto& counted = forwarder().server_counters();
    EXPECT_EQ(counted[0].timeouts.value(), counted[0].queries());
    EXPECT_GE(counted[0].timeouts.value(), 1U);
    EXPECT_EQ(counted[0].round_trip.read().count, 0U);
    EXPECT_EQ(counted[1].bad_rcodes.value(), 1U) << "it is not asked again";
    EXPECT_EQ(counted[1].failures(), 1U);
    EXPECT_EQ(counted[1].round_trip.read().count, 1U);
}

TEST_F(Forwarding, AsksAgainWithoutOptWhereTheServerSendsBackAHeaderAlone) {
    const FakeServer& server = add_server([](WireBytes query, bool) -> std::optional<WireBytes> {
        if (query[11] == 0) return say(std::move(query), 0, 0);
        query.resize(12);
        query[5] = query[11] = 0;
        return say(std::move(query), 0, 1);
    });
    EXPECT_EQ(ask({.name = "www.example"}).rcode, "NOERROR");
    EXPECT_EQ(server.udp_queries, 2U);
}

TEST_F(Forwarding, AServerWhoseTcpFailsIsStillAskedFirst) {
    const FakeServer& first = add_server([](WireBytes query, bool tcp) -> std::optional<WireBytes> {
        if (tcp) return std::nullopt;
        const bool is_big = query[13] == 'b';
        return say(std::move(query), is_big ? 2 : 0, 0);
    });
    const FakeServer& second = add_server(noerror);
    EXPECT_EQ(ask({.name = "big.example"}).rcode, "NOERROR") << "of the second";
    const unsigned before = first.udp_queries;
    EXPECT_EQ(ask({.name = "small.example"}).rcode, "NOERROR");
    EXPECT_EQ(first.udp_queries, before + 1);
    EXPECT_EQ(second.udp_queries, 1U);
}

TEST_F(Forwarding, AsksAgainWithoutOptWhereTheServerKnowsNone) {
    for (const std::uint8_t rcode : std::initializer_list<std::uint8_t>{1, 4}) {  // FORMERR, NOTIMP
        FakeServer server(context, [rcode](const WireBytes& query, bool tcp) -> std::optional<WireBytes> {
            if (query[11] == 0) return nxdomain(query, tcp);
            WireBytes answer = query;
            answer.resize(answer.size() - 11);  // its OPT
            answer[11] = 0;
            return say(std::move(answer), 0, rcode);
        });
        Forwarder alone(context.get_executor(), {server.address()}, Settings{upstream, settings}, budget);
        std::optional<DnsReply> reply;
        alone.forward(encode_query({.name = "example.com"}, 1), false,
                      [&](const dns::Bytes& answer) { reply = testing_support::parse_reply(answer); });
        EXPECT_TRUE(run_until([&] { return reply.has_value(); }));
        EXPECT_EQ(reply->rcode, "NXDOMAIN");
        EXPECT_EQ(server.udp_queries, 2U);
    }
}

TEST_F(Forwarding, AsksAServerThatAnswersBeforeOneThatIsSilent) {
    const FakeServer& first = add_server(silent);
    const FakeServer& second = add_server(noerror);
    ask({.name = "a.example"});
    ask({.name = "b.example"});
    EXPECT_EQ(first.udp_queries, 1U);
    EXPECT_EQ(second.udp_queries, 2U);
    now += 1s;
    ask({.name = "c.example"});
    EXPECT_EQ(first.udp_queries, 2U) << "tried again";
}

TEST_F(Forwarding, RejectsAnAnswerWhoseRcodeDoesNotFitTheHeader) {
    add_server(says({.extended_rcode = 1}));  // BADVERS looks like NOERROR without its OPT
    const DnsReply reply = ask({.name = "example.com"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_EQ(counters().unusable.value(), 2U);
}

TEST_F(Forwarding, NamesAFaultOfThisHostAndKeepsItNot) {
    FakeServer& server = add_server(noerror);
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    forwarder();
    rlimit none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    const DnsReply reply = ask({.name = "example.com"});
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    ASSERT_EQ(reply.errors.size(), 1U);
    EXPECT_EQ(reply.errors[0].first, 0U);
    EXPECT_THAT(reply.errors[0].second, testing::HasSubstr("this host cannot ask"));
    EXPECT_THAT(reply.errors[0].second, testing::HasSubstr("Too many open files"));
    EXPECT_GE(counters().local_faults.value(), 1U);
    EXPECT_EQ(ask({.name = "example.com"}).rcode, "NOERROR") << "at once: nothing of it was kept";
    EXPECT_EQ(server.udp_queries, 1U);
}

TEST_F(Forwarding, LetsNoMoreClientsWaitThanFourForEachFlight) {
    settings.max_in_flight = 1;
    add_server(silent);
    for (std::uint16_t id = 0; id < 4; ++id) start({.name = "a.example"}, id);
    EXPECT_TRUE(replies.empty());
    EXPECT_EQ(ask_now({.name = "a.example"}).rcode, "SERVFAIL") << "in place";
    start({.name = "a.example"}, 9);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_TRUE(replies[0].has_error(0));
    EXPECT_EQ(counters().over_limit.value(), 2U);
    run_until_replies(5);
    EXPECT_EQ(replies.size(), 5U);
}

TEST_F(Forwarding, AFloodOfNamesIsAnsweredInPlaceAndKnownQuestionsAreJoined) {
    settings.max_in_flight = 2;
    add_server(silent);
    start({.name = "a.example"});
    start({.name = "b.example"});
    for (int i = 0; i < 1'000; ++i) {
        const DnsReply reply = ask_now({.name = "flood-" + std::to_string(i) + ".example"});
        ASSERT_EQ(reply.rcode, "SERVFAIL");
        ASSERT_TRUE(reply.has_error(0));
    }
    EXPECT_FALSE(ask_now({.name = "a.example"}).arrived) << "it may join";
    EXPECT_EQ(counters().in_flight.value(), 2U);
    EXPECT_EQ(counters().over_limit.value(), 1'000U);
}

TEST_F(Forwarding, SaysAtOnceThatTheBudgetIsUsedUp) {
    add_server(noerror);
    while (budget.take(upstream::Purpose::forward, 1, now)) {
    }
    const DnsReply reply = ask_now({.name = "example.com"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_TRUE(reply.has_error(0));
    EXPECT_EQ(counters().queries.value(), 0U) << "no flight was begun";
}

TEST_F(Forwarding, AnAnswerThatIsCutOverTcpTooIsNone) {
    add_server([](WireBytes query, bool) { return say(std::move(query), 2, 0); });
    EXPECT_EQ(ask({.name = "example.com"}).rcode, "SERVFAIL");
    EXPECT_EQ(counters().unusable.value(), 2U);
}

TEST_F(Forwarding, TakesNoMoreThanMaxInFlight) {
    settings.max_in_flight = 2;
    add_server(silent);
    start({.name = "a.example"});
    start({.name = "b.example"});
    start({.name = "c.example"});
    ASSERT_EQ(replies.size(), 1U) << "the third is answered at once";
    EXPECT_EQ(replies[0].question, "c.example. IN A");
    EXPECT_EQ(replies[0].rcode, "SERVFAIL");
    EXPECT_TRUE(replies[0].has_error(0));
    EXPECT_EQ(counters().over_limit.value(), 1U);
    run_until_replies(3);
    EXPECT_EQ(replies.size(), 3U);
}

TEST_F(Forwarding, StaysWithinTheBudget) {
    const FakeServer& server = add_server(noerror);
    while (budget.take(upstream::Purpose::forward, 1, now)) {
    }  // more than a second's worth, so that none is left while the test runs
    const DnsReply reply = ask({.name = "example.com"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_TRUE(reply.has_error(0));
    EXPECT_EQ(server.udp_queries, 0U);
    EXPECT_EQ(counters().over_limit.value(), 1U);
}

TEST_F(Forwarding, StopAnswersWhatIsInFlightAndTakesNoMore) {
    upstream.timeout = 20s;
    add_server(silent);
    start({.name = "example.com"});
    while (servers[0]->udp_queries == 0) ASSERT_EQ(context.run_one_for(20s), 1U);
    std::optional<bool> ended;
    asio::co_spawn(context, forwarder().stop(10s),
                   [&ended](const std::exception_ptr&, bool all_ended) { ended = all_ended; });
    while (!ended) ASSERT_EQ(context.run_one_for(20s), 1U);
    EXPECT_TRUE(*ended);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].rcode, "SERVFAIL");
    start({.name = "example.com"});
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[1].rcode, "SERVFAIL");
}

TEST_F(Forwarding, DrainLastsUntilAllThatIsInFlightHasItsAnswer) {
    add_server(noerror);
    start({.name = "example.com"});
    std::optional<std::size_t> answered;
    asio::co_spawn(context, forwarder().drain(), [&](const std::exception_ptr&) { answered = replies.size(); });
    while (!answered) ASSERT_EQ(context.run_one_for(20s), 1U);
    EXPECT_EQ(*answered, 1U);
    EXPECT_EQ(replies[0].rcode, "NOERROR");
}

}  // namespace
}  // namespace taskdns::forward
