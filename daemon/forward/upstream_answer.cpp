// What an upstream server said, as it is kept. Layer: forward.
#include "forward/upstream_answer.hpp"

#include "dns/wire.hpp"
#include "forward/own_records.hpp"

namespace taskdns::forward {
namespace {

using dns::RecordExtent;
using dns::RrType;

constexpr std::uint16_t ede_option = 15;
constexpr std::size_t most_errors =
    256;  // octets of EDE options: a server's text must not fill the client's datagram
constexpr std::uint32_t top_bit = 0x80000000U;
constexpr std::size_t smallest_soa = 2 + 5 * 4;  // two names and five numbers (RFC 1035 section 3.3.13)

std::uint32_t count_of(seconds duration) { return static_cast<std::uint32_t>(duration.count()); }

/// Goes over the records once, of which each belongs to the question; what it finds is judged afterwards.
class Reader {
public:
    Reader(UpstreamAnswer& answer, const Question& question) : answer_(answer), question_(question) {}

    void read() {
        dns::Bytes& message = answer_.message;
        const unsigned answers = dns::read_u16(&message[6]);
        const unsigned before = answers + dns::read_u16(&message[8]);
        const unsigned all = before + dns::read_u16(&message[10]);
        std::size_t at = question_.end();
        for (unsigned i = 0; i < all; ++i) {
            if (i == before) answer_.additional = at;
            const auto record = dns::read_record(message, at);  // whole, as keep_own_records() has found
            at = record->end;
            if (i >= before && record->type == RrType::opt) {  // the last
                read_opt(*record);
                dns::write_u16(&message[10], i - before);
                message.resize(record->begin);
                break;
            }
            take(*record, i < answers, i >= answers && i < before);
        }
        if (all == before) answer_.additional = message.size();
    }

    bool answers_question() const { return answers_question_; }
    /// Where the authority section's TTLs begin in `ttls`, and end.
    std::size_t first_authority() const { return first_authority_; }
    std::size_t last_authority() const { return last_authority_; }
    static constexpr std::uint32_t no_soa = 0xFFFFFFFF;
    /// min(TTL, MINIMUM) of the SOA record in the authority section, or no_soa.
    std::uint32_t negative_ttl() const { return negative_ttl_; }

private:
    void take(const RecordExtent& record, bool in_answer, bool in_authority) {
        const dns::Bytes& message = answer_.message;
        if (in_answer) {
            const auto type = static_cast<RrType>(question_.form.type);
            answers_question_ = answers_question_ || record.type == type || type == RrType::any;
            first_authority_ = last_authority_ = answer_.ttls.size() + 1;
        }
        if (in_authority) {
            last_authority_ = answer_.ttls.size() + 1;
            if (record.type == RrType::soa && record.end - record.rdata() >= smallest_soa) {
                const std::uint32_t ttl = dns::read_u32(&message[record.ttl()]);
                const std::uint32_t minimum = dns::read_u32(&message[record.end - 4]);
                negative_ttl_ = (ttl & top_bit) != 0 ? 0 : std::min(ttl, minimum);
            }
        }
        answer_.ttls.push_back(static_cast<std::uint16_t>(record.ttl()));
    }

    void read_opt(const RecordExtent& record) {
        const dns::Bytes& message = answer_.message;
        answer_.had_opt = true;
        answer_.rcode |= unsigned{message[record.ttl()]} << 4;
        for (std::size_t at = record.rdata(); at + 4 <= record.end;) {
            const std::size_t end = at + 4 + dns::read_u16(&message[at + 2]);
            if (end > record.end) return;
            const bool is_error = dns::read_u16(&message[at]) == ede_option && end - at >= 6;
            if (is_error && answer_.errors.size() + (end - at) <= most_errors) {
                answer_.errors.insert(answer_.errors.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
                                      message.begin() + static_cast<std::ptrdiff_t>(end));
            }
            at = end;
        }
    }

