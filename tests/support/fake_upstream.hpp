// A DNS server inside the test, on UDP and TCP at one port of 127.0.0.1: it answers, lies, is silent or slow as it is
// told, and remembers what it was asked. It runs on the test's io_context.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"
#include "base/time.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::testing_support {

/// What is sent over UDP before the answer.
enum class Lie {
    wrong_id,
    other_question,
    garbage,
    empty_datagram,
    header_only,
    query_itself,  ///< the query as it came: QR is not set
    from_other_port,
    from_other_address  ///< 127.0.0.66, at the server's port
};

/// How the answer goes over TCP.
enum class Stream {
    whole,
    octet_by_octet,
    octet_a_second,
    cut_half_way,
    closed_at_once,
    length_zero,
    length_too_long,   ///< 65,535, of which no more than the message ever comes
    length_too_short,  ///< of half the message; the rest comes all the same
    other_question,
    silent
};

struct Reply {
    Sections sections;
    bool silent = false;            ///< over UDP; the lies are told all the same
    bool garbage = false;           ///< the right header and question, then octets that do not parse; UDP and TCP
    bool upper_case = false;        ///< the question's letters
    bool truncated_on_udp = false;  ///< TC and no records over UDP, the answer over TCP
    std::vector<Lie> lies = {};
    Stream stream = Stream::whole;
    milliseconds delay{0};
};

struct Seen {
    dns::Question question;
    std::uint16_t id = 0;
    std::uint16_t source_port = 0;
    bool over_tcp = false;
    bool recursion_desired = false;
    dns::Bytes message;
};

class FakeUpstream {
public:
    explicit FakeUpstream(asio::io_context& io);
    ~FakeUpstream();
    FakeUpstream(const FakeUpstream&) = delete;
    FakeUpstream& operator=(const FakeUpstream&) = delete;

    SocketAddress address() const;

    /// From now on; replaces what was said for this question before. A question nobody spoke of gets REFUSED.
    void on(const std::string& name, dns::RrType type, Reply reply);
    void on(const std::string& name, dns::RrType type, Sections sections);
    /// For each question nobody spoke of.
    void otherwise(Reply reply);

    /// Any octets from its own address and port to `to_port` of 127.0.0.1.
    void send_datagram(const dns::Bytes& message, std::uint16_t to_port);

    const std::vector<Seen>& seen() const;
    std::size_t times_asked(const std::string& name, dns::RrType type) const;
    /// The most queries that were unanswered at the same time (a delay makes them so).
    std::size_t most_at_once() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// An address of 127.0.0.1 where nothing listens, UDP or TCP.
SocketAddress closed_port(asio::io_context& io);

}  // namespace taskdns::testing_support
