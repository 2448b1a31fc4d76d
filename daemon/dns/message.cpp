// DNS messages off the hot path, over ldns. Layer: dns (may include base, ldns). Pure.
#include "dns/message.hpp"

#include <algorithm>
#include <memory>

#include "base/room.hpp"
#include "dns/compressed_name.hpp"
#include "dns/ldns.hpp"
#include "dns/wire.hpp"

namespace taskdns::dns {
namespace {

// ldns writes through what malloc() gave it without a look at it: so it is asked for beforehand. A record of 12
// octets takes some 250.
constexpr std::size_t most_parsed_per_octet = 32;
constexpr std::size_t parsed_at_least = 8'192;

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;

std::uint16_t read_u16(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::span<const std::uint8_t> bytes_of(const ldns_rdf& rdf) { return {ldns_rdf_data(&rdf), ldns_rdf_size(&rdf)}; }

/// The RDATA field `at` if it is there and has `size` octets; ldns has checked it against the type's layout.
std::optional<std::span<const std::uint8_t>> field(const ldns_rr& rr, std::size_t at, std::size_t size) {
    if (at >= ldns_rr_rd_count(&rr)) return std::nullopt;
    const auto bytes = bytes_of(*ldns_rr_rdf(&rr, at));
    return bytes.size() == size ? std::optional(bytes) : std::nullopt;
}

std::optional<std::uint16_t> u16_field(const ldns_rr& rr, std::size_t at) {
    const auto bytes = field(rr, at, 2);
    return bytes ? std::optional(read_u16(*bytes, 0)) : std::nullopt;
}

std::optional<Name> name_field(const ldns_rr& rr, std::size_t at) {
    if (at >= ldns_rr_rd_count(&rr)) return std::nullopt;
    auto name = Name::from_wire(bytes_of(*ldns_rr_rdf(&rr, at)));
    return name ? std::optional(*std::move(name)) : std::nullopt;
}

template <class AddressBytes>
std::optional<Rdata> address(const ldns_rr& rr) {
    AddressBytes copy{};
    const auto bytes = field(rr, 0, copy.size());
    if (!bytes) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), copy.begin());
    return IpAddress(copy);
}

std::optional<Rdata> srv(const ldns_rr& rr) {
    const auto priority = u16_field(rr, 0);
    const auto weight = u16_field(rr, 1);
    const auto port = u16_field(rr, 2);
    auto target = name_field(rr, 3);
    if (!priority || !weight || !port || !target) return std::nullopt;
    return Srv{*priority, *weight, *port, *std::move(target)};
}

std::optional<Rdata> soa(const ldns_rr& rr) {
    const auto minimum = field(rr, 6, 4);
    if (!minimum) return std::nullopt;
    return Soa{static_cast<std::uint32_t>(read_u16(*minimum, 0)) << 16 | read_u16(*minimum, 2)};
}

std::optional<Rdata> rdata(const ldns_rr& rr) {
    switch (ldns_rr_get_type(&rr)) {
        case LDNS_RR_TYPE_A:
            return address<IpAddress::V4Bytes>(rr);
        case LDNS_RR_TYPE_AAAA:
            return address<IpAddress::V6Bytes>(rr);
        case LDNS_RR_TYPE_SRV:
            return srv(rr);
        case LDNS_RR_TYPE_SOA:
            return soa(rr);
        case LDNS_RR_TYPE_CNAME: {
            auto target = name_field(rr, 0);
            return target ? std::optional<Rdata>(Cname{*std::move(target)}) : std::nullopt;
        }
        default:
            return std::nullopt;
    }
}

std::chrono::seconds ttl(const ldns_rr& rr) {
    const std::uint32_t value = ldns_rr_ttl(&rr);
    return std::chrono::seconds((value & 0x80000000U) != 0 ? 0 : value);
}

/// The records of class IN whose RDATA is one of `Kinds`; every other one is none of discovery's business.
template <class... Kinds>
std::vector<Record> records(const ldns_rr_list* list) {
    std::vector<Record> out;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const ldns_rr& rr = *ldns_rr_list_rr(list, i);
        if (ldns_rr_get_class(&rr) != LDNS_RR_CLASS_IN) continue;
        auto data = rdata(rr);
        auto owner = Name::from_wire(bytes_of(*ldns_rr_owner(&rr)));
        if (!data || !owner || !(std::holds_alternative<Kinds>(*data) || ...)) continue;
        out.push_back({*std::move(owner), ttl(rr), *std::move(data)});
    }
    return out;
}

