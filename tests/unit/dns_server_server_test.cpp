// The DNS server on real loopback sockets: UDP, TCP, held and forwarded queries, limits.
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns_server/responder.hpp"
#include "dns_server/sockets.hpp"
#include "unit/dns_server_running.hpp"

namespace taskdns::dns_server {
namespace {

using testing::ElementsAre;

TEST(DnsServer, AnswersOverUdpAndTcpFromOneRotation) {
    RunningServer server;
    auto addresses = server.ask({.name = "api.local"}).rdata("A");  // the start is random
    EXPECT_THAT(addresses, testing::UnorderedElementsAre("10.0.1.1", "10.0.1.2", "10.0.1.3"));
    std::rotate(addresses.begin(), addresses.begin() + 1, addresses.end());
    EXPECT_EQ(server.ask({.name = "api.local", .tcp = true}).rdata("A"), addresses);
    EXPECT_EQ(server.counters().udp_queries.value(), 1U);
    EXPECT_EQ(server.counters().tcp_queries.value(), 1U);
    const Histogram& time = server.counters().answer_time;
    ASSERT_TRUE(eventually([&] { return time.read().count == 2; }));
    EXPECT_GT(time.read().sum, 0ns);
    EXPECT_LT(time.read().sum, 10s);
}

TEST(DnsServer, AnswersMoreQueriesThanABatchHolds) {
    asio::io_context context{1};
    view::Publisher publisher{testing_support::small_view()};
    Server server(context, publisher, {}, {});
    const auto bound = listen(server, *SocketAddress::parse("127.0.0.1"));
    ASSERT_TRUE(bound);
    constexpr std::uint16_t queries = 200;  // more than one wake takes
    asio::ip::udp::socket client(context, asio::ip::udp::v4());
    client.connect(to_udp(*bound));
    for (std::uint16_t id = 0; id < queries; ++id) {
        client.send(asio::buffer(encode_query({.name = "mixed.local"}, id)));
    }
    server.start();
    while (server.counters().udp_queries.value() < queries) ASSERT_EQ(context.run_one_for(20s), 1U);
    for (std::uint16_t id = 0; id < queries; ++id) {
        WireBytes answer(512);
        answer.resize(client.receive(asio::buffer(answer)));
        ASSERT_EQ(answer[0] << 8 | answer[1], id);
    }
    EXPECT_EQ(server.counters().send_failures.value(), 0U);
    EXPECT_EQ(server.counters().answer_time.read().count, queries);
}

TEST(DnsServer, AWildcardListenerAnswersFromTheAddressThatWasAsked) {
    RunningServer server({}, {}, "0.0.0.0");
    // The client's socket is connected: it hears only the address that it asked.
    EXPECT_TRUE(server.ask({.name = "api.local", .server = "127.0.0.2"}).arrived);
    EXPECT_TRUE(server.ask({.name = "api.local", .server = "127.0.0.3"}).arrived);
}

TEST(DnsServer, AnswersOverIpv6) {
    for (const char* address : {"[::1]:0", "[::]:0"}) {
        std::unique_ptr<RunningServer> server;
        try {
            server = std::make_unique<RunningServer>(Settings{}, testing_support::FakeForwarding::Forward{}, address);
        } catch (const std::runtime_error& e) {
            GTEST_SKIP() << e.what();
        }
        asio::io_context context;
        asio::ip::udp::socket client(context, asio::ip::udp::v6());
        client.connect({asio::ip::address_v6::loopback(), server->port});
        client.send(asio::buffer(encode_query({.name = "mixed.local"}, 7)));
        WireBytes answer(512);
        answer.resize(client.receive(asio::buffer(answer)));
        EXPECT_THAT(testing_support::parse_reply(answer).rdata("A"), ElementsAre("10.0.2.1")) << address;
    }
}

TEST(DnsServer, SaysNothingToAResponse) {
    RunningServer server;
    WireBytes response = encode_query({.name = "api.local"}, 1);
    response[2] |= 0x80;
    EXPECT_FALSE(testing_support::exchange_raw(response, server.port, 50ms));
    EXPECT_EQ(server.counters().dropped_unanswerable.value(), 1U);
}

TEST(DnsServer, HoldsAQueryUntilItsServiceIsPolled) {
    for (const bool tcp : {false, true}) {
        RunningServer server;
        auto reply = server.ask_later({.name = "pending.local", .tcp = tcp});
        ASSERT_TRUE(eventually([&] { return server.counters().held.value() == 1; }));
        server.publish(testing_support::small_services());  // nothing new about it: it goes on waiting
        server.publish(services_polled());
        EXPECT_THAT(reply.get().rdata("A"), ElementsAre("10.0.8.1"));
        EXPECT_EQ(server.counters().held.value(), 1U);
    }
}

TEST(DnsServer, GivesUpOnAHeldQueryAfterItsTime) {
    Settings settings;
    settings.hold_limit = 30ms;
    RunningServer server(settings);
    const DnsReply reply = server.ask({.name = "pending.local"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_TRUE(reply.has_error(14));
    EXPECT_GE(reply.elapsed, 29ms);
}

TEST(DnsServer, HoldsNoMoreThanItsLimit) {
    Settings settings;
    settings.max_held = 1;
    RunningServer server(settings);
    auto held = server.ask_later({.name = "pending.local"});
    ASSERT_TRUE(eventually([&] { return server.counters().held.value() == 1; }));
    const DnsReply second = server.ask({.name = "pending.local"});
    EXPECT_TRUE(second.has_error(14));
    EXPECT_LT(second.elapsed, 1s) << "at once, not after the limit";
    server.publish(services_polled());
    EXPECT_EQ(held.get().rcode, "NOERROR");
}

TEST(DnsServer, ForwardsOtherNames) {
    const testing_support::FakeForwarding::Forward refuse_all = [](std::span<const std::uint8_t> query, Transport,
                                                                   const Reply& reply) {
        WireBytes answer(query.begin(), query.end());
        answer[2] |= 0x80;
        answer[3] |= 0x05;
        reply(answer);
    };
    RunningServer server({}, refuse_all);
    for (const bool tcp : {false, true}) {
        EXPECT_EQ(server.ask({.name = "example.com", .tcp = tcp}).rcode, "REFUSED");
    }
    const AnswerCounters& answers = server.counters().answers;
    EXPECT_EQ(answers.value(3, 0, 6), 2U) << "upstream, A, REFUSED";
    EXPECT_EQ(answers.total(), 2U) << "none is ours";
}

TEST(DnsServer, WhatWouldLoopIsNotAnswered) {
    asio::io_context context;
    view::Publisher publisher{testing_support::small_view()};
    Settings settings;
    settings.allow = {*Network::parse("10.0.0.0/8")};
    Responder responder(context, publisher, settings, nullptr);
    responder.add_listener(*SocketAddress::parse("127.0.0.1:53"));
    responder.add_listener(*SocketAddress::parse("0.0.0.0:5353"));
    const auto may_loop = [&](const char* source, const char* local) {
        return responder.may_loop(*SocketAddress::parse(source), *IpAddress::parse(local));
    };
    EXPECT_TRUE(may_loop("127.0.0.1:53", "127.0.0.1"));
    EXPECT_FALSE(may_loop("127.0.0.1:54", "127.0.0.1"));
    EXPECT_FALSE(may_loop("127.0.0.2:53", "127.0.0.1"));
    EXPECT_TRUE(may_loop("10.0.0.1:5353", "10.0.0.1"));
    EXPECT_FALSE(may_loop("10.0.0.2:5353", "10.0.0.1"));
    EXPECT_FALSE(may_loop("[::1]:53", "127.0.0.1"));
    for (const char* source : {"10.0.0.2:7", "10.0.0.2:13", "10.0.0.2:17", "10.0.0.2:19", "10.0.0.2:37"})
        EXPECT_TRUE(may_loop(source, "10.0.0.1")) << source;
    EXPECT_FALSE(may_loop("10.0.0.2:53", "10.0.0.1")) << "a resolver that asks from its own port";
    EXPECT_TRUE(responder.may_ask(*IpAddress::parse("127.0.0.9")));
    EXPECT_TRUE(responder.may_ask(*IpAddress::parse("::1")));
    EXPECT_TRUE(responder.may_ask(*IpAddress::parse("10.1.2.3")));
    EXPECT_FALSE(responder.may_ask(*IpAddress::parse("192.168.0.1")));
}

TEST(DnsServerTcp, AnswersPipelinedQueriesAndOvertakesAHeldOne) {
    RunningServer server;
    TcpClient client(server.port);
    WireBytes octets = TcpClient::framed({.name = "pending.local"}, 1);
    for (std::uint16_t id = 2; id <= 4; ++id) {
        const WireBytes next = TcpClient::framed({.name = "api.local"}, id);
        octets.insert(octets.end(), next.begin(), next.end());
    }
    client.send(octets);
    EXPECT_EQ(client.receive_id(), 2U);
    EXPECT_EQ(client.receive_id(), 3U);
    EXPECT_EQ(client.receive_id(), 4U);
    server.publish(services_polled());
    EXPECT_EQ(client.receive_id(), 1U);
}

TEST(DnsServerTcp, ReadsAQueryThatComesOctetByOctet) {
    RunningServer server;
    TcpClient client(server.port);
    for (const std::uint8_t octet : TcpClient::framed({.name = "api.local"}, 9)) client.send(WireBytes{octet});
    EXPECT_EQ(client.receive_id(), 9U);
}

TEST(DnsServerTcp, AnswersManyMoreThanItTakesAtOnce) {
    RunningServer server;
    TcpClient client(server.port);
    constexpr std::uint16_t queries = 2000;  // of 4 kB each: far more than socket buffers and our own bound hold
    std::thread sender([&] {
        for (std::uint16_t id = 1; id <= queries; ++id) client.send({.name = "big.local"}, id);
        client.close_half();
    });
    std::uint16_t next = 1;
    while (next <= queries && client.receive_id() == next) ++next;
    sender.join();
    EXPECT_EQ(next, queries + 1);
    EXPECT_TRUE(client.is_closed_by_server());
    EXPECT_EQ(server.counters().send_failures.value(), 0U);
}

TEST(DnsServerTcp, ManyHeldQueriesStopTheReadingAndAllAreAnswered) {
    RunningServer server;
    TcpClient client(server.port);
    constexpr std::uint16_t queries = 150;  // 64 may be outstanding
    for (std::uint16_t id = 1; id <= queries; ++id) client.send({.name = "pending.local"}, id);
    ASSERT_TRUE(eventually([&] { return server.counters().held.value() == 64; }));
    server.publish(services_polled());
    for (std::uint16_t id = 1; id <= queries; ++id) ASSERT_EQ(client.receive_id(), id);
    EXPECT_EQ(server.counters().held.value(), 64U);
}

TEST(DnsServerTcp, AClientThatClosedItsSideGetsItsAnswers) {
    RunningServer server;
    TcpClient client(server.port);
    client.send({.name = "pending.local"}, 1);
    client.send({.name = "api.local"}, 2);
    client.close_half();
    EXPECT_EQ(client.receive_id(), 2U);
    server.publish(services_polled());
    EXPECT_EQ(client.receive_id(), 1U);
    EXPECT_TRUE(client.is_closed_by_server());
}

TEST(DnsServerTcp, ClosesTheLongestIdleForANewConnection) {
    Settings settings;
    settings.max_tcp_connections = 2;
    RunningServer server(settings);
    TcpClient first(server.port);
    first.send({.name = "api.local"}, 1);
    EXPECT_EQ(first.receive_id(), 1U);
    TcpClient second(server.port);
    second.send({.name = "api.local"}, 2);
    EXPECT_EQ(second.receive_id(), 2U);
    first.send({.name = "api.local"}, 3);
    EXPECT_EQ(first.receive_id(), 3U);  // now the second is the longest idle
    TcpClient third(server.port);
    third.send({.name = "api.local"}, 4);
    EXPECT_EQ(third.receive_id(), 4U);
    EXPECT_TRUE(second.is_closed_by_server());
    first.send({.name = "api.local"}, 5);
    EXPECT_EQ(first.receive_id(), 5U);
    EXPECT_EQ(server.counters().tcp_evictions.value(), 1U);
}

TEST(DnsServerTcp, ClosesAnIdleConnectionButNotOneThatWaitsForItsAnswer) {
    Settings settings;
    settings.tcp_idle = 40ms;
    settings.hold_limit = 300ms;
    RunningServer server(settings);
    TcpClient waiting(server.port);
    waiting.send({.name = "pending.local"}, 1);
    TcpClient idle(server.port);
    idle.send(WireBytes{0});  // half a length is no activity
    EXPECT_TRUE(idle.is_closed_by_server());
    EXPECT_EQ(waiting.receive().rcode, "SERVFAIL");
    EXPECT_EQ(server.counters().tcp_timeouts.value(), 1U);
}

TEST(DnsServerTcp, ClosesOnAMessageLongerThanItReads) {
    RunningServer server;
    TcpClient client(server.port);
    client.send(WireBytes{0x10, 0x01, 0, 0});
    EXPECT_TRUE(client.is_closed_by_server());
    EXPECT_EQ(server.counters().dropped_too_long.value(), 1U);
}

TEST(DnsServerTcp, GoesOnAfterRunningOutOfDescriptors) {
    RunningServer server;
    // Descriptors up to the limit are taken, all but the two that the client's socket and its epoll need.
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    asio::io_context context;
    asio::ip::tcp::socket client(context, asio::ip::tcp::v4());
    const int lowest_free = ::dup(client.native_handle());
    ::close(lowest_free);
    const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    client.connect({asio::ip::address_v4::loopback(), server.port});  // the kernel accepts it into the backlog
    const bool failed = eventually([&] { return server.counters().accept_failures.value() > 0; });
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(failed);
    asio::write(client, asio::buffer(TcpClient::framed({.name = "api.local"}, 1)));
    std::array<std::uint8_t, 2> prefix{};
    EXPECT_EQ(asio::read(client, asio::buffer(prefix)), 2U);
}

TEST(DnsServerListen, SaysWhoMayHaveThePort) {
    RunningServer first;
    asio::io_context context;
    Server second(context, first.publisher, {}, {});
    const auto bound = listen(second, {*IpAddress::parse("127.0.0.1"), first.port});
    ASSERT_FALSE(bound);
    EXPECT_THAT(
        bound.error().message,
        testing::AllOf(testing::HasSubstr("127.0.0.1:" + std::to_string(first.port)), testing::HasSubstr("UDP"),
                       testing::HasSubstr("Address already in use"), testing::HasSubstr("ss -lunp")));
}

TEST(DnsServerListen, SaysThatTheAddressIsNotHere) {
    asio::io_context context;
    view::Publisher publisher{testing_support::small_view()};
    Server server(context, publisher, {}, {});
    const auto bound = listen(server, *SocketAddress::parse("192.0.2.1"));
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().code, Errc::network);
    EXPECT_THAT(bound.error().message, testing::HasSubstr("no such address"));
}

TEST(DnsServerListen, TellsADeniedPortFromOtherFailures) {
    const SocketAddress address = *SocketAddress::parse("127.0.0.1:53");
    const Error denied = bind_error(address, "UDP", EACCES);
    EXPECT_EQ(denied.code, Errc::denied);
    EXPECT_EQ(denied.message, "listen.dns: cannot bind 127.0.0.1:53 (UDP): Permission denied");
    EXPECT_NE(bind_error(address, "UDP", EADDRINUSE).code, Errc::denied);
}

TEST(DnsServer, StopsWithQueriesHeldAndConnectionsOpen) {
    DnsReply reply;
    {
        auto server = std::make_unique<RunningServer>();
        TcpClient client(server->port);
        client.send({.name = "pending.local"}, 1);
        ASSERT_TRUE(eventually([&] { return server->counters().held.value() == 1; }));
        auto held = server->ask_later({.name = "pending.local"});
        ASSERT_TRUE(eventually([&] { return server->counters().held.value() == 2; }));
        asio::post(server->context, [&] { server->server.stop(); });
        reply = held.get();
        server.reset();  // joins the dns thread: it ends only if nothing is left to wait for
    }
    EXPECT_TRUE(reply.has_error(14)) << "an answer rather than silence";
}

TEST(ServerReload, AnswersOnAListenerThatComesLater) {
    RunningServer server;
    auto bound = bind_sockets(*SocketAddress::parse("127.0.0.2"));
    ASSERT_TRUE(bound);
    const SocketAddress address = bound->address;
    asio::post(server.context, [&] {
        server.server.add(std::move(*bound));
        server.server.start();
    });
    for (const bool tcp : {false, true}) {
        EXPECT_TRUE(
            testing_support::ask({.name = "api.local", .port = address.port, .server = "127.0.0.2", .tcp = tcp})
                .arrived);
    }
    EXPECT_TRUE(server.ask({.name = "api.local"}).arrived);
}

TEST(ServerReload, AnswersWhatHasComeBeforeItLeavesAListener) {
    RunningServer server;
    std::promise<void> sent;
    // The dns thread is busy while the queries come; then it is to leave.
    asio::post(server.context, [&, seen = sent.get_future().share()] {
        seen.wait();
        server.server.remove({*IpAddress::parse("127.0.0.1"), server.port});
    });
    asio::io_context io;
    asio::ip::udp::socket client(io, asio::ip::udp::v4());
    client.connect({asio::ip::address_v4::loopback(), server.port});
    for (std::uint16_t id = 0; id < 40; ++id) client.send(asio::buffer(encode_query({.name = "api.local"}, id)));
    TcpClient tcp(server.port);
    tcp.send({.name = "api.local"}, 99);
    sent.set_value();
    client.non_blocking(true);
    unsigned answers = 0;
    std::array<std::uint8_t, 512> buffer{};
    eventually([&] {
        boost::system::error_code error;
        if (client.receive(asio::buffer(buffer), 0, error) > 0) ++answers;
        return answers == 40;
    });
    EXPECT_EQ(answers, 40U);
    EXPECT_EQ(tcp.receive_id(), 99U);
    EXPECT_FALSE(server.ask({.name = "api.local", .timeout = 100ms}).arrived);
}

TEST(ServerReload, ForwardsToAnotherOrToNobody) {
    RunningServer server;
    const DnsQuery elsewhere{.name = "example.com"};
    std::promise<void> done;
    asio::post(server.context, [&] {
        server.server.set_forwarding(nullptr);
        done.set_value();
    });
    done.get_future().wait();
    EXPECT_EQ(server.ask(elsewhere).rcode, "REFUSED");
}

}  // namespace
}  // namespace taskdns::dns_server
