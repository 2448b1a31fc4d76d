// Tens of thousands of packets that no client should send: each gets an answer that can be matched with it, or
// silence where silence is right (tests/support/query_oracle.hpp decides), and the next good query is answered.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/daemon_under_test.hpp"
#include "support/query_oracle.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t seed = 20261122;  // printed by a failure through the packet itself
constexpr std::size_t batch_size = 24;
constexpr std::uint16_t sentinel = 0xFFFF;  // the ID of the good query behind each batch

DaemonOptions options(bool forwards) {
    const std::string forward = forwards ? "upstream: {servers: ['127.0.0.1:1'], timeout: 100ms, attempts: 1}\n"
                                         : "forward: {enabled: false}\n";
    return {.yaml = forward +
                    "services:\n"
                    "  - name: api.local\n"
                    "    aliases: [api]\n"
                    "    source: static\n"
                    "    addresses: ['10.0.1.1:80', '10.0.1.2:80', '[fd00::1]:80']\n"
                    "    health: {check: none}\n"};
}

void append(WireBytes& out, const WireBytes& octets) { out.insert(out.end(), octets.begin(), octets.end()); }

/// Good queries that differ in what they hold.
std::vector<WireBytes> good_queries() {
    std::vector<WireBytes> out;
    for (const DnsQuery& query :
         {DnsQuery{.name = "api.local", .dnssec_ok = true}, DnsQuery{.name = "API.Local", .type = "SRV", .edns = {}},
          DnsQuery{.name = "ip6-fd000000000000000000000000000001.api.local", .type = "AAAA"},
          DnsQuery{.name = "api", .type = "TXT", .rr_class = 3}, DnsQuery{.name = "www.example", .type = "MX"},
          DnsQuery{.name = "", .type = "NS"},
          DnsQuery{.name = "1.0.0.127.in-addr.arpa", .type = "PTR", .edns = {}}}) {
        out.push_back(encode_query(query, 0));
    }
    out[0].back() = 12;  // a cookie
    append(out[0], {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
    out[1][11] = 1;  // and a TSIG that nobody reads
    append(out[1], {0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 3, 1, 2, 3});
    return out;
}

void flip(const WireBytes& query, std::vector<WireBytes>& out) {
    for (std::size_t at = 2; at < query.size(); ++at) {  // behind the ID, which each packet has of its own
        for (unsigned bit = 0; bit < 8; ++bit) {
            out.push_back(query);
            out.back()[at] ^= static_cast<std::uint8_t>(1U << bit);
        }
        for (const int value : {0x00, 0x01, 0x0C, 0x29, 0x3F, 0x40, 0xC0, 0xFF}) {
            out.push_back(query);
            out.back()[at] = static_cast<std::uint8_t>(value);
        }
    }
}

void cut_and_lengthen(const WireBytes& query, std::vector<WireBytes>& out) {
    for (std::size_t length = 0; length < query.size(); ++length) {
        out.emplace_back(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(length));
    }
    for (const std::size_t more : {1U, 2U, 10U, 11U, 12U, 100U, 484U, 1200U, 3000U}) {
        for (const int value : {0x00, 0x29, 0xC0, 0xFF}) {
            out.push_back(query);
            out.back().resize(query.size() + more, static_cast<std::uint8_t>(value));
            out.push_back(out.back());
            out.back()[11] = static_cast<std::uint8_t>(out.back()[11] + 1);  // and counted as a record
        }
    }
    out.push_back(query);
    out.back().resize(4096);
}

/// Several octets of good queries changed, and pure noise, half of it behind a header that reads.
void randomize(const std::vector<WireBytes>& queries, std::vector<WireBytes>& out) {
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t limit) { return random() % limit; };
    for (int i = 0; i < 2'500; ++i) {
        WireBytes packet = queries[below(queries.size())];
        for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
            packet[2 + below(packet.size() - 2)] = static_cast<std::uint8_t>(random());
        }
        out.push_back(std::move(packet));
    }
    for (int i = 0; i < 2'500; ++i) {
        WireBytes packet(below(i % 10 == 0 ? 1'400 : 80));
        for (std::uint8_t& octet : packet) octet = static_cast<std::uint8_t>(random());
        if (packet.size() >= 12 && i % 2 == 0) {
            for (std::size_t at = 4; at < 12; ++at) packet[at] = 0;
            packet[2] &= 0x07;
            packet[5] = 1;
            packet[11] = static_cast<std::uint8_t>(below(3));
        }
        out.push_back(std::move(packet));
    }
}

std::vector<WireBytes> bad_packets() {
    const std::vector<WireBytes> queries = good_queries();
    std::vector<WireBytes> out;
    for (const WireBytes& query : queries) {
        flip(query, out);
        cut_and_lengthen(query, out);
    }
    randomize(queries, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i].size() < 2) continue;
        out[i][0] = static_cast<std::uint8_t>(i % sentinel >> 8);
        out[i][1] = static_cast<std::uint8_t>(i % sentinel);
    }
    return out;
}

