// The numbers of DNS that more than one layer names (IANA "DNS Parameters").
// Layer: dns. Pure.
#pragma once

#include <cstdint>

namespace taskdns::dns {

enum class RrType : std::uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    hinfo = 13,
    mx = 15,
    txt = 16,
    aaaa = 28,
    srv = 33,
    opt = 41,
    any = 255
};

enum class Rcode : std::uint16_t {
    noerror = 0,
    formerr = 1,
    servfail = 2,
    nxdomain = 3,
    notimp = 4,
    refused = 5,
    badvers = 16  // RFC 6891 section 9: needs the OPT record's upper bits
};

/// Extended DNS Errors, RFC 8914 section 4.
enum class Ede : std::uint16_t {
    other = 0,
    stale_answer = 3,
    not_ready = 14,
    no_reachable_authority = 22,
    network_error = 23
};

inline constexpr std::uint16_t class_in = 1;
inline constexpr std::uint16_t class_ch = 3;              // CHAOS: what a server says of itself
inline constexpr std::uint16_t edns_payload_size = 1232;  // DNS flag day 2020; design.md, section 8

const char* to_string(RrType type);  ///< "A", "AAAA", ...; "TYPE" for one without a name here
const char* to_string(Rcode rcode);  ///< "NOERROR", "SERVFAIL", ...; "RCODE" for one without a name here

}  // namespace taskdns::dns
