// SRV targets, localhost, and the reverse of loopback. Layer: dns_server. HOT PATH.
#include "dns_server/special_names.hpp"

#include <algorithm>

#include "dns_server/wire_name.hpp"

namespace taskdns::dns_server {
namespace {

using Wire = std::span<const std::uint8_t>;

constexpr std::uint32_t local_ttl = 5;  // seconds, like every negative answer of ours (design.md, section 8)

bool starts_with(Wire octets, std::string_view prefix) {
    return octets.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), octets.begin());
}

bool ends_with(Wire octets, Wire suffix) {
    return octets.size() >= suffix.size() && std::equal(suffix.rbegin(), suffix.rend(), octets.rbegin());
}

constexpr auto localhost = wire_of("localhost");
constexpr auto reverse_v4 = wire_of("127.in-addr.arpa");
constexpr auto pointer_v4 = wire_of("1.0.0.127.in-addr.arpa");
constexpr auto pointer_v6 = wire_of("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa");

/// The one name of a reverse zone that has a PTR record.
Wire pointer_of(Wire apex) { return apex.data() == reverse_v4.data() ? Wire(pointer_v4) : Wire(pointer_v6); }

std::optional<IpAddress> parse_v4(Wire text) {
    IpAddress::V4Bytes bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        unsigned number = 0;
        std::size_t digits = 0;
        for (; digits < text.size() && digits < 3 && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
            number = number * 10 + (text[digits] - unsigned{'0'});
        }
        if (digits == 0 || number > 255 || (digits > 1 && text[0] == '0')) return std::nullopt;
        bytes[i] = static_cast<std::uint8_t>(number);
        text = text.subspan(digits);
        if (i == 3) break;
        if (text.empty() || text[0] != '-') return std::nullopt;
        text = text.subspan(1);
    }
    return text.empty() ? std::optional(IpAddress(bytes)) : std::nullopt;
}

std::optional<IpAddress> parse_v6(Wire text) {
    IpAddress::V6Bytes bytes{};
    if (text.size() != 2 * bytes.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned digit = 0;
        if (text[i] >= '0' && text[i] <= '9') {
            digit = text[i] - unsigned{'0'};
        } else if (text[i] >= 'a' && text[i] <= 'f') {
            digit = text[i] - unsigned{'a'} + 10;
        } else {
            return std::nullopt;
        }
        bytes[i / 2] = static_cast<std::uint8_t>(unsigned{bytes[i / 2]} << 4 | digit);
    }
    return IpAddress(bytes);
}

void add_record(Builder& builder, dns::RrType type, std::uint32_t ttl, Wire rdata) {
    dns::Writer& writer = builder.writer();
    if (!writer.fits(12 + rdata.size())) return;
    writer.pointer(dns::header_size);
    writer.u16(static_cast<unsigned>(type));
    writer.u16(dns::class_in);
    writer.u32(ttl);
    writer.u16(static_cast<unsigned>(rdata.size()));
    writer.octets(rdata);
    builder.count_answers(1);
}

/// Adds the address if the question's type asks for it. False: NODATA.
bool add_address(Builder& builder, const IpAddress& address, std::uint32_t ttl) {
    const dns::RrType type = builder.query().rr_type();
    if (type != (address.is_v4() ? dns::RrType::a : dns::RrType::aaaa)) return false;
    add_record(builder, type, ttl, address.bytes());
    return true;
}

Outcome answer_target(Builder& builder, const IpAddress& address, const view::TargetParent& parent,
                      const Context& context) {
    bool waiting = false;
    const view::ServiceView* owner = nullptr;
    for (const std::uint32_t number : parent.services) {
        const view::ServiceView& service = *context.view.services[number];
        if (std::binary_search(service.targets.begin(), service.targets.end(), address)) owner = &service;
        waiting = waiting || service.readiness == view::Readiness::not_polled;
    }
    // The SOA's owner is the parent: what follows the first label of the question.
    const std::size_t parent_offset = dns::header_size + 1 + builder.query().name[0];
    if (owner == nullptr) {
        if (waiting) return {Action::hold};
        builder.add_negative_soa(context.view.services[parent.services.front()]->soa, parent_offset);
        return builder.finish(dns::Rcode::nxdomain, true);
    }
    if (builder.query().rr_type() == dns::RrType::any) return answer_any(builder);
    if (!add_address(builder, address, owner->answer_ttl)) {
        builder.add_negative_soa(owner->soa, parent_offset);
    }
    return builder.finish(dns::Rcode::noerror, true);
}

