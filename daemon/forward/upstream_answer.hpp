// What an upstream server said, as it is kept: read once, its OPT removed, its TTLs found and limited.
// Layer: forward (may include base, dns, config). Pure.
//
// OPT belongs to one hop (RFC 6891 section 6.1.1): of it only Extended DNS Errors are kept, for the client.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "forward/question.hpp"

namespace taskdns::forward {

enum class Kind : std::uint8_t {
    positive,
    nodata,    ///< NOERROR without a record of the type that was asked for, also behind CNAMEs (RFC 2308 section 2.2)
    nxdomain,  ///< also behind CNAMEs (RFC 2308 section 2.1)
    failure    ///< any other rcode: nothing that refreshes what we have (RFC 8767 section 4)
};

/// RFC 9520 section 3.2: resolution failures are cached, for at least a second and at most 5 minutes.
inline constexpr seconds failure_ttl{5};

struct UpstreamAnswer {
    dns::Bytes message;               ///< the question as we sent it; no OPT
    std::vector<std::uint16_t> ttls;  ///< where they stand in `message`, in order
    std::size_t additional = 0;       ///< where that section begins: it may be left out (RFC 2181 section 9)
    dns::Bytes errors;                ///< EDE options as they stand in an OPT record
    Kind kind = Kind::failure;
    bool authentic = false;  ///< AD
    unsigned rcode = 0;      ///< with the OPT record's upper bits
    bool had_opt = false;
    seconds lifetime{0};              ///< 0: not to be cached
    std::size_t foreign_records = 0;  ///< that did not belong to the question, and are left out

    bool is_failure() const { return kind == Kind::failure; }
};

/// `message` answers `question` (see is_answer_to). Null where keep_own_records() says so. Every TTL is brought into
/// [min_ttl, max_ttl], the smallest is the lifetime; a TTL with its top bit set is 0 (RFC 2181 section 8). Negative
/// answers live as long as their SOA says (RFC 2308 section 5), at most negative_ttl; without an SOA that long.
std::optional<UpstreamAnswer> read_upstream_answer(dns::Bytes message, const Question& question,
                                                   const config::Forward& limits);

/// A failure of our own in the same form: SERVFAIL with the reason.
UpstreamAnswer failed_answer(const Question& question, dns::Ede reason, std::string_view text, seconds lifetime);

/// The query for `question`: AD asks for the AD bit without DO (RFC 6840 section 5.7), for those clients who want it.
dns::Bytes upstream_query(const Question& question, std::uint16_t id, bool with_opt);

/// A response to upstream_query(question, id): ID, QR, opcode, and the question, whose letters may have changed case;
/// or a header alone that says FORMERR, NOTIMP, SERVFAIL or REFUSED.
bool is_answer_to(const Question& question, std::uint16_t id, std::span<const std::uint8_t> message);

}  // namespace taskdns::forward
