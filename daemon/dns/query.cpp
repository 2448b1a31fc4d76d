// A client's query, read from its octets by hand. Layer: dns. HOT PATH.
#include "dns/query.hpp"

namespace taskdns::dns {
namespace {

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
        for (std::size_t i = 1; i < octets; ++i) query.name[length + i] = folded(message[at + i]);
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
ParseOutcome read_additional(std::span<const std::uint8_t> message, unsigned records, Query& query) {
    std::size_t at = query.question_end;
    std::uint8_t version = 0;
    for (; records > 0; --records) {
        const auto record = read_record(message, at);
        if (!record) return ParseOutcome::formerr;
        if (record->type == RrType::opt) {
            if (query.has_opt || message[at] != 0) return ParseOutcome::formerr;
            const std::size_t rdata = record->rdata();
            version = message[record->fixed + 5];
            // How another version writes its options is not known here (RFC 6891 section 6.1.3: BADVERS all the
            // same).
            if (version == 0 && !options_are_whole(message.subspan(rdata, record->end - rdata)))
                return ParseOutcome::formerr;
            query.has_opt = true;
            query.payload_size = read_u16(&message[record->fixed + 2]);
            query.dnssec_ok = (message[record->fixed + 6] & 0x80) != 0;
        }
        at = record->end;
    }
    if (at != message.size()) return ParseOutcome::formerr;
    return version == 0 ? ParseOutcome::ok : ParseOutcome::badvers;
}

}  // namespace

ParseOutcome parse_query(std::span<const std::uint8_t> message, Query& query) {
    if (message.size() < header_size || (message[2] & flag_qr) != 0) return ParseOutcome::drop;
    const bool is_query = (message[2] & opcode_bits) == 0;
    // RFC 9619 section 4: no more than one question. None at all is for cookies (RFC 7873 section 5.4), which we
    // ignore.
    const bool one_question = read_u16(&message[4]) == 1 && read_question(message, query);
    // A query carries neither answers nor authorities; other opcodes may (UPDATE), so these are judged first.
    const bool only_additional = read_u16(&message[6]) == 0 && read_u16(&message[8]) == 0;
    ParseOutcome outcome = ParseOutcome::formerr;
    if (one_question && only_additional) outcome = read_additional(message, read_u16(&message[10]), query);
    return is_query ? outcome : ParseOutcome::notimp;
}

}  // namespace taskdns::dns
