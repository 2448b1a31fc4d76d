// A client's query, read from its octets by hand: header, question, and the OPT record if there is one.
// Layer: dns. Pure; no ldns. HOT PATH: no allocation, lock, log line or exception.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "dns/types.hpp"
#include "dns/wire.hpp"

namespace taskdns::dns {

/// What the first look says about a message.
enum class ParseOutcome : std::uint8_t {
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
    RrType rr_type() const { return static_cast<RrType>(type); }
    /// The largest UDP answer that may be sent: 512 without EDNS; with it what the client states, where less than 512
    /// counts as 512 (RFC 6891 section 6.2.3), at most 1232, so that no answer is fragmented (DNS flag day 2020).
    std::size_t udp_size_limit() const {
        if (!has_opt) return udp_size_without_edns;
        return std::clamp<std::size_t>(payload_size, udp_size_without_edns, edns_payload_size);
    }
};

/// Reads `message` into `query`. What could be read before a mistake is set: a FORMERR echoes the question too.
ParseOutcome parse_query(std::span<const std::uint8_t> message, Query& query);

}  // namespace taskdns::dns
