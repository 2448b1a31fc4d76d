// The forwarder against upstream servers of the test's own, on loopback, in one thread.
#include <functional>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forward/forwarder.hpp"
#include "support/dns_client.hpp"

namespace taskdns::forward {
namespace {

using namespace std::chrono_literals;
using testing_support::DnsQuery;
using testing_support::DnsReply;
using testing_support::encode_query;
using testing_support::WireBytes;

/// What a server says to a query; nothing: it is silent.
using Behaviour = std::function<std::optional<WireBytes>(WireBytes query, bool tcp)>;

std::optional<WireBytes> say(WireBytes query, std::uint8_t flags2, std::uint8_t flags3) {
    query[2] = static_cast<std::uint8_t>(query[2] | 0x80 | flags2);
    query[3] = static_cast<std::uint8_t>(0x80 | flags3);
    return query;
}
std::optional<WireBytes> noerror(WireBytes query, bool) { return say(std::move(query), 0, 0); }
std::optional<WireBytes> nxdomain(WireBytes query, bool) { return say(std::move(query), 0, 3); }
std::optional<WireBytes> servfail(WireBytes query, bool) { return say(std::move(query), 0, 2); }
std::optional<WireBytes> refused(WireBytes query, bool) { return say(std::move(query), 0, 5); }
std::optional<WireBytes> silent(WireBytes, bool) { return std::nullopt; }
/// TC over UDP, an answer over TCP.
std::optional<WireBytes> cut_over_udp(WireBytes query, bool tcp) { return say(std::move(query), tcp ? 0 : 2, 0); }
std::optional<WireBytes> wrong_id_first(WireBytes query, bool) {
    ++query[1];
    return say(std::move(query), 0, 0);
}

/// UDP and TCP on one port. Lives in the test's io_context.
class FakeServer {
public:
    FakeServer(asio::io_context& context, Behaviour behaviour)
        : behaviour_(std::move(behaviour)),
          acceptor_(context, {asio::ip::address_v4::loopback(), 0}),
          udp_(context, {asio::ip::address_v4::loopback(), acceptor_.local_endpoint().port()}),
          connection_(context) {
        receive();
        accept();
    }
    SocketAddress address() const { return {*IpAddress::parse("127.0.0.1"), acceptor_.local_endpoint().port()}; }

    unsigned udp_queries = 0;
    unsigned tcp_queries = 0;

private:
    void receive() {
        buffer_.resize(4096);
        udp_.async_receive_from(asio::buffer(buffer_), client_,
                                [this](const boost::system::error_code& error, std::size_t size) {
                                    if (error) return;
                                    ++udp_queries;
                                    buffer_.resize(size);
                                    const auto answer = behaviour_(buffer_, false);
                                    if (answer) udp_.send_to(asio::buffer(*answer), client_);
                                    receive();
                                });
    }
    void accept() {
        acceptor_.async_accept(connection_, [this](const boost::system::error_code& error) {
            if (error) return;
            ++tcp_queries;
            std::array<std::uint8_t, 2> prefix{};
            asio::read(connection_, asio::buffer(prefix));
            WireBytes query(static_cast<std::size_t>(prefix[0] << 8 | prefix[1]));
            asio::read(connection_, asio::buffer(query));
            auto answer = behaviour_(query, true).value_or(WireBytes{});
            answer.insert(answer.begin(),
                          {static_cast<std::uint8_t>(answer.size() >> 8), static_cast<std::uint8_t>(answer.size())});
            asio::write(connection_, asio::buffer(answer));
            connection_.close();
            accept();
        });
    }

    Behaviour behaviour_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::udp::socket udp_;
    asio::ip::udp::endpoint client_;
    asio::ip::tcp::socket connection_;
    WireBytes buffer_;
};

class Forwarding : public testing::Test {
protected:
    Forwarding() {
        upstream.timeout = 30ms;
        upstream.attempts = 2;
    }

    FakeServer& add_server(Behaviour behaviour) {
        return *servers.emplace_back(std::make_unique<FakeServer>(context, std::move(behaviour)));
    }
    Forwarder& forwarder() {
        if (!forwarder_) {
            std::vector<SocketAddress> addresses;
            for (const auto& server : servers) addresses.push_back(server->address());
            forwarder_ =
                std::make_unique<Forwarder>(context.get_executor(), addresses, Settings{upstream, settings}, budget);
        }
        return *forwarder_;
    }
    /// Counts the answer to every query that is started.
    void start(const DnsQuery& query, std::uint16_t id = 0xC11E) {
        forwarder().forward(encode_query(query, id), query.tcp, [this](const dns::Bytes& answer) {
            replies.push_back(testing_support::parse_reply(answer));
        });
    }
    /// Runs until so many answers have come; the limit only ends a failing test.
    void run_until_replies(std::size_t count) {
        while (replies.size() < count) {
            if (context.run_one_for(20s) == 0) return;
        }
    }
    DnsReply ask(const DnsQuery& query) {
        const std::size_t before = replies.size();
        start(query);
        run_until_replies(before + 1);
        return replies.size() > before ? replies.back() : DnsReply{};
    }

    asio::io_context context{1};
    config::Upstream upstream;
    config::Forward settings;
    upstream::QueryBudget budget{500};
    std::vector<std::unique_ptr<FakeServer>> servers;
    std::vector<DnsReply> replies;

private:
    std::unique_ptr<Forwarder> forwarder_;
};

TEST_F(Forwarding, RelaysTheAnswer) {
    add_server(nxdomain);
    const DnsReply reply = ask({.name = "eXample.com", .type = "MX"});
    EXPECT_EQ(reply.rcode, "NXDOMAIN");
    EXPECT_EQ(reply.flags, "rd ra");
    EXPECT_EQ(reply.question, "eXample.com. IN MX");
    EXPECT_EQ(reply.bytes[0] << 8 | reply.bytes[1], 0xC11E);
    EXPECT_EQ(forwarder().counters().queries.value(), 1U);
    EXPECT_EQ(forwarder().counters().answers.value(), 1U);
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
    EXPECT_EQ(forwarder().counters().failures.value(), 1U);
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
}

TEST_F(Forwarding, FetchesACutAnswerOverTcpForEverybody) {
    const FakeServer& server = add_server(cut_over_udp);
    const DnsReply udp = ask({.name = "example.com"});
    EXPECT_EQ(udp.rcode, "NOERROR");
    EXPECT_FALSE(udp.has_flag("tc")) << "it is small enough for this client";
    EXPECT_EQ(server.udp_queries, 1U);
    EXPECT_EQ(server.tcp_queries, 1U);
    EXPECT_EQ(forwarder().counters().tcp.value(), 1U);
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
    EXPECT_EQ(forwarder().counters().over_limit.value(), 1U);
    run_until_replies(3);
    EXPECT_EQ(replies.size(), 3U);
}

TEST_F(Forwarding, StaysWithinTheBudget) {
    const FakeServer& server = add_server(noerror);
    const TimePoint now = Clock::now();
    while (budget.take(upstream::Purpose::forward, 1, now + 1s)) {
    }  // more than a second's worth, so that none is left while the test runs
    const DnsReply reply = ask({.name = "example.com"});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_TRUE(reply.has_error(0));
    EXPECT_EQ(server.udp_queries, 0U);
    EXPECT_EQ(forwarder().counters().over_limit.value(), 1U);
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

}  // namespace
}  // namespace taskdns::forward
