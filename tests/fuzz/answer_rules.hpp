// What holds for every query and its answer, judged by ldns: the rules of the entries `answer` and `tcp`.
#pragma once

#include <set>
#include <vector>

#include "dns/query.hpp"
#include "fuzz/dns_packet.hpp"

namespace taskdns::fuzz {

/// Why parse_query() may refuse what ldns reads: a query has one question, uncompressed, and behind it nothing but an
/// additional section with at most one OPT record, of the root, whose options are whole.
inline bool has_reason_to_refuse(std::span<const std::uint8_t> message) {
    if (dns::read_u16(&message[4]) != 1 || dns::read_u16(&message[6]) != 0 || dns::read_u16(&message[8]) != 0) {
        return true;
    }
    std::size_t at = dns::header_size;
    while (at < message.size() && message[at] != 0) {
        if (message[at] > dns::longest_label) return true;
        at += std::size_t{message[at]} + 1;
    }
    const auto records = records_of(message, at + 5);
    if (!records) return true;  // ldns stops reading at an OPT that it dislikes less than we do
    const std::size_t end = records->empty() ? at + 5 : records->back().end;
    if (end != message.size()) return true;
    unsigned opts = 0;
    for (const dns::RecordExtent& record : *records) {
        if (record.type != dns::RrType::opt) continue;
        if (++opts > 1 || message[record.begin] != 0) return true;
        for (std::size_t option = record.rdata(); option < record.end;) {
            if (option + 4 > record.end) return true;
            option += 4 + std::size_t{dns::read_u16(&message[option + 2])};
            if (option > record.end) return true;
        }
    }
    return false;
}

/// Why ldns may refuse what parse_query() reads, or see another record behind it: another record than OPT is stepped
/// over, not looked into (of an A record of 15 octets ldns takes 4, and the next to begin there).
inline bool is_stepped_over(std::span<const std::uint8_t> message, const dns::Query& query) {
    const auto records = records_of(message, query.question_end);
    return records && std::any_of(records->begin(), records->end(),
                                  [](const dns::RecordExtent& record) { return record.type != dns::RrType::opt; });
}

/// What parse_query() made of OPT, by the lengths of the records alone.
inline void check_opt_by_extent(std::span<const std::uint8_t> message, const dns::Query& query) {
    const auto records = records_of(message, query.question_end);
    const auto opt = std::find_if(records->begin(), records->end(),
                                  [](const dns::RecordExtent& record) { return record.type == dns::RrType::opt; });
    require((opt != records->end()) == query.has_opt, "OPT is where the lengths say");
    if (!query.has_opt) return;
    require(dns::read_u16(&message[opt->fixed + 2]) == query.payload_size, "the payload size is that record's");
    require(((message[opt->fixed + 6] & 0x80) != 0) == query.dnssec_ok, "DO is that record's");
}

/// parse_query() beside ldns: the same are read, and mean the same.
inline void check_reading(std::span<const std::uint8_t> message, dns::ParseOutcome outcome, const dns::Query& query) {
    const Packet packet = read_with_ldns(message);
    if (outcome == dns::ParseOutcome::drop) {
        require(!packet || ldns_pkt_qr(packet.get()), "only a response or a runt is dropped");
        return;
    }
    if (outcome == dns::ParseOutcome::notimp) {
        require((message[2] & dns::opcode_bits) != 0, "NOTIMP is for other opcodes");
        return;
    }
    if (outcome == dns::ParseOutcome::formerr) {
        require(!packet || has_reason_to_refuse(message), "what ldns reads is refused for a reason");
        return;
    }
    if (!packet) {
        require(is_stepped_over(message, query), "what is read, ldns reads");
        return;
    }
    const ldns_rr_list* const questions = ldns_pkt_question(packet.get());
    require(ldns_rr_list_rr_count(questions) == 1, "one question");
    const ldns_rr* const question = ldns_rr_list_rr(questions, 0);
    require(std::ranges::equal(folded(octets_of(ldns_rr_owner(question))), query.wire()), "the name is ldns's");
    require(ldns_rr_get_type(question) == query.type, "the type is ldns's");
    require(ldns_rr_get_class(question) == query.klass, "the class is ldns's");
    if (is_stepped_over(message, query)) {
        check_opt_by_extent(message, query);
        return;
    }
    require(ldns_pkt_edns(packet.get()) == query.has_opt, "OPT is there for both");
    if (!query.has_opt) return;
    require(ldns_pkt_edns_udp_size(packet.get()) == query.payload_size, "the payload size is ldns's");
    require(ldns_pkt_edns_do(packet.get()) == query.dnssec_ok, "DO is ldns's");
    const bool version_0 = ldns_pkt_edns_version(packet.get()) == 0;
    require(version_0 == (outcome == dns::ParseOutcome::ok), "the version is ldns's");
}

/// ID, flags, counts, and the question octet for octet.
inline void check_header(std::span<const std::uint8_t> message, const dns::Query& query,
                         std::span<const std::uint8_t> answer) {
    require(answer.size() >= dns::header_size, "an answer has a header");
    require(answer[0] == message[0] && answer[1] == message[1], "the ID is the query's");
    require((answer[2] & dns::flag_qr) != 0, "QR is set");
    constexpr unsigned kept = dns::opcode_bits | dns::flag_rd;
    require((answer[2] & kept) == (message[2] & kept), "opcode and RD are the query's");
    require((answer[3] & dns::flag_cd) == (message[3] & dns::flag_cd), "CD is the query's");
    require((answer[3] & dns::flag_ra) != 0, "RA is set");
    require((answer[3] & 0x40) == 0, "Z is not set");
    require(dns::read_u16(&answer[4]) == (query.question_end != 0 ? 1 : 0), "one question or none");
    if (query.question_end == 0) return;
    require(answer.size() >= query.question_end, "the question is there");
    require(std::equal(message.begin() + dns::header_size, message.begin() + query.question_end,
                       answer.begin() + dns::header_size),
            "the question is the query's, octet for octet");
}

/// The answer to a query that parsed into `query`, of at most `limit` octets: ldns reads it, nothing is left over, no
/// record is there twice, OPT is there if the client sent one. Returns what ldns has read.
inline Packet check_answer(std::span<const std::uint8_t> message, const dns::Query& query,
                           std::span<const std::uint8_t> answer, std::size_t limit) {
    require(answer.size() <= limit, "it fits");
    check_header(message, query, answer);
    const auto records = records_of(answer, query.question_end != 0 ? query.question_end : dns::header_size);
    require(records.has_value(), "its records are whole");
    const std::size_t end = query.question_end != 0 ? query.question_end : dns::header_size;
    require((records->empty() ? end : records->back().end) == answer.size(), "nothing is left over");
    std::set<std::string_view> different;
    for (const dns::RecordExtent& record : *records) {
        if (!query.has_opt || &record != &records->back()) {
            require(record.type != dns::RrType::opt, "OPT only for who sent it, once, and last");
        }
        require(different.insert(text_of(answer.subspan(record.begin, record.end - record.begin))).second,
                "no record is there twice");
    }
    Packet packet = read_with_ldns(answer);
    require(packet != nullptr, "ldns reads the answer");
    require(ldns_pkt_edns(packet.get()) == query.has_opt, "OPT for who sent it");
    if (query.has_opt) {
        require(ldns_pkt_edns_udp_size(packet.get()) == dns::edns_payload_size, "our payload size is 1232");
        require(ldns_pkt_edns_do(packet.get()) == query.dnssec_ok, "DO is the query's");
        require(ldns_pkt_edns_version(packet.get()) == 0, "our EDNS version is 0");
    }
    return packet;
}

inline unsigned rcode_of(const ldns_pkt& packet) {
    const unsigned upper = ldns_pkt_edns(&packet) ? ldns_pkt_edns_extended_rcode(&packet) : 0U;
    return upper << 4 | static_cast<unsigned>(ldns_pkt_get_rcode(&packet));
}

}  // namespace taskdns::fuzz
