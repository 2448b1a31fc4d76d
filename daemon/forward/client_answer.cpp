// An answer as one client gets it. Layer: forward. HOT PATH.
#include "forward/client_answer.hpp"

#include <algorithm>

namespace taskdns::forward {
namespace {

constexpr std::size_t largest_message = 65'535;

/// Leaves ID, RD, CD and the question as the client sent them.
void write_header(std::uint8_t* buffer, unsigned flags2, unsigned flags3) {
    buffer[2] = static_cast<std::uint8_t>(dns::flag_qr | flags2 | (buffer[2] & dns::flag_rd));
    buffer[3] = static_cast<std::uint8_t>(dns::flag_ra | flags3 | (buffer[3] & dns::flag_cd));
}

void write_counts(std::uint8_t* buffer, unsigned answers, unsigned authorities, unsigned additional) {
    dns::write_u16(buffer + 4, 1);
    dns::write_u16(buffer + 6, answers);
    dns::write_u16(buffer + 8, authorities);
    dns::write_u16(buffer + 10, additional);
}

/// OPT with the upstream's errors, and one of ours.
void write_opt(dns::Writer& writer, std::uint8_t* buffer, const Client& client,
               std::span<const std::uint8_t> upstream_errors, const dns::ExtendedError* error) {
    const std::size_t begin = writer.at();
    dns::write_opt(writer, 0, client.dnssec_ok, error);
    if (upstream_errors.empty()) return;
    writer.octets(upstream_errors);
    dns::write_u16(buffer + begin + dns::opt_size - 2, static_cast<unsigned>(writer.at() - begin - dns::opt_size));
}

/// TTLs count down (RFC 1035 section 7.4, RFC 2308 section 5).
void patch_ttls(std::uint8_t* buffer, const Served& served, std::size_t end) {
    for (const std::uint16_t offset : served.ttls) {
        if (offset >= end) return;
        std::uint8_t* const at = buffer + offset;
        dns::write_u32(at, served.most_ttl != 0 ? served.most_ttl : dns::read_u32(at) - served.age);
    }
}

/// How much of an answer a client takes.
struct Extent {
    std::size_t records_end = 0;
    std::size_t size = 0;  ///< with OPT
    bool cut = false;
    bool explains = true;  ///< with the errors
};

Extent extent_for(const Client& client, const Served& served) {
    const std::size_t opt = client.has_opt ? dns::opt_size : 0;
    const std::size_t error = served.error != nullptr ? served.error->size() : 0;
    const std::size_t options = client.has_opt ? served.errors.size() + error : 0;
    const std::size_t whole = served.message.size() + opt + options;
    if (whole <= client.size_limit) return {served.message.size(), whole, false, true};
    // The reasons are the first to go: they only explain (RFC 8914 section 3). Then what is merely useful.
    for (const std::size_t end : {served.message.size(), served.additional}) {
        if (end + opt <= client.size_limit) return {end, end + opt, false, false};
    }
    return {client.question_end, client.question_end + opt, true, false};
}

}  // namespace

Client Client::of(const dns::Query& query, const std::uint8_t* header, bool over_tcp) {
    return {query.question_end, over_tcp ? largest_message : query.udp_size_limit(), query.has_opt, query.dnssec_ok,
            query.dnssec_ok || (header[3] & dns::flag_ad) != 0};
}

Served Served::fresh(const UpstreamAnswer& answer) {
    return {answer.message, answer.ttls, answer.errors, answer.additional, answer.authentic, 0, 0, nullptr};
}

Served Served::fresh(const Entry& entry, TimePoint now) {
    const auto age = std::chrono::duration_cast<seconds>(now - entry.stored);
    const auto count = static_cast<std::uint32_t>(std::max(age, seconds(0)).count());
    return {entry.message(), entry.ttls(), entry.errors(), entry.additional(), entry.authentic, count, 0, nullptr};
}

std::size_t answer_size(const Client& client, const Served& served) { return extent_for(client, served).size; }

std::size_t write_answer(std::span<std::uint8_t> buffer, const Client& client, const Served& served) {
    const Extent extent = extent_for(client, served);
    if (extent.size > buffer.size()) return 0;
    std::uint8_t* const out = buffer.data();
    const std::uint8_t* const in = served.message.data();
    const unsigned authentic = served.authentic && client.wants_ad ? dns::flag_ad : 0;
    write_header(out, extent.cut ? dns::flag_tc : 0, authentic | (in[3] & dns::rcode_bits));
    const unsigned opt = client.has_opt ? 1 : 0;
    if (extent.cut) {
        write_counts(out, 0, 0, opt);
    } else {
        std::memcpy(out + client.question_end, in + client.question_end, extent.records_end - client.question_end);
        const unsigned additional = extent.records_end < served.message.size() ? 0 : dns::read_u16(in + 10);
        write_counts(out, dns::read_u16(in + 6), dns::read_u16(in + 8), additional + opt);
        patch_ttls(out, served, extent.records_end);
    }
    dns::Writer writer(out, extent.records_end, buffer.size());
    if (client.has_opt) {
        write_opt(writer, out, client, extent.explains ? served.errors : std::span<const std::uint8_t>(),
                  extent.explains ? served.error : nullptr);
    }
    return writer.at();
}

std::size_t write_failure(std::span<std::uint8_t> buffer, const Client& client, dns::Rcode rcode,
                          const dns::ExtendedError& error) {
    std::uint8_t* const out = buffer.data();
    write_header(out, 0, static_cast<unsigned>(rcode));
    write_counts(out, 0, 0, client.has_opt ? 1 : 0);
    dns::Writer writer(out, client.question_end, buffer.size());
    if (client.has_opt) dns::write_opt(writer, 0, client.dnssec_ok, &error);
    return writer.at();
}

}  // namespace taskdns::forward
