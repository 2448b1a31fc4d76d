// An answer being built behind the question that it answers, in the query's own buffer.
// Layer: dns_server (may include base, view; dns/types through view). Pure. HOT PATH.
#pragma once

#include <string_view>

#include "dns_server/answer.hpp"
#include "dns_server/query.hpp"
#include "dns_server/wire.hpp"

namespace taskdns::dns_server {

/// The largest answer that may be sent. UDP: 512 without EDNS (RFC 1035 section 4.2.1); with it what the client
/// states, where less than 512 counts as 512 (RFC 6891 section 6.2.3), at most 1232, so that no answer is fragmented
/// (DNS flag day 2020). TCP: what the buffer holds.
inline std::size_t size_limit(const Query& query, Transport transport, std::size_t buffer) {
    if (transport == Transport::tcp) return buffer;
    if (!query.has_opt || query.payload_size < udp_size_without_edns) return udp_size_without_edns;
    return query.payload_size < dns::edns_payload_size ? query.payload_size : dns::edns_payload_size;
}

/// The OPT record's room is set aside from the start, so that records never push it out. Records are written with
/// `writer` and counted here.
class Builder {
public:
    Builder(std::span<std::uint8_t> buffer, const Query& query, Transport transport)
        : message_(buffer.data()),
          query_(query),
          room_for_opt_(query.has_opt ? opt_size : 0),
          writer_(message_, query.question_end != 0 ? query.question_end : header_size,
                  size_limit(query, transport, buffer.size()) - room_for_opt_) {}

    /// An Extended DNS Error (RFC 8914), sent only to who sent OPT. Before any record. True if it will be sent.
    bool explain(dns::Ede code, std::string_view text = {}) {
        if (!query_.has_opt) return false;
        ede_ = code;
        ede_text_ = text;
        has_ede_ = true;
        writer_.reserve(6 + text.size());
        room_for_opt_ += 6 + text.size();
        return true;
    }

    Writer& writer() { return writer_; }
    const Query& query() const { return query_; }

    void count_answers(unsigned records) { answers_ += records; }
    void count_additional(unsigned records) { additional_ += records; }

    /// The SOA of a negative answer; its owner is the name at `owner_offset`. Left out where it does not fit.
    void add_negative_soa(std::span<const std::uint8_t> type_to_rdata, std::size_t owner_offset = header_size) {
        if (type_to_rdata.empty() || !writer_.fits(2 + type_to_rdata.size())) return;
        writer_.pointer(owner_offset);
        writer_.octets(type_to_rdata);
        ++authorities_;
    }

    /// Writes OPT and header. `ours`: the answer is authoritative.
    Result finish(dns::Rcode rcode, bool ours);

private:
    static constexpr std::size_t opt_size = 11;

    void write_opt(unsigned rcode);

    std::uint8_t* message_;
    const Query& query_;
    std::size_t room_for_opt_;
    Writer writer_;
    unsigned answers_ = 0;
    unsigned authorities_ = 0;
    unsigned additional_ = 0;
    bool has_ede_ = false;
    dns::Ede ede_ = dns::Ede::other;
    std::string_view ede_text_;
};

inline void Builder::write_opt(unsigned rcode) {
    writer_.release(room_for_opt_);
    writer_.u8(0);  // owned by the root
    writer_.u16(static_cast<unsigned>(dns::RrType::opt));
    writer_.u16(dns::edns_payload_size);
    writer_.u8(rcode >> 4);                          // the upper bits of the rcode
    writer_.u8(0);                                   // version
    writer_.u16(query_.dnssec_ok ? 0x8000U : 0x0U);  // DO is copied (RFC 3225 section 3)
    writer_.u16(has_ede_ ? static_cast<unsigned>(6 + ede_text_.size()) : 0);
    if (has_ede_) {
        constexpr unsigned ede_option = 15;
        writer_.u16(ede_option);
        writer_.u16(static_cast<unsigned>(2 + ede_text_.size()));
        writer_.u16(static_cast<unsigned>(ede_));
        for (const char c : ede_text_) writer_.u8(static_cast<std::uint8_t>(c));
    }
    ++additional_;
}

inline Result Builder::finish(dns::Rcode rcode, bool ours) {
    const auto code = static_cast<unsigned>(rcode);
    if (query_.has_opt) write_opt(code);
    message_[2] = static_cast<std::uint8_t>((message_[2] & (opcode_bits | flag_rd)) | flag_qr | (ours ? flag_aa : 0));
    message_[3] = static_cast<std::uint8_t>((message_[3] & flag_cd) | flag_ra | (code & 0xF));
    write_u16(message_ + 4, query_.question_end != 0 ? 1 : 0);
    write_u16(message_ + 6, answers_);
    write_u16(message_ + 8, authorities_);
    write_u16(message_ + 10, additional_);
    return {Action::send, writer_.at()};
}

}  // namespace taskdns::dns_server
