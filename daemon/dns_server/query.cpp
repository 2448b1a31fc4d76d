// A client's query, read from its octets by hand. Layer: dns_server. HOT PATH.
#include "dns_server/query.hpp"

#include "dns_server/wire.hpp"

namespace taskdns::dns_server {
namespace {

constexpr std::uint8_t longest_label = 63;
constexpr std::uint8_t pointer_bits = 0xC0;

constexpr std::array<std::uint8_t, 256> fold_case = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned octet = 0; octet < 256; ++octet) {
        table[octet] = static_cast<std::uint8_t>(octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet);
    }
    return table;
}();

/// The question. A compression pointer has nothing to point to here, so it is a mistake.
bool read_question(std::span<const std::uint8_t> message, Query& query) {
    std::size_t at = header_size;
    std::size_t length = 0;
    for (;;) {
        if (at >= message.size()) return false;
        const std::uint8_t label = message[at];
        if (label > longest_label) return false;
        const std::size_t octets = std::size_t{label} + 1;
        if (at + octets > message.size() || length + octets > longest_name) return false;
        query.name[length] = label;
        for (std::size_t i = 1; i < octets; ++i) query.name[length + i] = fold_case[message[at + i]];
        at += octets;
        length += octets;
        if (label == 0) break;
    }
    if (message.size() - at < 4) return false;
    query.name_length = static_cast<std::uint8_t>(length);
    query.type = read_u16(&message[at]);
    query.klass = read_u16(&message[at + 2]);
    query.question_end = static_cast<std::uint16_t>(at + 4);
    return true;
}

/// The octet after the name at `at`, or 0 where there is no whole name. Pointers are stepped over, not followed.
std::size_t after_name(std::span<const std::uint8_t> message, std::size_t at) {
    while (at < message.size()) {
        const std::uint8_t label = message[at];
        if (label == 0) return at + 1;
        if ((label & pointer_bits) == pointer_bits) return at + 2;
        if (label > longest_label) return 0;
        at += std::size_t{label} + 1;
    }
    return 0;
}

/// RFC 6891 section 6.1.2: options are a code, a length, and so many octets each.
bool options_are_whole(std::span<const std::uint8_t> rdata) {
    while (!rdata.empty()) {
        if (rdata.size() < 4) return false;
        const std::size_t octets = std::size_t{4} + read_u16(&rdata[2]);
        if (octets > rdata.size()) return false;
        rdata = rdata.subspan(octets);
    }
    return true;
}

/// Walks the additional section: one OPT at most, owned by the root; TSIG and everything else is stepped over.
Verdict read_additional(std::span<const std::uint8_t> message, unsigned records, Query& query) {
    std::size_t at = query.question_end;
    std::uint8_t version = 0;
    for (; records > 0; --records) {
        const std::size_t fixed = after_name(message, at);
        if (fixed == 0 || fixed + 10 > message.size()) return Verdict::formerr;
        const std::size_t rdata_length = read_u16(&message[fixed + 8]);
        const std::size_t end = fixed + 10 + rdata_length;
        if (end > message.size()) return Verdict::formerr;
        if (read_u16(&message[fixed]) == static_cast<std::uint16_t>(dns::RrType::opt)) {
            if (query.has_opt || message[at] != 0) return Verdict::formerr;
            if (!options_are_whole(message.subspan(fixed + 10, rdata_length))) return Verdict::formerr;
            query.has_opt = true;
            query.payload_size = read_u16(&message[fixed + 2]);
            version = message[fixed + 5];
            query.dnssec_ok = (message[fixed + 6] & 0x80) != 0;
        }
        at = end;
    }
    if (at != message.size()) return Verdict::formerr;
    return version == 0 ? Verdict::ok : Verdict::badvers;
}

}  // namespace

Verdict parse_query(std::span<const std::uint8_t> message, Query& query) {
    if (message.size() < header_size || (message[2] & flag_qr) != 0) return Verdict::drop;
    const bool is_query = (message[2] & opcode_bits) == 0;
    const bool one_question = read_u16(&message[4]) == 1 && read_question(message, query);
    // A query carries neither answers nor authorities; other opcodes may (UPDATE), so these are judged first.
    const bool only_additional = read_u16(&message[6]) == 0 && read_u16(&message[8]) == 0;
    Verdict verdict = Verdict::formerr;
    if (one_question && only_additional) verdict = read_additional(message, read_u16(&message[10]), query);
    return is_query ? verdict : Verdict::notimp;
}

}  // namespace taskdns::dns_server
