// What docs/dns.md says of UDP and TCP: who is answered, from which address, and what a stream may look like.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/dns_server_running.hpp"

namespace taskdns::dns_server {
namespace {

using testing::ElementsAre;

/// A datagram from `from` to `to`, both 127.0.0.1, whose source port nobody has bound. False: raw sockets need a
/// right.
bool send_from_port(std::uint16_t from, std::uint16_t to, const WireBytes& payload) {
    const int descriptor = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
    if (descriptor < 0) return false;
    WireBytes packet(sizeof(udphdr));
    udphdr header{};
    header.source = htons(from);
    header.dest = htons(to);
    header.len = htons(static_cast<std::uint16_t>(packet.size() + payload.size()));
    std::memcpy(packet.data(), &header, sizeof header);  // checksum 0: none (RFC 768)
    packet.insert(packet.end(), payload.begin(), payload.end());
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto sent =
        sendto(descriptor, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&where), sizeof where);
    ::close(descriptor);
    return sent == static_cast<ssize_t>(packet.size());
}

TEST(ConformanceUdp, SourcesThatCouldLoopGetSilence) {
    RunningServer server;
    const WireBytes query = encode_query({.name = "api.local"}, 1);
    std::uint64_t dropped = 0;
    for (const std::uint16_t source : {std::uint16_t{0}, std::uint16_t{7}, std::uint16_t{13}, std::uint16_t{17},
                                       std::uint16_t{19}, std::uint16_t{37}, server.port}) {
        if (!send_from_port(source, server.port, query)) GTEST_SKIP() << "raw sockets need a right";
        ++dropped;
        ASSERT_TRUE(eventually([&] { return server.counters().udp_queries.value() == dropped; }));
        EXPECT_TRUE(eventually([&] { return server.counters().dropped_source.value() == dropped; })) << source;
    }
    EXPECT_EQ(server.counters().answers.total(), 0U);
    ASSERT_TRUE(send_from_port(53, server.port, query));
    EXPECT_TRUE(eventually([&] { return server.counters().answers.of_rcode("NOERROR") == 1; }))
        << "a resolver's port is one";
}

TEST(ConformanceUdp, ResponsesAndRuntsGetSilenceAndTheNextQueryItsAnswer) {
    RunningServer server;
    asio::io_context context;
    asio::ip::udp::socket client(context, asio::ip::udp::v4());
    client.connect({asio::ip::address_v4::loopback(), server.port});
    const WireBytes query = encode_query({.name = "mixed.local"}, 9);
    WireBytes response = query;
    response[2] |= 0x80;
    client.send(asio::buffer(response));
    client.send(asio::buffer(query.data(), 0));
    client.send(asio::buffer(query.data(), 11));
    client.send(asio::buffer(query));
    WireBytes answer(1500);
    answer.resize(client.receive(asio::buffer(answer)));
    EXPECT_THAT(testing_support::parse_reply(answer).rdata("A"), ElementsAre("10.0.2.1"));
    EXPECT_EQ(server.counters().dropped_unanswerable.value(), 3U);
}

TEST(ConformanceUdp, AHeldAnswerComesFromTheAddressThatWasAsked) {
    RunningServer server({}, {}, "0.0.0.0");
    auto reply = server.ask_later({.name = "pending.local", .server = "127.0.0.5"});
    ASSERT_TRUE(eventually([&] { return server.counters().held.value() == 1; }));
    server.publish(services_polled());
    EXPECT_THAT(reply.get().rdata("A"), ElementsAre("10.0.8.1"));  // its socket hears 127.0.0.5 only
}

TEST(ConformanceUdp, AForwardedAnswerComesFromTheAddressThatWasAsked) {
    const testing_support::FakeForwarding::Forward echo = [](std::span<const std::uint8_t> query, Transport,
                                                             const Reply& reply) {
        WireBytes answer(query.begin(), query.end());
        answer[2] |= 0x80;
        reply(answer);
    };
    RunningServer server({}, echo, "0.0.0.0");
    EXPECT_TRUE(server.ask({.name = "x.example", .server = "127.0.0.6"}).arrived);
}

TEST(ConformanceUdp, SeveralListenersAnswerEachForItself) {
    asio::io_context context{1};
    view::Publisher publisher{testing_support::small_view()};
    Server server(context, publisher, {}, nullptr);
    const auto first = listen(server, *SocketAddress::parse("127.0.0.1"));
    ASSERT_TRUE(first);
    const auto second = listen(server, {*IpAddress::parse("127.0.0.2"), first->port});
    if (!second) GTEST_SKIP() << second.error().message;  // somebody has that port there
    server.start();
    std::thread thread([&] { context.run(); });
    for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
        for (const bool tcp : {false, true}) {
            EXPECT_TRUE(
                testing_support::ask({.name = "api.local", .port = first->port, .server = address, .tcp = tcp})
                    .arrived);
        }
    }
    asio::post(context, [&] { server.stop(); });
    thread.join();
}

