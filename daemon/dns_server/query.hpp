// A client's query, read from its octets by hand: header, question, and the OPT record if there is one.
// Layer: dns_server (may include base, view; dns/types through view). Pure.
// HOT PATH: no allocation, lock, log line or exception.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dns/types.hpp"

namespace taskdns::dns_server {

inline constexpr std::size_t header_size = 12;  // RFC 1035 section 4.1.1
inline constexpr std::size_t longest_name = 255;

/// What the first look says about a message.
enum class Verdict : std::uint8_t {
    ok,
    drop,     ///< a response, or shorter than a header: an answer could start a loop
    formerr,  ///< RFC 1035 section 4.1.1
    notimp,   ///< an opcode other than QUERY
    badvers   ///< EDNS version above 0 (RFC 6891 section 6.1.3)
};

struct Query {
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    std::uint16_t question_end = 0;  ///< octets of header and question; 0: no question could be read
    std::uint16_t payload_size = 0;  ///< of the OPT record, as sent
    bool has_opt = false;
    bool dnssec_ok = false;  ///< the DO bit
    std::uint8_t name_length = 0;
    /// Lower-cased, uncompressed, root octet included. Only the first name_length octets are written.
    std::array<std::uint8_t, longest_name> name;

    std::span<const std::uint8_t> wire() const { return {name.data(), name_length}; }
    dns::RrType rr_type() const { return static_cast<dns::RrType>(type); }
};

/// Reads `message` into `query`. What could be read before a mistake is set: a FORMERR echoes the question too.
Verdict parse_query(std::span<const std::uint8_t> message, Query& query);

}  // namespace taskdns::dns_server
