// DNS responses as tests want them, written by hand.
#include "support/dns_reply.hpp"

#include <stdexcept>

namespace taskdns::testing_support {
namespace {

void append_u16(dns::Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8 & 0xFF));
    out.push_back(static_cast<std::uint8_t>(value & 0xFF));
}

void append_u32(dns::Bytes& out, std::uint32_t value) {
    append_u16(out, value >> 16);
    append_u16(out, value & 0xFFFF);
}

void append_name(dns::Bytes& out, const dns::Name& name) {
    out.insert(out.end(), name.wire().begin(), name.wire().end());
}

dns::Name parse_name(const std::string& text) {
    if (text == ".") return {};
    const auto name = dns::Name::parse(text);
    if (!name) throw std::invalid_argument(text + ": " + name.error().message);
    return *name;
}

dns::Bytes address_bytes(const std::string& text) {
    const auto address = IpAddress::parse(text);
    if (!address) throw std::invalid_argument(text + " is not an address");
    return {address->bytes().begin(), address->bytes().end()};
}

void append_records(dns::Bytes& out, const std::vector<Rr>& records) {
    for (const Rr& rr : records) {
        append_name(out, parse_name(rr.owner));
        append_u16(out, static_cast<std::uint16_t>(rr.type));
        append_u16(out, rr.rr_class);
        append_u32(out, rr.ttl);
        append_u16(out, rr.rdata.size());
        out.insert(out.end(), rr.rdata.begin(), rr.rdata.end());
    }
}

}  // namespace

Rr a(const std::string& owner, const std::string& address, std::uint32_t ttl) {
    return {owner, dns::RrType::a, ttl, address_bytes(address)};
}

Rr aaaa(const std::string& owner, const std::string& address, std::uint32_t ttl) {
    return {owner, dns::RrType::aaaa, ttl, address_bytes(address)};
}

Rr cname(const std::string& owner, const std::string& target, std::uint32_t ttl) {
    Rr rr{owner, dns::RrType::cname, ttl, {}};
    append_name(rr.rdata, parse_name(target));
    return rr;
}

Rr srv(const std::string& owner, std::uint16_t port, const std::string& target, std::uint32_t ttl,
       std::uint16_t priority, std::uint16_t weight) {
    Rr rr{owner, dns::RrType::srv, ttl, {}};
    append_u16(rr.rdata, priority);
    append_u16(rr.rdata, weight);
    append_u16(rr.rdata, port);
    append_name(rr.rdata, parse_name(target));
    return rr;
}

Rr soa(const std::string& owner, std::uint32_t ttl, std::uint32_t minimum) {
    Rr rr{owner, dns::RrType::soa, ttl, {}};
    append_name(rr.rdata, parse_name("ns.local"));
    append_name(rr.rdata, parse_name("hostmaster.local"));
    for (const std::uint32_t number : {1U, 7200U, 900U, 1'209'600U, minimum}) append_u32(rr.rdata, number);
    return rr;
}

dns::Question question(const std::string& name, dns::RrType type) { return {parse_name(name), type}; }

dns::Bytes write_response(std::uint16_t id, const dns::Question& question, const Sections& sections) {
    dns::Bytes out;
    append_u16(out, id);
    out.push_back(static_cast<std::uint8_t>(0x81 | (sections.truncated ? 0x02 : 0)));                 // QR, RD
    out.push_back(static_cast<std::uint8_t>(0x80 | (static_cast<unsigned>(sections.rcode) & 0x0F)));  // RA
    append_u16(out, 1);
    append_u16(out, sections.answer.size());
    append_u16(out, sections.authority.size());
    append_u16(out, sections.additional.size() + (sections.extended_rcode ? 1 : 0));
    append_name(out, question.name);
    append_u16(out, static_cast<std::uint16_t>(question.type));
    append_u16(out, dns::class_in);
    append_records(out, sections.answer);
    append_records(out, sections.authority);
    append_records(out, sections.additional);
    if (sections.extended_rcode) {
        const std::uint32_t upper_bits = static_cast<std::uint32_t>(*sections.extended_rcode) << 24;
        append_records(out, {Rr{".", dns::RrType::opt, upper_bits, {}, 1232}});
    }
    return out;
}

}  // namespace taskdns::testing_support
