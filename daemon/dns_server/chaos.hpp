// Class CHAOS: who this server is, and the state of a service's endpoints, as TXT records.
// Layer: dns_server (may include base, view; dns through view). Pure. Only find_chaos_subject() is near the hot path:
// writing an answer allocates.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/query.hpp"
#include "dns_server/transport.hpp"
#include "view/view.hpp"

namespace taskdns::dns_server {

/// The most endpoints that one answer describes (design.md, section 8).
inline constexpr std::size_t most_described = 50;

/// What a query of class CHAOS asks about.
struct ChaosSubject {
    enum class Kind : std::uint8_t {
        none,      ///< nothing that we answer
        version,   ///< version.bind, version.server
        identity,  ///< id.server (RFC 4892), hostname.bind
        service    ///< a service or an alias
    };
    Kind kind = Kind::none;
};

/// `CH TXT` only.
ChaosSubject find_chaos_subject(const dns::Query& query, const view::NameTable& names);

/// The answer to `query`, a whole message that parsed: one TXT record of one string, cut at 255 octets, and TTL 0 for
/// each of `strings`, 50 at most. Over UDP as many as fit, and TC if that is not all (RFC 2181 section 9).
std::vector<std::uint8_t> chaos_answer(std::span<const std::uint8_t> query, Transport transport,
                                       std::span<const std::string> strings);
/// SERVFAIL, with `text` in an extended error if the client sent OPT.
std::vector<std::uint8_t> chaos_failure(std::span<const std::uint8_t> query, std::string_view text);

}  // namespace taskdns::dns_server
