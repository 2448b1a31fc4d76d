// An answer as one client gets it: written behind the header and question that it sent, into its own buffer.
// Layer: forward (may include base, dns). Pure. HOT PATH: no allocation, lock, log line or exception.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dns/query.hpp"
#include "dns/wire.hpp"
#include "forward/cache.hpp"
#include "forward/upstream_answer.hpp"

namespace taskdns::forward {

/// What of a client's query decides the form of its answer.
struct Client {
    std::size_t question_end = 0;  ///< octets of header and question
    std::size_t size_limit = dns::udp_size_without_edns;
    bool has_opt = false;
    bool dnssec_ok = false;
    bool wants_ad = false;  ///< AD or DO was set: it understands AD (RFC 6840 sections 5.7 and 5.8)

    /// `header`: of the message that `query` was read from.
    static Client of(const dns::Query& query, const std::uint8_t* header, bool over_tcp);
};

/// What is served, and how.
struct Served {
    std::span<const std::uint8_t> message;  ///< the question, then records; no OPT
    std::span<const std::uint16_t> ttls;    ///< where they stand
    std::span<const std::uint8_t> errors;   ///< EDE options of the upstream
    std::size_t additional = 0;             ///< where that section begins
    bool authentic = false;
    std::uint32_t age = 0;                      ///< seconds to take from every TTL, none of which is smaller
    std::uint32_t most_ttl = 0;                 ///< not 0: instead of that, every TTL is this one
    const dns::ExtendedError* error = nullptr;  ///< one more, of ours; without a text

    static Served fresh(const UpstreamAnswer& answer);
    static Served fresh(const Entry& entry, TimePoint now);
};

/// What write_answer() will write.
std::size_t answer_size(const Client& client, const Served& served);

/// `buffer` begins with the client's header and question, which keep ID, RD, CD and the question's letters. AD only
/// for who wants it; OPT only for who sent one. Where it is larger than the client takes, the additional section is
/// left out, and if that does not help, all records, with TC (RFC 2181 section 9). AA is never set: who forwards is
/// no authority (RFC 1035 section 4.1.1). Returns the answer's size; 0 and nothing written: the buffer is too small.
std::size_t write_answer(std::span<std::uint8_t> buffer, const Client& client, const Served& served);

/// The same without records, with `rcode` and, for who sent OPT, the reason (RFC 8914).
std::size_t write_failure(std::span<std::uint8_t> buffer, const Client& client, dns::Rcode rcode,
                          const dns::ExtendedError& error);

}  // namespace taskdns::forward
