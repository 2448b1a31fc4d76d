// Upstream servers that bring our own questions back.
#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>

#include "forward/loop_probes.hpp"
#include "unit/forward_running.hpp"

namespace taskdns::forward {
namespace {

TEST(LoopProbe, IsKnownOnlyWhileItIsTheServersLast) {
    LoopProbes probes(2);
    const dns::Bytes first = probes.begin(1);
    EXPECT_EQ(first.size(), 62U);
    EXPECT_EQ(probes.find(first), 1U);
    const dns::Bytes second = probes.begin(1);
    EXPECT_NE(first, second);
    EXPECT_EQ(probes.find(first), std::nullopt);
    EXPECT_EQ(probes.find(second), 1U);
    const auto name = dns::Name::from_wire(second);
    ASSERT_TRUE(name);
    EXPECT_THAT(name->to_string(), testing::EndsWith(".loop-probe.taskdns.internal"));
}

TEST(LoopProbe, OfAnotherProcessIsNotOurs) {
    LoopProbes ours(1);
    LoopProbes theirs(1);
    ours.begin(0);
    EXPECT_EQ(ours.find(theirs.begin(0)), std::nullopt);
    dns::Bytes other = ours.begin(0);
    other[40] ^= 1;
    EXPECT_EQ(ours.find(other), std::nullopt) << "not below our suffix";
}

TEST(LoopProbe, StateChangesAreNewsOnce) {
    LoopProbes probes(1);
    probes.begin(0);
    EXPECT_FALSE(probes.end(0)) << "it did not loop before";
    probes.begin(0);
    EXPECT_TRUE(probes.came_back(0));
    EXPECT_FALSE(probes.came_back(0));
    EXPECT_FALSE(probes.end(0));
    EXPECT_TRUE(probes.loops(0));
    probes.begin(0);
    EXPECT_TRUE(probes.end(0)) << "cleared";
    EXPECT_FALSE(probes.loops(0));
}

class ForwardingLoop : public Forwarding {
protected:
    /// A server that forwards to us, and relays what we say.
    Behaviour forwards_to_us() {
        return [this](const WireBytes& query, bool) -> std::optional<WireBytes> {
            WireBytes buffer = query;
            const std::size_t size = hear(buffer);
            if (size == 0) return std::nullopt;
            buffer.resize(size);
            return buffer;
        };
    }
    /// As answer_now(): what a client's query gets at once.
    std::size_t hear(WireBytes& query) {
        dns::Query parsed;
        EXPECT_EQ(dns::parse_query(query, parsed), dns::ParseOutcome::ok);
        query.resize(4096);
        return forwarder().answer_now(query, parsed, false);
    }
};

TEST_F(ForwardingLoop, IsFoundAndTheServerIsNotAsked) {
    const FakeServer& looping = add_server(forwards_to_us());
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return counters().loops.value() == 1; }));
    context.run_one_for(20ms);
    const DnsReply reply = ask({.name = "www.example"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_EQ(reply.errors, (std::vector<std::pair<unsigned, std::string>>{{0, "forwarding loop"}}));
    EXPECT_EQ(looping.udp_queries, 1U) << "only the probe";
}

TEST_F(ForwardingLoop, LeavesTheOtherServers) {
    const FakeServer& looping = add_server(forwards_to_us());
    const FakeServer& good = add_server(nxdomain);
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return counters().loops.value() == 1 && good.udp_queries == 1; }));
    EXPECT_EQ(ask({.name = "www.example"}).rcode, "NXDOMAIN");
    EXPECT_EQ(looping.udp_queries, 1U);
}

TEST_F(ForwardingLoop, IsOverWhenAProbeNoLongerComesBack) {
    probe_interval = 10ms;
    FakeServer& server = add_server(forwards_to_us());
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return server.udp_queries >= 3; })) << "it is probed again";
    EXPECT_EQ(counters().loops.value(), 1U) << "one loop";
    server.behaviour = nxdomain;
    EXPECT_TRUE(run_until([&] { return ask({.name = "www.example"}).rcode == "NXDOMAIN"; }));
    const unsigned probes = server.udp_queries;
    run_until([until = Clock::now() + 50ms] { return Clock::now() > until; });
    EXPECT_EQ(server.udp_queries, probes) << "no more probes";
}

TEST_F(ForwardingLoop, ACopyOfTheProbeThatComesLateShutsNobodyOutForGood) {
    probe_interval = 50ms;
    FakeServer& server = add_server(nxdomain);
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return server.udp_queries == 1; }));
    run_until([until = Clock::now() + 10ms] { return Clock::now() > until; });
    WireBytes copy = server.seen.front();
    EXPECT_NE(hear(copy), 0U);
    EXPECT_EQ(counters().loops.value(), 1U) << "the answer has come by another way";
    EXPECT_EQ(ask({.name = "www.example"}).rcode, "SERVFAIL");
    EXPECT_TRUE(run_until([&] { return ask({.name = "www.example"}).rcode == "NXDOMAIN"; }));
}

TEST_F(ForwardingLoop, AProbeIsForgottenAfterAQuietInterval) {
    probe_interval = 10ms;
    FakeServer& server = add_server(nxdomain);
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return server.udp_queries == 1; }));
    run_until([until = Clock::now() + 50ms] { return Clock::now() > until; });
    WireBytes copy = server.seen.front();
    EXPECT_EQ(hear(copy), 0U) << "a name as any other";
    EXPECT_EQ(counters().loops.value(), 0U);
}

TEST_F(ForwardingLoop, StopEndsAProbeThatWaits) {
    upstream.timeout = 20s;
    const FakeServer& server = add_server(silent);
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return server.udp_queries == 1; }));
    std::optional<bool> ended;
    asio::co_spawn(context, forwarder().stop(10s),
                   [&ended](const std::exception_ptr&, bool all_ended) { ended = all_ended; });
    const TimePoint begin = Clock::now();
    EXPECT_TRUE(run_until([&] { return ended.has_value(); }));
    EXPECT_TRUE(*ended);
    EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(ForwardingLoop, ProbesAServerUntilItHasAnsweredOnce) {
    probe_interval = 10ms;
    FakeServer& server = add_server(silent);
    forwarder().start();
    EXPECT_TRUE(run_until([&] { return server.udp_queries >= 2; }));
    EXPECT_EQ(counters().loops.value(), 0U);
}

}  // namespace
}  // namespace taskdns::forward
