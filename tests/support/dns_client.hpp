// A stub resolver for tests: one query, and all that came back.
// The question is written by hand (so that its letters stay as given); ldns reads the answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskdns::testing_support {

using WireBytes = std::vector<std::uint8_t>;

struct DnsQuery {
    std::string name;  ///< as typed, with or without a trailing dot
    std::string type = "A";
    std::uint16_t port = 53;
    std::string server = "127.0.0.1";
    bool tcp = false;
    std::optional<std::uint16_t> edns = 1232;  ///< payload size; null: no OPT
    bool dnssec_ok = false;
    bool recursion_desired = true;
    bool checking_disabled = false;
    bool authentic_data = false;  ///< the AD bit: whoever sets it understands it (RFC 6840 section 5.7)
    std::uint8_t opcode = 0;
    std::uint16_t rr_class = 1;
    std::chrono::milliseconds timeout{5'000};
};

struct DnsRecord {
    std::string owner;  ///< with a trailing dot, letters as sent
    std::uint32_t ttl = 0;
    std::string type;
    std::string rdata;  ///< presentation form

    bool operator==(const DnsRecord&) const = default;
};

struct DnsReply {
    bool arrived = false;  ///< all else is empty if not
    std::string rcode;     ///< "NOERROR", "NXDOMAIN", "SERVFAIL", ...
    std::string flags;     ///< those set, in this order: "aa tc rd ra ad cd"
    std::string question;  ///< name, class, type as "API.local. IN A"
    std::vector<DnsRecord> answer;
    std::vector<DnsRecord> authority;
    std::vector<DnsRecord> additional;  ///< without OPT
    bool has_opt = false;
    std::uint16_t payload_size = 0;
    std::vector<std::pair<unsigned, std::string>> errors;  ///< Extended DNS Errors (RFC 8914): code, text
    WireBytes bytes;
    std::chrono::milliseconds elapsed{0};

    bool has_flag(const std::string& flag) const;
    bool has_error(unsigned code) const;
    /// RDATA of the answer's records of one type, in order.
    std::vector<std::string> rdata(const std::string& type) const;
    /// rcode, then the records of answer and authority as "owner type rdata" without TTLs, sorted: for comparisons.
    std::vector<std::string> content() const;
};

/// What a failed assertion prints.
std::ostream& operator<<(std::ostream& out, const DnsReply& reply);

WireBytes encode_query(const DnsQuery& query, std::uint16_t id);
DnsReply parse_reply(const WireBytes& bytes);

/// Sends the query once. As a stub does, ignores datagrams with another ID.
DnsReply ask(const DnsQuery& query);
/// Over UDP, then over TCP if TC was set.
DnsReply ask_as_stub(DnsQuery query);
/// Any bytes, over UDP; what comes back within `timeout`, or nothing.
std::optional<WireBytes> exchange_raw(const WireBytes& packet, std::uint16_t port, std::chrono::milliseconds timeout);

/// The RDATA of the A records, in the order of the answer.
std::vector<std::string> ask_a(const std::string& name, std::uint16_t port);

}  // namespace taskdns::testing_support