TEST(ConformanceUdp, AnIpv6WildcardLeavesIpv4ToOthers) {
    asio::io_context context{1};
    view::Publisher publisher{testing_support::small_view()};
    Server server(context, publisher, {}, nullptr);
    const auto v6 = listen(server, *SocketAddress::parse("[::]:0"));
    if (!v6) GTEST_SKIP() << v6.error().message;
    const auto v4 = listen(server, {*IpAddress::parse("0.0.0.0"), v6->port});
    EXPECT_TRUE(v4) << v4.error().message;
}

/// A stream's octets, and the answers that come back, as rcodes in order; "closed" if the server then closes.
struct StreamCase {
    std::string name;
    std::function<WireBytes(const WireBytes& message)> octets;  ///< given a good query
    std::vector<std::string> expected;
};
void PrintTo(const StreamCase& row, std::ostream* out) { *out << row.name; }

WireBytes framed(const WireBytes& message) {
    WireBytes out{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size())};
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

WireBytes joined(std::initializer_list<WireBytes> parts) {
    WireBytes out;
    for (const WireBytes& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

WireBytes changed(WireBytes message, std::size_t octet, std::uint8_t value) {
    message.at(octet) = value;
    return message;
}

class ConformanceTcp : public testing::TestWithParam<StreamCase> {};

TEST_P(ConformanceTcp, Gets) {
    RunningServer server;
    TcpClient client(server.port);
    client.send(GetParam().octets(encode_query({.name = "mixed.local"}, 5)));
    client.close_half();
    std::vector<std::string> got;
    for (DnsReply reply = client.receive(); reply.arrived; reply = client.receive()) got.push_back(reply.rcode);
    EXPECT_EQ(got, GetParam().expected);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(DnsServer, ConformanceTcp, testing::Values(
    StreamCase{"OneQuery", [](const WireBytes& q) { return framed(q); }, {"NOERROR"}},
    StreamCase{"TwoInOneSegment", [](const WireBytes& q) { return joined({framed(q), framed(q)}); }, {"NOERROR", "NOERROR"}},
    StreamCase{"NothingAtAll", [](const WireBytes&) { return WireBytes{}; }, {}},
    StreamCase{"AMessageOfLengthZero", [](const WireBytes& q) { return joined({{0, 0}, framed(q)}); }, {"NOERROR"}},
    StreamCase{"AMessageShorterThanAHeader", [](const WireBytes& q) { return joined({{0, 3, 1, 2, 3}, framed(q)}); }, {"NOERROR"}},
    StreamCase{"AResponse", [](const WireBytes& q) { return joined({framed(changed(q, 2, 0x81)), framed(q)}); }, {"NOERROR"}},
    StreamCase{"AMistakeBetween", [](const WireBytes& q) { return joined({framed(q), framed(changed(q, 12, 0xC0)), framed(q)}); }, {"NOERROR", "FORMERR", "NOERROR"}},
    StreamCase{"AnotherOpcode", [](const WireBytes& q) { return joined({framed(changed(q, 2, 0x28)), framed(q)}); }, {"NOTIMPL", "NOERROR"}},
    StreamCase{"TheLongestThatIsRead", [](const WireBytes& q) { WireBytes m = q; m.resize(buffer_size); return joined({framed(m), framed(q)}); }, {"FORMERR", "NOERROR"}},
    StreamCase{"ALongerOneEndsTheStream", [](const WireBytes& q) { return joined({{0x10, 0x01}, q, framed(q)}); }, {}},
    StreamCase{"ACutMessageBehindAWholeOne", [](const WireBytes& q) { return joined({framed(q), {0, 40, 1, 2}}); }, {"NOERROR"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ConformanceTcp, AnAnswerAndItsLengthArriveTogether) {  // RFC 7766 section 8
    RunningServer server;
    asio::io_context context;
    asio::ip::tcp::socket client(context);
    client.connect({asio::ip::address_v4::loopback(), server.port});
    for (int i = 0; i < 20; ++i) {
        asio::write(client, asio::buffer(TcpClient::framed({.name = "mixed.local"}, 3)));
        WireBytes octets(1500);
        const std::size_t received = client.read_some(asio::buffer(octets));
        ASSERT_GT(received, 2U);
        EXPECT_EQ(static_cast<std::size_t>(octets[0] << 8 | octets[1]) + 2, received);
    }
}

TEST(ConformanceTcp, AQueryCutAnywhereIsPutTogether) {
    RunningServer server;
    const WireBytes octets = TcpClient::framed({.name = "mixed.local"}, 4);
    for (std::size_t cut = 1; cut < octets.size(); ++cut) {
        TcpClient client(server.port);
        const auto middle = octets.begin() + static_cast<std::ptrdiff_t>(cut);
        client.send(WireBytes(octets.begin(), middle));
        client.send(WireBytes(middle, octets.end()));
        ASSERT_EQ(client.receive_id(), 4U) << cut;
    }
}

}  // namespace
}  // namespace taskdns::dns_server
