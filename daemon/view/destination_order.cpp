// How a client's getaddrinfo will sort our answer. Layer: view.
#include "view/destination_order.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace taskdns::view {
namespace {

using V6Bytes = IpAddress::V6Bytes;

struct Policy {
    V6Bytes prefix;
    unsigned length;  // of the prefix, in bits
    unsigned value;
};

struct PolicyTables {
    std::span<const Policy> labels;
    std::span<const Policy> precedences;
};

// The longest prefix comes first, so the first that matches decides. IPv4 is looked up as ::ffff:a.b.c.d.
constexpr V6Bytes any{};
constexpr V6Bytes loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr V6Bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr V6Bytes six_to_four{0x20, 0x02};
constexpr V6Bytes teredo{0x20, 0x01};
constexpr V6Bytes site_local{0xFE, 0xC0};
constexpr V6Bytes unique_local{0xFC};

// glibc, sysdeps/posix/getaddrinfo.c: default_labels and default_precedence (RFC 3484).
constexpr std::array glibc_labels{Policy{loopback, 128, 0},   Policy{mapped, 96, 4},      Policy{any, 96, 3},
                                  Policy{teredo, 32, 7},      Policy{six_to_four, 16, 2}, Policy{site_local, 10, 5},
                                  Policy{unique_local, 7, 6}, Policy{any, 0, 1}};
constexpr std::array glibc_precedences{Policy{loopback, 128, 50}, Policy{mapped, 96, 10}, Policy{any, 96, 20},
                                       Policy{six_to_four, 16, 30}, Policy{any, 0, 40}};
// musl, src/network/lookup_name.c: defpolicy (RFC 6724).
constexpr std::array musl_labels{Policy{loopback, 128, 0},   Policy{mapped, 96, 4},       Policy{teredo, 32, 5},
                                 Policy{six_to_four, 16, 2}, Policy{unique_local, 7, 13}, Policy{any, 0, 1}};
constexpr std::array musl_precedences{Policy{loopback, 128, 50},   Policy{mapped, 96, 35},     Policy{teredo, 32, 5},
                                      Policy{six_to_four, 16, 30}, Policy{unique_local, 7, 3}, Policy{any, 0, 40}};

V6Bytes as_v6(const IpAddress& address) {
    V6Bytes out = address.is_v4() ? mapped : any;
    std::ranges::copy(address.bytes(), out.end() - static_cast<std::ptrdiff_t>(address.bytes().size()));
    return out;
}

/// Leading bits that two addresses have in common.
unsigned common_prefix(const V6Bytes& left, const V6Bytes& right) {
    for (unsigned i = 0; i < left.size(); ++i) {
        const auto differing = static_cast<std::uint8_t>(left[i] ^ right[i]);
        if (differing != 0) return i * 8 + static_cast<unsigned>(std::countl_zero(differing));
    }
    return 128;
}

unsigned look_up(std::span<const Policy> table, const V6Bytes& address) {
    for (const Policy& row : table) {
        if (common_prefix(row.prefix, address) >= row.length) return row.value;
    }
    return 0;
}

/// RFC 4291 section 2.7; RFC 6724 section 3.2 for IPv4.
unsigned scope(const V6Bytes& address) {
    constexpr unsigned link_local = 2;
    constexpr unsigned global = 14;
    if (common_prefix(address, mapped) >= 96) {
        const bool link = address[12] == 127 || (address[12] == 169 && address[13] == 254);
        return link ? link_local : global;
    }
    if (address[0] == 0xFF) return address[1] & 0xFU;
    if (address == loopback || (address[0] == 0xFE && (address[1] & 0xC0U) == 0x80)) return link_local;
    if (address[0] == 0xFE && (address[1] & 0xC0U) == 0xC0) return 5;  // site-local
    return global;
}

/// One number that is larger for what is preferred: the rules of RFC 6724 section 6 from the upper bits down. Left
/// out: 3, 4 and 7 (deprecated, home and tunnelled sources: the kernel's choice is one source per destination here).
std::uint32_t key(const V6Bytes& destination, const std::optional<V6Bytes>& source, const PolicyTables& tables,
                  unsigned matching_bits) {
    std::uint32_t out = 0;
    if (source) {
        const bool same_scope = scope(*source) == scope(destination);
        const bool same_label = look_up(tables.labels, *source) == look_up(tables.labels, destination);
        out = (1U << 30) | (same_scope ? 1U << 29 : 0U) | (same_label ? 1U << 28 : 0U);  // rules 1, 2, 5
    }
    out |= look_up(tables.precedences, destination) << 20;  // rule 6
    out |= (15 - scope(destination)) << 16;                 // rule 8
    return out | matching_bits;                             // rule 9
}

}  // namespace

SortKeys sort_keys(const Destination& destination) {
    const V6Bytes address = as_v6(destination.address);
    std::optional<V6Bytes> source;
    if (destination.source.address) source = as_v6(*destination.source.address);
    const unsigned prefix = source ? common_prefix(address, *source) : 0;
    unsigned glibc_prefix = prefix;
    if (destination.address.is_v4()) {
        const unsigned bits = prefix - std::min(prefix, 96U);
        glibc_prefix = bits >= destination.source.prefix_length ? bits : 0;
    }
    return {key(address, source, {glibc_labels, glibc_precedences}, glibc_prefix),
            key(address, source, {musl_labels, musl_precedences}, prefix)};
}

bool stays_behind(const Destination& backup, const Destination& first) {
    return sort_keys(first).hold_back(sort_keys(backup));
}

}  // namespace taskdns::view