WireBytes good_query() { return encode_query({.name = "api.local"}, sentinel); }

std::string hex(const WireBytes& octets) {
    std::string out;
    for (const std::uint8_t octet : octets) {
        out += "0123456789abcdef"[octet >> 4];
        out += "0123456789abcdef"[octet & 0xF];
    }
    return out;
}

/// A connected socket to the daemon; whatever does not come within seconds does not come.
class Client {
public:
    Client(std::uint16_t port, bool tcp)
        : tcp_(tcp), descriptor_(socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)) {
        const timeval limit{10, 0};
        setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        const int now = 1;
        if (tcp) setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = connect(descriptor_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    }
    ~Client() { close(descriptor_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool send_raw(const WireBytes& octets) const {
        return connected_ &&
               ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(octets.size());
    }
    bool send(const WireBytes& message) const {
        if (!tcp_) return send_raw(message);
        WireBytes framed{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size())};
        append(framed, message);
        return send_raw(framed);
    }
    void close_half() const { shutdown(descriptor_, SHUT_WR); }

    /// The next answer; null at the end of a stream, or if none comes.
    std::optional<WireBytes> receive() const {
        WireBytes message(65'536);
        if (!tcp_) {
            const ssize_t size = recv(descriptor_, message.data(), message.size(), 0);
            if (size < 0) return std::nullopt;
            message.resize(static_cast<std::size_t>(size));
            return message;
        }
        if (!receive_all(message.data(), 2)) return std::nullopt;
        message.resize(static_cast<std::size_t>(message[0] << 8 | message[1]));
        if (!receive_all(message.data(), message.size())) return std::nullopt;
        return message;
    }

private:
    bool receive_all(std::uint8_t* at, std::size_t size) const {
        return recv(descriptor_, at, size, MSG_WAITALL) == static_cast<ssize_t>(size);
    }

    bool tcp_;
    int descriptor_;
    bool connected_ = false;
};

unsigned id_of(const WireBytes& message) {
    return message.size() < 2 ? sentinel : static_cast<unsigned>(message[0] << 8 | message[1]);
}

/// Sends a batch and a good query; takes answers, in whatever order, until all that are deserved have come. What
/// comes for a packet that deserves silence is a mistake, at the latest when the next batch's answers are taken.
class Conversation {
public:
    Conversation(std::uint16_t port, bool tcp, bool forwards) : client_(port, tcp), tcp_(tcp), forwards_(forwards) {}

    /// False: something did not come.
    bool exchange(std::span<const WireBytes> batch) {
        for (const WireBytes& packet : batch) {
            const Deserved what = deserved(packet, tcp_, forwards_);
            ++(what.silence ? silences : answers);
            if (!what.silence) waiting_[id_of(packet)] = {packet, what};
            if (!client_.send(packet)) return false;
        }
        waiting_[sentinel] = {good_query(), deserved(good_query(), tcp_, forwards_)};
        if (!client_.send(good_query())) return false;
        while (!waiting_.empty()) {
            const auto answer = client_.receive();
            if (!answer) return false;
            take(*answer);
        }
        return true;
    }

    std::vector<std::string> unanswered() const {
        std::vector<std::string> out;
        for (const auto& [id, sent] : waiting_) out.push_back(hex(sent.packet));
        return out;
    }

    std::size_t answers = 0;
    std::size_t silences = 0;
    std::vector<std::string> mistakes;

private:
    struct Sent {
        WireBytes packet;
        Deserved what;
    };

    void take(const WireBytes& answer) {
        const auto sent = waiting_.extract(id_of(answer));
        const std::string mistake =
            sent.empty() ? "nobody waits for it" : mistake_of(sent.mapped().packet, answer, sent.mapped().what, tcp_);
        if (mistake.empty()) return;
        mistakes.push_back(mistake + ": " + (sent.empty() ? "" : hex(sent.mapped().packet)) + " -> " + hex(answer));
    }

    Client client_;
    bool tcp_;
    bool forwards_;
    std::map<unsigned, Sent> waiting_;
};

struct MalformedCase {
    std::string name;
    bool tcp;
    bool forwards;
};
void PrintTo(const MalformedCase& row, std::ostream* out) { *out << row.name; }

class MalformedPackets : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedPackets, GetTheRightAnswerOrSilence) {
    const auto& [name, tcp, forwards] = GetParam();
    DaemonUnderTest daemon(options(forwards));
    ASSERT_TRUE(daemon.wait_until_ready());
    const std::vector<WireBytes> packets = bad_packets();
    ASSERT_GE(packets.size(), 10'000U);
    Conversation conversation(daemon.dns_port(), tcp, forwards);
    for (std::size_t at = 0; at < packets.size(); at += batch_size) {
        const auto batch = std::span(packets).subspan(at, std::min(batch_size, packets.size() - at));
        if (!conversation.exchange(batch)) break;
    }
    EXPECT_THAT(conversation.mistakes, testing::IsEmpty());
    EXPECT_THAT(conversation.unanswered(), testing::IsEmpty());
    EXPECT_EQ(conversation.answers + conversation.silences, packets.size());
    EXPECT_GT(conversation.silences, 500U);
    EXPECT_TRUE(daemon.process().running());
    std::cout << packets.size() << " packets: " << conversation.answers << " answered, " << conversation.silences
              << " met with silence\n";
}

INSTANTIATE_TEST_SUITE_P(Over, MalformedPackets,
                         testing::Values(MalformedCase{"Udp", false, false}, MalformedCase{"Tcp", true, false},
                                         MalformedCase{"UdpWhileForwarding", false, true},
                                         MalformedCase{"TcpWhileForwarding", true, true}),
                         [](const auto& instance) { return instance.param.name; });

TEST(MalformedDatagrams, LongerThanAnyQueryGetSilence) {
    const DaemonUnderTest daemon(options(false));
    ASSERT_TRUE(daemon.wait_until_ready());
    std::vector<WireBytes> packets;
    for (const std::size_t size : {4'097U, 9'000U, 40'000U, 65'000U}) {
        packets.push_back(good_queries()[0]);
        packets.back().resize(size);
    }
    Conversation conversation(daemon.dns_port(), false, false);
    EXPECT_TRUE(conversation.exchange(packets));
    EXPECT_THAT(conversation.mistakes, testing::IsEmpty());
    EXPECT_EQ(conversation.silences, packets.size());
}

/// The messages of a stream, as its lengths say, and whether one is longer than the daemon reads.
std::pair<std::vector<WireBytes>, bool> messages_of(const WireBytes& stream) {
    std::vector<WireBytes> out;
    for (std::size_t at = 0; at + 2 <= stream.size();) {
        const std::size_t length = static_cast<std::size_t>(stream[at] << 8 | stream[at + 1]);
        if (length > 4'096) return {out, true};
        if (at + 2 + length > stream.size()) break;
        out.emplace_back(stream.begin() + static_cast<std::ptrdiff_t>(at) + 2,
                         stream.begin() + static_cast<std::ptrdiff_t>(at + 2 + length));
        at += 2 + length;
    }
    return {out, false};
}

/// Good queries whose lengths are not theirs, with octets missing or too many.
WireBytes wrong_stream(std::mt19937& random) {
    const std::vector<WireBytes> queries = good_queries();
    WireBytes stream;
    for (unsigned i = 0; i < 12; ++i) {
        WireBytes message = queries[random() % queries.size()];
        std::size_t length = message.size();
        if (random() % 4 == 0) length += random() % 9;
        if (random() % 4 == 0) length -= random() % 9;
        if (random() % 12 == 0) length = random() % 65'536;
        if (random() % 6 == 0) message.resize(random() % (message.size() + 1));
        append(stream, {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
        append(stream, message);
    }
    return stream;
}

TEST(MalformedStreams, AreReadAsTheirLengthsSay) {
    const DaemonUnderTest daemon(options(false));
    ASSERT_TRUE(daemon.wait_until_ready());
    std::mt19937 random(seed);
    std::size_t answered = 0;
    for (int i = 0; i < 400; ++i) {
        const WireBytes stream = wrong_stream(random);
        const auto [messages, too_long] = messages_of(stream);
        std::multimap<unsigned, WireBytes> waiting;
        for (const WireBytes& message : messages) {
            if (!deserved(message, true, false).silence) waiting.emplace(id_of(message), message);
        }
        const Client client(daemon.dns_port(), true);
        ASSERT_TRUE(client.send_raw(stream)) << hex(stream);
        client.close_half();
        while (const auto answer = client.receive()) {
            const auto [first, last] = waiting.equal_range(id_of(*answer));
            const auto of = std::find_if(first, last, [&answer = *answer](const auto& sent) {
                return mistake_of(sent.second, answer, deserved(sent.second, true, false), true).empty();
            });
            ASSERT_NE(of, last) << hex(stream) << " -> " << hex(*answer);
            waiting.erase(of);
            ++answered;
        }
        if (!too_long) {
            EXPECT_TRUE(waiting.empty()) << hex(stream);
        }
        EXPECT_EQ(daemon.ask({.name = "api.local", .tcp = true}).rcode, "NOERROR");
    }
    EXPECT_GT(answered, 500U);
}

}  // namespace
}  // namespace taskdns::testing_support
