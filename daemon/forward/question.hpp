// What an answer depends on: the cache's key, and what is asked of the upstream.
// Layer: forward (may include base, dns). Pure. HOT PATH: KeyView allocates nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "dns/message.hpp"
#include "dns/query.hpp"
#include "forward/keyed_hash.hpp"

namespace taskdns::forward {

/// All of the question but its name. DO and CD change what a resolver says (RFC 4035 sections 3.2.1 and 3.2.2), and
/// so does RD: without it the upstream answers from its cache alone, or refuses.
struct Form {
    std::uint16_t type = 0;
    std::uint16_t klass = dns::class_in;
    bool dnssec_ok = false;
    bool checking_disabled = false;
    bool recursion_desired = true;

    bool operator==(const Form&) const = default;
    std::uint64_t packed() const {
        return std::uint64_t{type} << 32 | std::uint64_t{klass} << 16 | unsigned{dnssec_ok} << 2 |
               unsigned{checking_disabled} << 1 | unsigned{recursion_desired};
    }
    static Form unpacked(std::uint64_t word) {
        return {static_cast<std::uint16_t>(word >> 32), static_cast<std::uint16_t>(word >> 16), (word & 4) != 0,
                (word & 2) != 0, (word & 1) != 0};
    }
};

/// A key where its name stands: nothing is copied to look it up.
struct KeyView {
    std::span<const std::uint8_t> name;  ///< lower-cased wire form
    std::uint64_t form = 0;              ///< packed
    std::uint64_t hash = 0;

    KeyView(std::span<const std::uint8_t> folded_name, std::uint64_t packed_form, const KeyedHash& hasher)
        : name(folded_name), form(packed_form), hash(hasher(folded_name, packed_form)) {}
    KeyView(std::span<const std::uint8_t> folded_name, std::uint64_t packed_form, std::uint64_t known_hash)
        : name(folded_name), form(packed_form), hash(known_hash) {}

    bool operator==(const KeyView& other) const {
        return hash == other.hash && form == other.form &&
               std::equal(name.begin(), name.end(), other.name.begin(), other.name.end());
    }
};

/// The form of a client's query. `header`: of the message that `query` was read from.
inline Form form_of(const dns::Query& query, const std::uint8_t* header) {
    return {query.type, query.klass, query.dnssec_ok, (header[3] & dns::flag_cd) != 0,
            (header[2] & dns::flag_rd) != 0};
}

/// A question that outlives the query it came with.
struct Question {
    dns::Bytes name;
    Form form;
    std::uint64_t hash = 0;

    static Question of(const KeyView& key) {
        return {{key.name.begin(), key.name.end()}, Form::unpacked(key.form), key.hash};
    }
    KeyView key() const { return {name, form.packed(), hash}; }
    /// Octets of a header and this question.
    std::size_t end() const { return dns::header_size + name.size() + 4; }
};

}  // namespace taskdns::forward
