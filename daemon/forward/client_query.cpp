// A client's query on its way to the upstream and the answer on its way back. Layer: forward.
#include "forward/client_query.hpp"

#include <algorithm>

namespace taskdns::forward {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t header_size = 12;
constexpr std::size_t size_without_edns = 512;  // RFC 1035 section 4.2.1
constexpr unsigned opt_type = static_cast<unsigned>(dns::RrType::opt);

// The header's octet 2.
constexpr unsigned flag_qr = 0x80;
constexpr unsigned opcode_bits = 0x78;
constexpr unsigned flag_tc = 0x02;
constexpr unsigned flag_rd = 0x01;
// Octet 3.
constexpr unsigned flag_ra = 0x80;
constexpr unsigned flag_ad = 0x20;
constexpr unsigned flag_cd = 0x10;
constexpr unsigned rcode_bits = 0x0F;

unsigned read_u16(Octets message, std::size_t at) { return unsigned{message[at]} << 8 | message[at + 1]; }

void put_u16(dns::Bytes& message, unsigned value) {
    message.push_back(static_cast<std::uint8_t>(value >> 8));
    message.push_back(static_cast<std::uint8_t>(value));
}

void set_u16(dns::Bytes& message, std::size_t at, unsigned value) {
    message[at] = static_cast<std::uint8_t>(value >> 8);
    message[at + 1] = static_cast<std::uint8_t>(value);
}

/// The octet after the name at `at`, or 0 where there is no whole name. Pointers are stepped over.
std::size_t after_name(Octets message, std::size_t at) {
    while (at < message.size()) {
        const std::uint8_t label = message[at];
        if (label == 0) return at + 1;
        if (label >= 0xC0) return at + 2 <= message.size() ? at + 2 : 0;
        if (label > 63) return 0;
        at += std::size_t{label} + 1;
    }
    return 0;
}

/// A record's extent and what of it matters here.
struct Record {
    std::size_t begin = 0;
    std::size_t fixed = 0;  ///< where TYPE stands
    std::size_t end = 0;
    unsigned type = 0;
};

std::optional<Record> read_record(Octets message, std::size_t at) {
    const std::size_t fixed = after_name(message, at);
    if (fixed == 0 || fixed + 10 > message.size()) return std::nullopt;
    const std::size_t end = fixed + 10 + read_u16(message, fixed + 8);
    if (end > message.size()) return std::nullopt;
    return Record{at, fixed, end, read_u16(message, fixed)};
}

std::uint8_t folded(std::uint8_t octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + ('a' - 'A')) : octet;
}

void put_opt(dns::Bytes& message, const ClientQuery& query, unsigned rdata_length) {
    message.push_back(0);
    put_u16(message, opt_type);
    put_u16(message, dns::edns_payload_size);
    put_u16(message, 0);                                 // rcode's upper bits, version
    put_u16(message, query.dnssec_ok ? 0x8000U : 0x0U);  // DO is copied (RFC 3225 section 3)
    put_u16(message, rdata_length);
}

dns::Bytes put_header(std::uint16_t id, unsigned flags, const ClientQuery& query) {
    dns::Bytes message;
    message.reserve(header_size + query.question.size() + 64);
    put_u16(message, id);
    put_u16(message, flags);
    put_u16(message, query.question.empty() ? 0 : 1);
    put_u16(message, 0);
    put_u16(message, 0);
    put_u16(message, query.has_opt ? 1 : 0);
    message.insert(message.end(), query.question.begin(), query.question.end());
    return message;
}

/// TC, the question, and OPT: how an answer that does not fit is sent (RFC 2181 section 9 lets the client discard
/// whatever else there is).
dns::Bytes truncated(const ClientQuery& query, const dns::Bytes& answer) {
    const unsigned flags = read_u16(answer, 2) | flag_tc << 8;
    dns::Bytes out = put_header(query.id, flags, query);
    if (query.has_opt) put_opt(out, query, 0);
    return out;
}

/// Cuts the additional section off at its OPT record, if it has one. False: the records are not whole.
bool remove_opt(dns::Bytes& message, std::size_t question_end) {
    const unsigned additional = read_u16(message, 10);
    if (additional == 0) return true;
    const unsigned before = read_u16(message, 6) + read_u16(message, 8);
    std::size_t at = question_end;
    for (unsigned i = 0; i < before + additional; ++i) {
        const auto record = read_record(message, at);
        if (!record) return false;
        if (i >= before && record->type == opt_type) {
            // What may stand behind it goes too: names there could point to places that move.
            message.resize(record->begin);
            set_u16(message, 10, i - before);
            return true;
        }
        at = record->end;
    }
    return true;
}

}  // namespace

