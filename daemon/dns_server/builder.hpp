// An answer being built behind the question that it answers, in the query's own buffer.
// Layer: dns_server (may include base, view; dns/types through view). Pure. HOT PATH.
#pragma once

#include <string_view>

#include "dns/query.hpp"
#include "dns/wire.hpp"
#include "dns_server/answer.hpp"

namespace taskdns::dns_server {

/// The OPT record's room is set aside from the start, so that records never push it out. Records are written with
/// `writer` and counted here.
class Builder {
public:
    Builder(std::span<std::uint8_t> buffer, const dns::Query& query, Transport transport)
        : message_(buffer.data()),
          query_(query),
          room_for_opt_(query.has_opt ? dns::opt_size : 0),
          writer_(message_, query.question_end != 0 ? query.question_end : dns::header_size,
                  (transport == Transport::tcp ? buffer.size() : query.udp_size_limit()) - room_for_opt_) {}

    /// An Extended DNS Error (RFC 8914), sent only to who sent OPT. Before any record. True if it will be sent.
    bool explain(dns::Ede code, std::string_view text = {}) {
        if (!query_.has_opt) return false;
        error_ = {code, text};
        has_error_ = true;
        writer_.reserve(error_.size());
        room_for_opt_ += error_.size();
        return true;
    }

    dns::Writer& writer() { return writer_; }
    const dns::Query& query() const { return query_; }

    void count_answers(unsigned records) { answers_ += records; }
    void count_additional(unsigned records) { additional_ += records; }

    /// The SOA of a negative answer; its owner is the name at `owner_offset`. Left out where it does not fit.
    void add_negative_soa(std::span<const std::uint8_t> type_to_rdata, std::size_t owner_offset = dns::header_size) {
        if (type_to_rdata.empty() || !writer_.fits(2 + type_to_rdata.size())) return;
        writer_.pointer(owner_offset);
        writer_.octets(type_to_rdata);
        ++authorities_;
    }

    /// Writes OPT and header. `ours`: the answer is authoritative.
    Outcome finish(dns::Rcode rcode, bool ours);

private:
    std::uint8_t* message_;
    const dns::Query& query_;
    std::size_t room_for_opt_;
    dns::Writer writer_;
    unsigned answers_ = 0;
    unsigned authorities_ = 0;
    unsigned additional_ = 0;
    bool has_error_ = false;
    dns::ExtendedError error_;
};

/// RFC 8482 section 4.2: ANY gets one small record, HINFO "RFC8482" "". For names that have records.
Outcome answer_any(Builder& builder);

inline Outcome Builder::finish(dns::Rcode rcode, bool ours) {
    const auto code = static_cast<unsigned>(rcode);
    if (query_.has_opt) {
        writer_.release(room_for_opt_);
        dns::write_opt(writer_, code, query_.dnssec_ok, has_error_ ? &error_ : nullptr);
        ++additional_;
    }
    // RFC 1035 section 4.1.1. TC and Z are zero, and so is AD: nothing of ours is validated (RFC 6840 section 5.8).
    message_[2] = static_cast<std::uint8_t>((message_[2] & (dns::opcode_bits | dns::flag_rd)) | dns::flag_qr |
                                            (ours ? dns::flag_aa : 0));
    message_[3] = static_cast<std::uint8_t>((message_[3] & dns::flag_cd) | dns::flag_ra | (code & 0xF));
    dns::write_u16(message_ + 4, query_.question_end != 0 ? 1 : 0);
    dns::write_u16(message_ + 6, answers_);
    dns::write_u16(message_ + 8, authorities_);
    dns::write_u16(message_ + 10, additional_);
    return {Action::send, Source::local, AnswerCounters::row_of(rcode, answers_ != 0),
            static_cast<std::uint32_t>(writer_.at())};
}

}  // namespace taskdns::dns_server
