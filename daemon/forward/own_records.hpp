// Which records of an upstream's message belong to the question, and the message without all others.
// Layer: forward (may include base, dns). Pure.
//
//   answer      of the question's name, or of a name that its CNAMEs lead to: what was asked for, CNAME, DNAME, RRSIG
//   authority   SOA, NS and DS at or above one of these names; NSEC, NSEC3 and RRSIG that prove something about them
//   additional  addresses of names that a kept NS, MX, SRV, SVCB or HTTPS record refers to
#pragma once

#include <optional>

#include "forward/question.hpp"

namespace taskdns::forward {

/// From the question to what it leads to. unbound follows 11 of them, BIND 16: no longer chain comes from these.
inline constexpr std::size_t most_cnames = 16;

struct OwnRecords {
    dns::Bytes message;       ///< as it came, if nothing had to go; the OPT record is the last
    std::size_t foreign = 0;  ///< records that had to
};

/// `message` has the question of `question`. Null where its records are not whole, where OPT is there twice, where
/// its CNAMEs go round or are more than most_cnames, or where it would not fit into a message without its
/// compression.
std::optional<OwnRecords> keep_own_records(dns::Bytes message, const Question& question);

}  // namespace taskdns::forward