std::size_t ClientQuery::size_limit() const {
    if (over_tcp) return 65535;
    if (!has_opt) return size_without_edns;
    return std::clamp<std::size_t>(payload_size, size_without_edns, dns::edns_payload_size);
}

std::optional<ClientQuery> parse_client_query(Octets message, bool over_tcp) {
    if (message.size() < header_size || read_u16(message, 4) != 1) return std::nullopt;
    const std::size_t name_end = after_name(message, header_size);
    if (name_end == 0 || name_end + 4 > message.size()) return std::nullopt;
    ClientQuery query;
    query.id = static_cast<std::uint16_t>(read_u16(message, 0));
    query.recursion_desired = (message[2] & flag_rd) != 0;
    query.checking_disabled = (message[3] & flag_cd) != 0;
    query.over_tcp = over_tcp;
    query.question.assign(message.begin() + header_size, message.begin() + static_cast<std::ptrdiff_t>(name_end + 4));
    std::size_t at = name_end + 4;
    for (unsigned records = read_u16(message, 10); records > 0; --records) {
        const auto record = read_record(message, at);
        if (!record) return std::nullopt;
        if (record->type == opt_type) {
            query.has_opt = true;
            query.payload_size = static_cast<std::uint16_t>(read_u16(message, record->fixed + 2));
            query.dnssec_ok = (message[record->fixed + 6] & 0x80) != 0;
        }
        at = record->end;
    }
    query.wants_ad = query.dnssec_ok || (message[3] & flag_ad) != 0;
    return query;
}

dns::Bytes upstream_query(const ClientQuery& query, std::uint16_t id) {
    const unsigned flags = (query.recursion_desired ? flag_rd << 8 : 0) | (query.checking_disabled ? flag_cd : 0) |
                           (query.wants_ad ? flag_ad : 0);
    dns::Bytes message = put_header(id, flags, query);
    if (query.has_opt) put_opt(message, query, 0);
    return message;
}

bool answers(const ClientQuery& query, std::uint16_t id, Octets message) {
    if (message.size() < header_size + query.question.size()) return false;
    if (read_u16(message, 0) != id || (message[2] & flag_qr) == 0 || (message[2] & opcode_bits) != 0) return false;
    if (read_u16(message, 4) != 1) return false;
    const auto name_end = query.question.end() - 4;  // TYPE and CLASS are numbers: nothing to fold there
    const auto theirs = message.begin() + header_size;
    const auto same_letter = [](std::uint8_t left, std::uint8_t right) { return folded(left) == folded(right); };
    return std::equal(query.question.begin(), name_end, theirs, same_letter) &&
           std::equal(name_end, query.question.end(), theirs + (name_end - query.question.begin()));
}

dns::Rcode rcode_of(Octets message) { return static_cast<dns::Rcode>(message[3] & rcode_bits); }

std::optional<dns::Bytes> client_answer(const ClientQuery& query, dns::Bytes answer) {
    set_u16(answer, 0, query.id);
    const unsigned kept_low = answer[3] & (rcode_bits | (query.wants_ad ? flag_ad : 0));
    answer[2] = static_cast<std::uint8_t>((answer[2] & ~flag_rd) | (query.recursion_desired ? flag_rd : 0));
    answer[3] = static_cast<std::uint8_t>(kept_low | flag_ra | (query.checking_disabled ? flag_cd : 0));
    std::copy(query.question.begin(), query.question.end(), answer.begin() + header_size);
    const std::size_t question_end = header_size + query.question.size();
    if (!query.has_opt && !remove_opt(answer, question_end)) return std::nullopt;
    if (answer.size() > query.size_limit()) return truncated(query, answer);
    return answer;
}

dns::Bytes failure(const ClientQuery& query, dns::Ede reason, std::string_view text) {
    const unsigned flags = (flag_qr | (query.recursion_desired ? flag_rd : 0)) << 8 | flag_ra |
                           (query.checking_disabled ? flag_cd : 0) | static_cast<unsigned>(dns::Rcode::servfail);
    dns::Bytes message = put_header(query.id, flags, query);
    if (!query.has_opt) return message;
    constexpr unsigned ede_option = 15;
    const auto text_size = static_cast<unsigned>(text.size());
    put_opt(message, query, 6 + text_size);
    put_u16(message, ede_option);
    put_u16(message, 2 + text_size);
    put_u16(message, static_cast<unsigned>(reason));
    message.insert(message.end(), text.begin(), text.end());
    return message;
}

}  // namespace taskdns::forward
