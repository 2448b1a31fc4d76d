// A forwarder in the test's one thread, with upstream servers of the test's own on loopback and a clock that the test
// moves.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "forward/forwarder.hpp"
#include "support/dns_client.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::forward {

using namespace std::chrono_literals;
using testing_support::DnsQuery;
using testing_support::DnsReply;
using testing_support::encode_query;
using testing_support::Sections;
using testing_support::WireBytes;

/// What a server says to a query; nothing: it is silent.
using Behaviour = std::function<std::optional<WireBytes>(WireBytes query, bool tcp)>;

inline std::optional<WireBytes> say(WireBytes query, std::uint8_t flags2, std::uint8_t flags3) {
    query[2] = static_cast<std::uint8_t>(query[2] | 0x80 | flags2);
    query[3] = static_cast<std::uint8_t>(0x80 | flags3);
    return query;
}
inline std::optional<WireBytes> noerror(WireBytes query, bool) { return say(std::move(query), 0, 0); }
inline std::optional<WireBytes> nxdomain(WireBytes query, bool) { return say(std::move(query), 0, 3); }
inline std::optional<WireBytes> servfail(WireBytes query, bool) { return say(std::move(query), 0, 2); }
inline std::optional<WireBytes> refused(WireBytes query, bool) { return say(std::move(query), 0, 5); }
/// The question as it was asked, and these records.
inline Behaviour says(const Sections& sections) {
    return [sections](const WireBytes& query, bool) -> std::optional<WireBytes> {
        std::size_t end = 12;
        while (query[end] != 0) end += query[end] + 1U;
        const auto name = dns::Name::from_wire(std::span(query).subspan(12, end + 1 - 12));
        const auto type = static_cast<dns::RrType>(query[end + 1] << 8 | query[end + 2]);
        WireBytes answer = testing_support::write_response(static_cast<std::uint16_t>(query[0] << 8 | query[1]),
                                                           {*name, type}, sections);
        answer[2] = static_cast<std::uint8_t>((answer[2] & 0xFE) | (query[2] & 1));
        answer[end + 4] = query[end + 4];  // the class
        return answer;
    };
}
inline std::optional<WireBytes> silent(WireBytes, bool) { return std::nullopt; }
/// TC over UDP, an answer over TCP.
inline std::optional<WireBytes> cut_over_udp(WireBytes query, bool tcp) {
    return say(std::move(query), tcp ? 0 : 2, 0);
}
inline std::optional<WireBytes> wrong_id_first(WireBytes query, bool) {
    ++query[1];
    return say(std::move(query), 0, 0);
}

/// UDP and TCP on one port. Lives in the test's io_context.
class FakeServer {
public:
    Behaviour behaviour;          ///< may change
    std::vector<WireBytes> seen;  ///< over UDP

    FakeServer(asio::io_context& context, Behaviour b)
        : behaviour(std::move(b)),
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
                                    seen.push_back(buffer_);
                                    const auto answer = behaviour(buffer_, false);
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
            auto answer = behaviour(query, true).value_or(WireBytes{});
            answer.insert(answer.begin(),
                          {static_cast<std::uint8_t>(answer.size() >> 8), static_cast<std::uint8_t>(answer.size())});
            asio::write(connection_, asio::buffer(answer));
            connection_.close();
            accept();
        });
    }

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
        now = TimePoint{1h};
    }

    FakeServer& add_server(Behaviour behaviour) {
        return *servers.emplace_back(std::make_unique<FakeServer>(context, std::move(behaviour)));
    }
    Forwarder& forwarder() {
        if (!forwarder_) {
            std::vector<SocketAddress> addresses;
            for (const auto& server : servers) addresses.push_back(server->address());
            forwarder_ = std::make_unique<Forwarder>(
                context.get_executor(), addresses, Settings{upstream, settings, virtual_now, probe_interval}, budget);
        }
        return *forwarder_;
    }
    const Counters& counters() { return forwarder().counters(); }
    static TimePoint virtual_now() { return now; }
    /// What answer_now() makes of it; no answer if it has none.
    WireBytes answer_now(const DnsQuery& query, std::uint16_t id = 0xC11E) {
        WireBytes buffer = encode_query(query, id);
        dns::Query parsed;
        EXPECT_EQ(dns::parse_query(buffer, parsed), dns::ParseOutcome::ok);
        buffer.resize(4096, 0xEE);
        buffer.resize(forwarder().answer_now(buffer, parsed, query.tcp));
        return buffer;
    }
    DnsReply ask_now(const DnsQuery& query) {
        const WireBytes answer = answer_now(query);
        return answer.empty() ? DnsReply{} : testing_support::parse_reply(answer);
    }
    /// As the DNS server does: at once if it can be, else by asking.
    DnsReply ask(const DnsQuery& query) {
        DnsReply at_once = ask_now(query);
        if (at_once.arrived) return at_once;
        const std::size_t before = replies.size();
        start(query);
        run_until_replies(before + 1);
        return replies.size() > before ? replies.back() : DnsReply{};
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
    /// Lets what is under way come to an end, without waiting for timers.
    template <class Condition>
    bool run_until(Condition holds) {
        const TimePoint limit = Clock::now() + 20s;
        while (!holds() && Clock::now() < limit) context.run_one_for(10ms);
        return holds();
    }

    inline static TimePoint now{1h};

    asio::io_context context{1};
    config::Upstream upstream;
    config::Forward settings;
    milliseconds probe_interval{60'000};
    upstream::QueryBudget budget{500};
    std::vector<std::unique_ptr<FakeServer>> servers;
    std::vector<DnsReply> replies;

private:
    std::unique_ptr<Forwarder> forwarder_;
};

}  // namespace taskdns::forward