/// TYPE to RDATA of the SOA for the names that RFC 6761 and RFC 6303 make local: "localhost. nobody.invalid.".
Wire local_soa() {
    static constexpr std::array<std::uint8_t, 57> soa{
        0, 6,   0,   1,   0,   0,   0,   5,   0,   47,                               // SOA IN, TTL 5
        9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 0,                           // MNAME
        6, 'n', 'o', 'b', 'o', 'd', 'y', 7,   'i', 'n', 'v', 'a', 'l', 'i', 'd', 0,  // RNAME
        0, 0,   0,   1,   0,   0,   14,  16,  0,   0,   4,   176, 0,   9,   58,  128,
        0, 0,   0,   5};  // serial to minimum
    return soa;
}

/// The record that a local name has of the question's type, if it has one. `is_apex`: the name has the SOA.
bool add_local_record(Builder& builder, Wire apex, bool is_apex) {
    const dns::RrType type = builder.query().rr_type();
    if (type == dns::RrType::soa && is_apex) {
        builder.writer().pointer(dns::header_size);
        builder.writer().octets(local_soa());
        builder.count_answers(1);
        return true;
    }
    if (apex.data() == localhost.data()) {
        if (type == dns::RrType::a)
            return add_address(builder, IpAddress(IpAddress::V4Bytes{127, 0, 0, 1}), local_ttl);
        constexpr IpAddress::V6Bytes v6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        return add_address(builder, IpAddress(v6), local_ttl);
    }
    const bool is_pointer = builder.query().name_length == pointer_of(apex).size();  // of the names that exist
    if (type != dns::RrType::ptr || !is_pointer) return false;
    add_record(builder, dns::RrType::ptr, local_ttl, localhost);
    return true;
}

/// RFC 6761 section 6.3: localhost and every name below it are the loopback addresses. RFC 6303: `pointer`
/// (127.0.0.1 or ::1) is localhost; names between it and the apex exist and have no records (RFC 8020 section 2),
/// other names do not exist.
Outcome answer_local_name(Builder& builder, Wire apex) {
    const Wire name = builder.query().wire();
    const bool is_localhost = apex.data() == localhost.data();
    const bool is_apex = name.size() == apex.size();
    const bool exists = is_localhost || ends_with(pointer_of(apex), name);
    const bool has_records = is_localhost || is_apex || (exists && name.size() == pointer_of(apex).size());
    if (has_records) {
        if (builder.query().rr_type() == dns::RrType::any) return answer_any(builder);
        if (add_local_record(builder, apex, is_apex)) return builder.finish(dns::Rcode::noerror, true);
    }
    builder.add_negative_soa(local_soa(), dns::header_size + name.size() - apex.size());
    return builder.finish(exists ? dns::Rcode::noerror : dns::Rcode::nxdomain, true);
}

template <std::size_t length>
bool equals(Wire name, const std::array<std::uint8_t, length>& apex) {
    return name.size() == length && std::equal(apex.begin(), apex.end(), name.begin());
}

/// The special name that `name` is or lies below; empty if there is none.
Wire find_local_apex(Wire name) {
    // A suffix of octets is a suffix of labels only where a label begins: walk the labels.
    for (std::size_t at = 0; at < name.size(); at += std::size_t{1} + name[at]) {
        const Wire rest = name.subspan(at);
        if (equals(rest, localhost)) return localhost;
        if (equals(rest, reverse_v4)) return reverse_v4;
        if (equals(rest, pointer_v6)) return pointer_v6;
    }
    return {};
}

}  // namespace

std::optional<IpAddress> parse_target_label(Wire label) {
    if (starts_with(label, "ip-")) return parse_v4(label.subspan(3));
    if (starts_with(label, "ip6-")) return parse_v6(label.subspan(4));
    return std::nullopt;
}

std::optional<Outcome> answer_special_name(Builder& builder, const Context& context) {
    const Wire name = builder.query().wire();
    const std::size_t first = name[0];
    if (const auto address = parse_target_label(name.subspan(1, first))) {
        const view::TargetParent* const parent = context.view.names->find_target_parent(name.subspan(1 + first));
        if (parent != nullptr) {
            Outcome outcome = answer_target(builder, *address, *parent, context);
            outcome.source = Source::service;
            return outcome;
        }
    }
    const Wire apex = find_local_apex(name);
    if (apex.empty()) return std::nullopt;
    return answer_local_name(builder, apex);
}

bool is_special_name(std::span<const std::uint8_t> name, const view::NameTable& names) {
    const std::size_t first = name[0];
    const bool is_target = parse_target_label(name.subspan(1, first)).has_value() &&
                           names.find_target_parent(name.subspan(1 + first)) != nullptr;
    return is_target || !find_local_apex(name).empty();
}

}  // namespace taskdns::dns_server
