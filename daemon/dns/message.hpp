// DNS messages off the hot path, wire form to value and back, over ldns.
// Layer: dns (may include base, ldns in the .cpp only). Pure: no sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "dns/name.hpp"
#include "dns/types.hpp"

namespace taskdns::dns {

using Bytes = std::vector<std::uint8_t>;

struct Question {
    Name name;
    RrType type = RrType::a;

    bool operator==(const Question&) const = default;
};

/// RDATA of the types that discovery reads; others are left out of a Response.
struct Srv {
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    Name target;

    bool operator==(const Srv&) const = default;
};
struct Cname {
    Name target;

    bool operator==(const Cname&) const = default;
};
struct Soa {
    std::uint32_t minimum = 0;  ///< RFC 2308: with the SOA's own TTL the negative TTL

    bool operator==(const Soa&) const = default;
};
using Rdata = std::variant<IpAddress, Srv, Cname, Soa>;

struct Record {
    Name owner;
    std::chrono::seconds ttl{0};  ///< RFC 2181 section 8: a value with the top bit set is 0
    Rdata rdata;
};

struct Response {
    Rcode rcode = Rcode::noerror;
    bool truncated = false;
    std::vector<Record> answer;
    std::vector<Record> authority;   ///< SOA only
    std::vector<Record> additional;  ///< addresses only
};

/// A recursive query (RD) of class IN with EDNS payload size 1232.
Bytes build_query(std::uint16_t id, const Question& question);

/// The header and question of `message` answer exactly this query: QR set, same ID, opcode 0, one equal question.
/// Reads 12 octets and the question by hand, so that garbage costs nothing.
bool answers(std::span<const std::uint8_t> message, std::uint16_t id, const Question& question);

/// TC is set: ask again over TCP. Known before parsing, since a cut message may not parse.
bool truncated(std::span<const std::uint8_t> message);

/// Errc::malformed for what records_are_whole() or ldns rejects, and where OPT or TSIG stands in it twice.
Result<Response> parse_response(std::span<const std::uint8_t> message);

}  // namespace taskdns::dns
