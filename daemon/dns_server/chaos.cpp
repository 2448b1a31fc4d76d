// Class CHAOS: who this server is, and the state of a service's endpoints. Layer: dns_server.
#include "dns_server/chaos.hpp"

#include <algorithm>

#include "dns_server/builder.hpp"
#include "dns_server/wire_name.hpp"

namespace taskdns::dns_server {
namespace {

constexpr auto version_bind = wire_of("version.bind");
constexpr auto version_server = wire_of("version.server");
constexpr auto id_server = wire_of("id.server");
constexpr auto hostname_bind = wire_of("hostname.bind");

constexpr std::size_t longest_string = 255;  // RFC 1035 section 3.3
constexpr std::size_t record_size = 2 + 10;  // owner pointer, TYPE to RDLENGTH
// Question, OPT with an error, and all strings at their longest.
constexpr std::size_t room = buffer_size + most_described * (record_size + 1 + longest_string);

bool is(const dns::Query& query, std::span<const std::uint8_t> name) {
    return std::ranges::equal(query.wire(), name);
}

/// A copy of the query with room behind it, and what was read from it.
struct Message {
    explicit Message(std::span<const std::uint8_t> octets) : buffer(std::max(room, octets.size())) {
        std::ranges::copy(octets, buffer.begin());
        dns::parse_query(octets, query);
    }
    std::vector<std::uint8_t> finish(Builder& builder, dns::Rcode rcode, bool ours) {
        buffer.resize(builder.finish(rcode, ours).length);
        return std::move(buffer);
    }

    std::vector<std::uint8_t> buffer;
    dns::Query query;
};

}  // namespace

ChaosSubject find_chaos_subject(const dns::Query& query, const view::NameTable& names) {
    if (query.klass != dns::class_ch || query.rr_type() != dns::RrType::txt) return {};
    if (is(query, version_bind) || is(query, version_server)) return {ChaosSubject::Kind::version};
    if (is(query, id_server) || is(query, hostname_bind)) return {ChaosSubject::Kind::identity};
    return {names.find(query.wire()) == nullptr ? ChaosSubject::Kind::none : ChaosSubject::Kind::service};
}

std::vector<std::uint8_t> chaos_answer(std::span<const std::uint8_t> query, Transport transport,
                                       std::span<const std::string> strings) {
    Message message(query);
    Builder builder(message.buffer, message.query, transport);
    if (strings.empty()) builder.explain(dns::Ede::other, "no endpoint is known");  // NODATA without an SOA
    dns::Writer& writer = builder.writer();
    bool truncated = false;
    unsigned records = 0;
    for (const std::string& string : strings.first(std::min(strings.size(), most_described))) {
        const std::string_view text = std::string_view(string).substr(0, longest_string);
        truncated = !writer.fits(record_size + 1 + text.size());
        if (truncated) break;
        writer.pointer(dns::header_size);
        writer.u16(static_cast<unsigned>(dns::RrType::txt));
        writer.u16(dns::class_ch);
        writer.u32(0);  // TTL: true at this moment only
        writer.u16(static_cast<unsigned>(1 + text.size()));
        writer.u8(static_cast<unsigned>(text.size()));
        writer.text(text);
        ++records;
    }
    builder.count_answers(records);
    std::vector<std::uint8_t> answer = message.finish(builder, dns::Rcode::noerror, true);
    if (truncated) answer[2] |= dns::flag_tc;
    return answer;
}

std::vector<std::uint8_t> chaos_failure(std::span<const std::uint8_t> query, std::string_view text) {
    Message message(query);
    Builder builder(message.buffer, message.query, Transport::tcp);
    builder.explain(dns::Ede::other, text);
    return message.finish(builder, dns::Rcode::servfail, false);
}

}  // namespace taskdns::dns_server