    UpstreamAnswer& answer_;
    const Question& question_;
    bool answers_question_ = false;
    std::size_t first_authority_ = 0;
    std::size_t last_authority_ = 0;
    std::uint32_t negative_ttl_ = no_soa;
};

Kind kind_of(unsigned rcode, bool answers_question) {
    if (rcode == static_cast<unsigned>(dns::Rcode::nxdomain)) return Kind::nxdomain;
    if (rcode != static_cast<unsigned>(dns::Rcode::noerror)) return Kind::failure;
    return answers_question ? Kind::positive : Kind::nodata;
}

/// How long a negative answer and what proves it live. Without an SOA as long as we may: the VPC resolver's cache
/// gives NXDOMAIN so, and a name that is asked for in every search domain would go upstream each time (decision
/// 0012).
std::uint32_t negative_lifetime(const Reader& reader, const config::Forward& limits) {
    const std::uint32_t wanted = std::max(reader.negative_ttl(), count_of(limits.min_ttl));
    return std::min({wanted, count_of(limits.negative_ttl), count_of(limits.max_ttl)});
}

void limit_ttls(UpstreamAnswer& answer, const Reader& reader, const config::Forward& limits) {
    const bool negative = answer.kind == Kind::nodata || answer.kind == Kind::nxdomain;
    const std::uint32_t of_negative = negative ? negative_lifetime(reader, limits) : 0;
    std::uint32_t smallest = negative ? of_negative : count_of(limits.max_ttl);
    for (std::size_t i = 0; i < answer.ttls.size(); ++i) {
        std::uint8_t* const at = &answer.message[answer.ttls[i]];
        std::uint32_t ttl = dns::read_u32(at);
        if ((ttl & top_bit) != 0) ttl = 0;
        ttl = std::clamp(ttl, count_of(limits.min_ttl), count_of(limits.max_ttl));
        const bool is_proof = negative && i >= reader.first_authority() && i < reader.last_authority();
        if (is_proof) ttl = std::min(ttl, of_negative);
        if (answer.is_failure()) ttl = count_of(failure_ttl);  // its records are worth no more than itself
        dns::write_u32(at, ttl);
        smallest = std::min(smallest, ttl);
    }
    answer.lifetime = answer.is_failure() ? failure_ttl : seconds(smallest);
}

/// How old servers say that they cannot read a query, with OPT most of all: the header, and not even the question.
bool is_header_alone(std::span<const std::uint8_t> message) {
    const auto rcode = static_cast<dns::Rcode>(message[3] & dns::rcode_bits);
    const bool is_failure = rcode == dns::Rcode::formerr || rcode == dns::Rcode::notimp ||
                            rcode == dns::Rcode::servfail || rcode == dns::Rcode::refused;
    return message.size() == dns::header_size && is_failure && dns::read_u16(&message[4]) == 0;
}

dns::Bytes with_question(std::span<const std::uint8_t> header, const Question& question) {
    dns::Bytes message = upstream_query(question, dns::read_u16(&header[0]), false);
    message[2] = header[2];
    message[3] = header[3];
    return message;
}

}  // namespace

std::optional<UpstreamAnswer> read_upstream_answer(dns::Bytes message, const Question& question,
                                                   const config::Forward& limits) {
    if (is_header_alone(message)) message = with_question(message, question);
    auto own = keep_own_records(std::move(message), question);
    if (!own) return std::nullopt;
    UpstreamAnswer answer;
    answer.message = std::move(own->message);
    answer.foreign_records = own->foreign;
    answer.rcode = answer.message[3] & dns::rcode_bits;
    answer.authentic = (answer.message[3] & dns::flag_ad) != 0;
    Reader reader(answer, question);
    reader.read();
    answer.kind = kind_of(answer.rcode, reader.answers_question());
    limit_ttls(answer, reader, limits);
    if ((answer.message[2] & dns::flag_tc) != 0) answer.lifetime = seconds(0);  // RFC 2181 section 9
    return answer;
}

UpstreamAnswer failed_answer(const Question& question, dns::Ede reason, std::string_view text, seconds lifetime) {
    UpstreamAnswer answer;
    answer.message = upstream_query(question, 0, false);
    answer.additional = answer.message.size();
    answer.message[2] |= dns::flag_qr;
    answer.message[3] = static_cast<std::uint8_t>(dns::Rcode::servfail);
    answer.rcode = static_cast<unsigned>(dns::Rcode::servfail);
    answer.lifetime = lifetime;
    answer.errors.resize(6);
    dns::write_u16(&answer.errors[0], ede_option);
    dns::write_u16(&answer.errors[2], static_cast<unsigned>(2 + text.size()));
    dns::write_u16(&answer.errors[4], static_cast<unsigned>(reason));
    answer.errors.insert(answer.errors.end(), text.begin(), text.end());
    return answer;
}

dns::Bytes upstream_query(const Question& question, std::uint16_t id, bool with_opt) {
    const Form& form = question.form;
    dns::Bytes message(question.end() + (with_opt ? dns::opt_size : 0));
    dns::Writer writer(message.data(), 0, message.size());
    writer.u16(id);
    writer.u8(form.recursion_desired ? dns::flag_rd : 0);
    writer.u8(dns::flag_ad | (form.checking_disabled ? dns::flag_cd : 0U));
    writer.u16(1);
    writer.u32(0);
    writer.u16(with_opt ? 1 : 0);
    writer.octets(question.name);
    writer.u16(form.type);
    writer.u16(form.klass);
    if (with_opt) dns::write_opt(writer, 0, form.dnssec_ok, nullptr);
    return message;
}

bool is_answer_to(const Question& question, std::uint16_t id, std::span<const std::uint8_t> message) {
    if (message.size() < dns::header_size) return false;
    if (dns::read_u16(&message[0]) != id || (message[2] & dns::flag_qr) == 0) return false;
    if ((message[2] & dns::opcode_bits) != 0) return false;
    if (is_header_alone(message)) return true;
    if (message.size() < question.end() || dns::read_u16(&message[4]) != 1) return false;
    const std::uint8_t* const name = &message[dns::header_size];
    for (std::size_t i = 0; i < question.name.size(); ++i) {
        if (dns::folded(name[i]) != question.name[i]) return false;
    }
    const std::uint8_t* const behind = name + question.name.size();
    return dns::read_u16(behind) == question.form.type && dns::read_u16(behind + 2) == question.form.klass;
}

}  // namespace taskdns::forward
