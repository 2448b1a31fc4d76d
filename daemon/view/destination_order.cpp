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

struct Library {
    std::span<const Policy> labels;
    std::span<const Policy> precedences;
    unsigned (*scope)(const IpAddress&);
};

constexpr unsigned link_local = 2;
constexpr unsigned global = 14;

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

/// RFC 4291 section 2.7: where an address has a meaning.
unsigned scope(const V6Bytes& address) {
    if (address[0] == 0xFF) return address[1] & 0xFU;
    if (address == loopback || (address[0] == 0xFE && (address[1] & 0xC0U) == 0x80)) return link_local;
    if (address[0] == 0xFE && (address[1] & 0xC0U) == 0xC0) return 5;  // site-local
    return global;
}

/// RFC 6724 section 3.2. musl has no such rule: all of IPv4 is global there.
unsigned glibc_scope(const IpAddress& address) {
    if (address.is_v6()) return scope(as_v6(address));
    const auto bytes = address.bytes();
    return bytes[0] == 127 || (bytes[0] == 169 && bytes[1] == 254) ? link_local : global;
}

unsigned musl_scope(const IpAddress& address) { return scope(as_v6(address)); }

constexpr Library glibc{glibc_labels, glibc_precedences, glibc_scope};
constexpr Library musl{musl_labels, musl_precedences, musl_scope};

/// One number that is larger for what is preferred: the rules of RFC 6724 section 6 from the upper bits down. Left
/// out: 3, 4 and 7 (deprecated, home and tunnelled sources: the kernel's choice is one source per destination here).
std::uint32_t key(const Destination& destination, const Library& library, unsigned matching_bits) {
    const V6Bytes address = as_v6(destination.address);
    const unsigned own_scope = library.scope(destination.address);
    std::uint32_t out = look_up(library.precedences, address) << 20;  // rule 6
    out |= (15 - own_scope) << 16;                                    // rule 8
    out |= matching_bits;                                             // rule 9
    const std::optional<IpAddress>& source = destination.source.address;
    if (!source) return out;
    out |= 1U << 30;                                                                                   // rule 1
    if (library.scope(*source) == own_scope) out |= 1U << 29;                                          // rule 2
    if (look_up(library.labels, as_v6(*source)) == look_up(library.labels, address)) out |= 1U << 28;  // rule 5
    return out;
}

}  // namespace

SortKeys sort_keys(const Destination& destination) {
    const LocalSource& source = destination.source;
    const unsigned bits = source.address ? common_prefix(as_v6(destination.address), as_v6(*source.address)) : 0;
    unsigned glibc_bits = bits;
    if (destination.address.is_v4()) {  // counts only within the source's own subnet
        const unsigned v4_bits = bits - std::min(bits, 96U);
        glibc_bits = v4_bits >= source.prefix_length ? v4_bits : 0;
    }
    return {key(destination, glibc, glibc_bits), destination.without_v6 ? 0 : key(destination, musl, bits)};
}

}  // namespace taskdns::view
