// What one response says about one question, CNAMEs followed and owner names checked.
// Layer: discovery (may include base, dns). Pure.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace taskdns::discovery {

inline constexpr std::size_t max_cnames = 8;
/// For an answer that says "none" without an SOA, as the VPC resolver's cached NXDOMAINs do (coredns#5313).
inline constexpr seconds substitute_negative_ttl{5};

/// More counts as this: when an answer is fresh again, and when a guard ends, are multiples of it, and 2^31 - 1 s are
/// 68 years. A record of an endpoint that lives for longer than a day is a mistake.
inline constexpr seconds longest_ttl{86'400};

struct Finding {
    std::vector<dns::Rdata> records;  ///< of the question's type, at the end of the chain; empty: see below
    seconds ttl{0};                   ///< the smallest along the chain, records or negative TTL (RFC 2308) included
    bool nxdomain = false;
    bool leads_elsewhere = false;  ///< the chain ends outside this answer: its last name is to be asked for
};

/// `chain` holds the names so far, the one that was asked for last; the CNAMEs that are followed are appended.
/// Records whose owner is not in the chain are ignored. Errc::malformed for a loop or more than max_cnames.
Result<Finding> follow(const dns::Response& response, dns::RrType type, std::vector<dns::Name>& chain);

}  // namespace taskdns::discovery
