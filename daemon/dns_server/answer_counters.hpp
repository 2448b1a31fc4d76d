// How many answers were given: by where they came from, by the question's type, and by their rcode.
// Layer: dns_server (may include base, dns/types and dns/wire through view). Threads: written by the dns thread, read
// by any. HOT PATH: to count is two table look-ups and one plain add.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/counter.hpp"
#include "dns/types.hpp"
#include "dns/wire.hpp"

namespace taskdns::dns_server {

/// Where an answer came from.
enum class Source : std::uint8_t {
    local,    ///< ourselves: localhost, CHAOS, and what could not be read or may not be asked
    service,  ///< a configured service
    cache,    ///< another name, at once: from the forwarder's cache, or its SERVFAIL where a limit is reached
    upstream  ///< another name, after asking for it
};

class AnswerCounters {
public:
    static constexpr std::array<std::string_view, 4> sources{"local", "service", "cache", "upstream"};
    /// The types that have a row of their own; every other shares the last, whatever is asked for.
    static constexpr std::array<std::string_view, 13> types{"A",   "AAAA", "SRV", "SOA",   "ANY", "HTTPS", "SVCB",
                                                            "TXT", "PTR",  "MX",  "CNAME", "NS",  "OTHER"};
    /// NODATA is NOERROR without an answer record, a pseudo rcode (RFC 2308 section 1).
    static constexpr std::array<std::string_view, 9> rcodes{"NOERROR", "NODATA",  "NXDOMAIN", "SERVFAIL", "FORMERR",
                                                            "NOTIMP",  "REFUSED", "BADVERS",  "OTHER"};

    /// Positions in `rcodes`. `has_answers`: at least one record in the answer section.
    static constexpr std::uint8_t row_of(dns::Rcode rcode, bool has_answers) {
        if (rcode == dns::Rcode::noerror) return has_answers ? 0 : nodata;
        if (rcode == dns::Rcode::badvers) return badvers;
        return rcode_rows[static_cast<unsigned>(rcode) & dns::rcode_bits];
    }
    /// Of a whole message, at least its header; an rcode above 15 is not seen.
    static std::uint8_t row_of(std::span<const std::uint8_t> answer) {
        return row_of(static_cast<dns::Rcode>(answer[3] & dns::rcode_bits), dns::read_u16(&answer[6]) != 0);
    }
    void count(Source source, std::uint16_t type, std::uint8_t rcode_row) {
        cells_[(static_cast<std::size_t>(source) * types.size() + type_row(type)) * rcodes.size() + rcode_row].add();
    }
    /// By positions in the lists above.
    std::uint64_t value(std::size_t source, std::size_t type, std::size_t rcode) const {
        return cells_[(source * types.size() + type) * rcodes.size() + rcode].value();
    }
    /// Of all sources and types; see `rcodes`.
    std::uint64_t of_rcode(std::string_view rcode) const;
    std::uint64_t total() const;

private:
    static constexpr std::uint8_t nodata = 1;
    static constexpr std::uint8_t badvers = 7;
    static constexpr std::uint8_t other = rcodes.size() - 1;
    static constexpr std::array<std::uint8_t, 16> rcode_rows{0,     4,     3,     2,     5,     6,     other, other,
                                                             other, other, other, other, other, other, other, other};
    /// RFC 9460 has the last two, 64 and 65.
    static constexpr std::array<std::uint8_t, 66> make_type_rows() {
        std::array<std::uint8_t, 66> rows{};
        rows.fill(types.size() - 1);
        constexpr std::array<std::uint8_t, 13> numbers{1, 28, 33, 6, 0, 65, 64, 16, 12, 15, 5, 2, 0};
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            if (numbers[i] != 0) rows[numbers[i]] = static_cast<std::uint8_t>(i);
        }
        return rows;
    }
    static constexpr std::size_t type_row(std::uint16_t type) {
        constexpr auto rows = make_type_rows();
        if (type < rows.size()) return rows[type];
        return type == static_cast<std::uint16_t>(dns::RrType::any) ? 4 : types.size() - 1;
    }

    std::array<Counter, sources.size() * types.size() * rcodes.size()> cells_;
};

}  // namespace taskdns::dns_server