/// OPT and TSIG are about the message itself, and stand in it once (RFC 6891 section 6.1.1, RFC 8945 section 5.2). Of
/// two, ldns forgets one and never frees it: 115 octets for each of 12. The records are whole.
bool says_twice(std::span<const std::uint8_t> message) {
    constexpr unsigned tsig = 250;
    std::size_t at = header_size;
    for (unsigned questions = read_u16(message, 4); questions > 0; --questions) at = after_name(message, at) + 4;
    unsigned opts = 0;
    unsigned signatures = 0;
    while (const auto record = read_record(message, at)) {
        opts += record->type == RrType::opt ? 1U : 0U;
        signatures += static_cast<unsigned>(record->type) == tsig ? 1U : 0U;
        at = record->end;
    }
    return opts > 1 || signatures > 1;
}

}  // namespace

Bytes build_query(std::uint16_t id, const Question& question) {
    const auto name = question.name.wire();
    Bytes message(header_size + name.size() + 4 + opt_size);
    Writer writer(message.data(), 0, message.size());
    writer.u16(id);
    writer.u8(flag_rd);
    writer.u8(0);
    writer.u16(1);  // question
    writer.u32(0);
    writer.u16(1);  // OPT
    writer.octets(name);
    writer.u16(static_cast<unsigned>(question.type));
    writer.u16(class_in);
    write_opt(writer, 0, false, nullptr);
    return message;
}

bool answers(std::span<const std::uint8_t> message, std::uint16_t id, const Question& question) {
    const auto name = question.name.wire();
    if (message.size() < header_size + name.size() + 4) return false;
    const bool response = (message[2] & 0x80) != 0;
    const bool opcode_is_query = (message[2] & 0x78) == 0;
    if (!response || !opcode_is_query || read_u16(message, 0) != id || read_u16(message, 4) != 1) return false;
    // Length octets are below 'A', so that folding the whole wire form folds letters only.
    const auto asked = message.subspan(header_size, name.size());
    const bool same_name = std::equal(name.begin(), name.end(), asked.begin(),
                                      [](std::uint8_t ours, std::uint8_t theirs) { return ours == folded(theirs); });
    const std::size_t behind = header_size + name.size();
    return same_name && read_u16(message, behind) == static_cast<std::uint16_t>(question.type) &&
           read_u16(message, behind + 2) == class_in;
}

bool truncated(std::span<const std::uint8_t> message) {
    return message.size() >= header_size && (message[2] & 2) != 0;
}

Result<Response> parse_response(std::span<const std::uint8_t> message) {
    if (!records_are_whole(message)) return Error{Errc::malformed, "its records are not whole"};
    if (says_twice(message)) return Error{Errc::malformed, "two OPT or TSIG records"};
    if (!has_room(most_parsed_per_octet * message.size() + parsed_at_least)) {
        return Error{Errc::internal, "no memory"};
    }
    ldns_pkt* raw = nullptr;
    const ldns_status status = ldns_wire2pkt(&raw, message.data(), message.size());
    const Packet packet(raw);
    if (status == LDNS_STATUS_MEM_ERR) return Error{Errc::internal, "no memory"};
    if (status != LDNS_STATUS_OK) return Error{Errc::malformed, ldns_get_errorstr_by_id(status)};
    const unsigned extended_rcode = ldns_pkt_edns(raw) ? ldns_pkt_edns_extended_rcode(raw) : 0U;
    Response response;
    response.rcode = static_cast<Rcode>(extended_rcode << 4 | static_cast<unsigned>(ldns_pkt_get_rcode(raw)));
    response.truncated = ldns_pkt_tc(raw);
    response.answer = records<IpAddress, Srv, Cname, Soa>(ldns_pkt_answer(raw));
    response.authority = records<Soa>(ldns_pkt_authority(raw));
    response.additional = records<IpAddress>(ldns_pkt_additional(raw));
    return response;
}

}  // namespace taskdns::dns
