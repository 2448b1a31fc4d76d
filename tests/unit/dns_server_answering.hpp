// answer() over a small fixed view, without sockets, and an answer's meaning in one line.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dns_server/answer.hpp"
#include "support/dns_client.hpp"
#include "support/forwarding.hpp"
#include "support/small_view.hpp"

namespace taskdns::dns_server {

using testing_support::DnsQuery;
using testing_support::DnsReply;
using testing_support::encode_query;
using testing_support::WireBytes;

inline constexpr std::uint16_t id = 0xBEEF;

class Answering {
public:
    explicit Answering(bool forwarding = true,
                       std::vector<testing_support::SmallService> services = testing_support::small_services())
        : view_(testing_support::small_view(services)), forwards_(forwarding) {}

    Outcome raw(const WireBytes& query, Transport transport = Transport::udp) {
        buffer_.assign(buffer_size, 0xAA);
        std::copy(query.begin(), query.end(), buffer_.begin());
        return answer(buffer_, query.size(), transport, context());
    }
    Outcome raw(const DnsQuery& query) {
        return raw(encode_query(query, id), query.tcp ? Transport::tcp : Transport::udp);
    }
    WireBytes bytes(const Outcome& result) const {
        return {buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(result.length)};
    }
    DnsReply reply(const DnsQuery& query) {
        const Outcome result = raw(query);
        EXPECT_EQ(result.action, Action::send);
        return testing_support::parse_reply(bytes(result));
    }
    DnsReply reply_to(const WireBytes& query) {
        const Outcome result = raw(query);
        EXPECT_EQ(result.action, Action::send);
        return testing_support::parse_reply(bytes(result));
    }
    Context context() { return {*view_, counters_, forwards_ ? &forwarding_ : nullptr}; }
    Counters& counters() { return counters_; }
    std::vector<std::uint8_t>& buffer() { return buffer_; }

private:
    std::unique_ptr<const view::View> view_;
    Counters counters_;
    bool forwards_;
    testing_support::FakeForwarding forwarding_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(buffer_size);
};

inline std::string rendered(const char* section, const std::vector<testing_support::DnsRecord>& records) {
    std::string out;
    for (const auto& record : records) {
        // Of an SOA only owner and TTL matter here.
        const std::string rdata = record.type == "SOA" ? "" : " " + record.rdata;
        out += std::string(out.empty() ? "" : ", ") + record.owner + " " + std::to_string(record.ttl) + " " +
               record.type + rdata;
    }
    return out.empty() ? out : "; " + std::string(section) + ": " + out;
}

/// "NOERROR aa rd ra; answer: api.local. 1 A 10.0.1.1; ede 3".
inline std::string meaning(const DnsReply& reply) {
    std::string out = reply.rcode + " " + reply.flags + rendered("answer", reply.answer) +
                      rendered("authority", reply.authority) + rendered("additional", reply.additional);
    for (const auto& [code, text] : reply.errors) out += "; ede " + std::to_string(code);
    return out;
}

}  // namespace taskdns::dns_server
