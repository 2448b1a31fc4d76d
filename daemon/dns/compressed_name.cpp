// Names as they stand in a message that a stranger wrote. Layer: dns. Pure.
#include "dns/compressed_name.hpp"

#include <algorithm>

namespace taskdns::dns {
namespace {

constexpr std::uint8_t pointer_bits = 0xC0;
constexpr std::uint16_t offset_bits = 0x3FFF;

/// Calls `take` with the name's octets, in as many pieces as pointers make of it.
template <class Take>
std::size_t walk_name(std::span<const std::uint8_t> message, std::size_t at, const Take& take) {
    std::size_t behind = 0;
    std::size_t ceiling = at;  // a pointer leads to before it: so no octet is read twice
    std::size_t length = 0;
    unsigned jumps = 0;
    std::size_t piece = at;
    while (at < message.size()) {
        const std::uint8_t label = message[at];
        if ((label & pointer_bits) == pointer_bits) {
            if (at + 2 > message.size() || ++jumps > most_jumps) return 0;
            if (behind == 0) behind = at + 2;
            const std::size_t target = read_u16(&message[at]) & offset_bits;
            if (target >= ceiling || target < header_size) return 0;
            take(message.subspan(piece, at - piece));
            at = ceiling = piece = target;
            continue;
        }
        const std::size_t octets = std::size_t{label} + 1;
        if (label > longest_label || at + octets > message.size() || length + octets > longest_name) return 0;
        length += octets;
        at += octets;
        if (label != 0) continue;
        take(message.subspan(piece, at - piece));
        return behind != 0 ? behind : at;
    }
    return 0;
}

bool rdata_is_whole(std::span<const std::uint8_t> message, const RecordExtent& record) {
    const RdataLayout* const layout = rdata_layout(record.type);
    if (layout == nullptr) return true;
    std::size_t at = first_rdata_name(message, record, *layout);
    if (at == 0) return false;
    for (unsigned i = 0; i < layout->names; ++i) {
        at = skip_name(message, at);
        if (at == 0 || at > record.end) return false;
    }
    return layout->open ? at + layout->after <= record.end : at + layout->after == record.end;
}

}  // namespace

std::size_t read_name(std::span<const std::uint8_t> message, std::size_t at, MessageName& name) {
    name.length = 0;
    return walk_name(message, at, [&name](std::span<const std::uint8_t> piece) {
        std::copy(piece.begin(), piece.end(), name.octets.begin() + name.length);
        name.length = static_cast<std::uint8_t>(name.length + piece.size());
    });
}

std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at) {
    return walk_name(message, at, [](std::span<const std::uint8_t>) {});
}

bool same_name(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) {
    // Length octets are below 'A', so that folding the whole wire form folds letters only.
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](std::uint8_t a, std::uint8_t b) { return folded(a) == folded(b); });
}

bool is_at_or_below(std::span<const std::uint8_t> name, std::span<const std::uint8_t> ancestor) {
    while (name.size() > ancestor.size()) name = name.subspan(std::size_t{name.front()} + 1);
    return same_name(name, ancestor);
}

const RdataLayout* rdata_layout(RrType type) {
    static constexpr RdataLayout name{.names = 1};
    static constexpr RdataLayout two_names{.names = 2};
    static constexpr RdataLayout number_and_name{.before = 2, .names = 1};
    static constexpr RdataLayout number_and_two_names{.before = 2, .names = 2};
    static constexpr RdataLayout a{.before = 4};
    static constexpr RdataLayout aaaa{.before = 16};
    static constexpr RdataLayout soa{.names = 2, .after = 20};
    static constexpr RdataLayout srv{.before = 6, .names = 1};
    static constexpr RdataLayout naptr{.before = 4, .strings = 3, .names = 1};
    static constexpr RdataLayout signature{.before = 18, .names = 1, .open = true};
    static constexpr RdataLayout next{.names = 1, .open = true};
    static constexpr RdataLayout svcb{.before = 2, .names = 1, .open = true};
    switch (static_cast<unsigned>(type)) {
        case 1:
            return &a;
        case 28:
            return &aaaa;
        case 2:   // NS
        case 3:   // MD
        case 4:   // MF
        case 5:   // CNAME
        case 7:   // MB
        case 8:   // MG
        case 9:   // MR
        case 12:  // PTR
        case 39:  // DNAME
            return &name;
        case 6:
            return &soa;
        case 14:  // MINFO
        case 17:  // RP
            return &two_names;
        case 15:  // MX
        case 18:  // AFSDB
        case 21:  // RT
        case 36:  // KX
            return &number_and_name;
        case 26:  // PX
            return &number_and_two_names;
        case 33:
            return &srv;
        case 35:
            return &naptr;
        case 24:  // SIG
        case 46:  // RRSIG
            return &signature;
        case 30:  // NXT
        case 47:  // NSEC
            return &next;
        case 64:  // SVCB
        case 65:  // HTTPS
            return &svcb;
        default:
            return nullptr;
    }
}

std::size_t first_rdata_name(std::span<const std::uint8_t> message, const RecordExtent& record,
                             const RdataLayout& layout) {
    std::size_t at = record.rdata() + layout.before;
    for (unsigned i = 0; i < layout.strings && at < record.end; ++i) at += std::size_t{message[at]} + 1;
    return at <= record.end ? at : 0;
}

std::optional<RecordExtent> read_whole_record(std::span<const std::uint8_t> message, std::size_t at) {
    if (skip_name(message, at) == 0) return std::nullopt;
    auto record = read_record(message, at);
    if (!record || !rdata_is_whole(message, *record)) return std::nullopt;
    return record;
}

bool records_are_whole(std::span<const std::uint8_t> message) {
    constexpr std::size_t type_and_class = 4;
    if (message.size() < header_size) return false;
    std::size_t at = header_size;
    for (unsigned questions = read_u16(&message[4]); questions > 0; --questions) {
        const std::size_t behind = skip_name(message, at);
        if (behind == 0 || behind + type_and_class > message.size()) return false;
        at = behind + type_and_class;
    }
    const unsigned records = unsigned{read_u16(&message[6])} + read_u16(&message[8]) + read_u16(&message[10]);
    for (unsigned i = 0; i < records; ++i) {
        const auto record = read_whole_record(message, at);
        if (!record) return false;
        at = record->end;
    }
    return at == message.size();
}

}  // namespace taskdns::dns
