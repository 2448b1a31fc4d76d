// A client's query on its way to the upstream and the answer on its way back: octets in, octets out.
// Layer: forward (may include base, dns). Pure.
//
// OPT belongs to one hop (RFC 6891 section 6.1.1), so the upstream gets one of ours and not the client's options:
// a cookie or a keepalive is between the client and us.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dns/message.hpp"

namespace taskdns::forward {

struct ClientQuery {
    std::uint16_t id = 0;
    bool recursion_desired = false;
    bool checking_disabled = false;
    bool wants_ad = false;  ///< AD or DO was set: the client understands AD (RFC 6840 section 5.7)
    bool has_opt = false;
    bool dnssec_ok = false;
    std::uint16_t payload_size = 0;  ///< of the OPT record, as sent
    bool over_tcp = false;
    dns::Bytes question;  ///< the section's octets, letters as the client sent them

    /// The largest answer this client takes; see dns_server's size_limit().
    std::size_t size_limit() const;
};

/// Null for what is not one whole question with well-formed additional records.
std::optional<ClientQuery> parse_client_query(std::span<const std::uint8_t> message, bool over_tcp);

/// The same question with an ID of ours; with OPT if the client sent one.
dns::Bytes upstream_query(const ClientQuery& query, std::uint16_t id);

/// A response to upstream_query(query, id): ID, QR, opcode, and the question, whose letters may have changed case.
bool answers(const ClientQuery& query, std::uint16_t id, std::span<const std::uint8_t> message);

/// Of a message that answers(): at least header and question.
dns::Rcode rcode_of(std::span<const std::uint8_t> message);

/// `answer`, which answers() the query, as the client gets it: its ID, RD, CD and question; AD only to who wants it;
/// OPT only to who sent one; with TC and without records where it is larger than the client takes. Null if the
/// records are not whole where that matters.
std::optional<dns::Bytes> client_answer(const ClientQuery& query, dns::Bytes answer);

/// A SERVFAIL of our own, with the reason if the client sent OPT (RFC 8914).
dns::Bytes failure(const ClientQuery& query, dns::Ede reason, std::string_view text);

}  // namespace taskdns::forward
