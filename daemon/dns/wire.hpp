// Octets of a message: reading numbers, names and records; the header's bits; writing an answer behind its question.
// Layer: dns. Pure; no ldns. HOT PATH: no allocation.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "dns/types.hpp"

namespace taskdns::dns {

inline constexpr std::size_t header_size = 12;    // RFC 1035 section 4.1.1
inline constexpr std::size_t longest_name = 255;  // in wire form, RFC 1035 section 3.1
inline constexpr std::uint8_t longest_label = 63;
/// What may hold no more than this is a UDP message without EDNS (RFC 1035 section 4.2.1).
inline constexpr std::size_t udp_size_without_edns = 512;

inline constexpr std::uint8_t flag_qr = 0x80;  // octet 2 of the header
inline constexpr std::uint8_t opcode_bits = 0x78;
inline constexpr std::uint8_t flag_aa = 0x04;
inline constexpr std::uint8_t flag_tc = 0x02;
inline constexpr std::uint8_t flag_rd = 0x01;
inline constexpr std::uint8_t flag_ra = 0x80;  // octet 3
inline constexpr std::uint8_t flag_ad = 0x20;
inline constexpr std::uint8_t flag_cd = 0x10;
inline constexpr std::uint8_t rcode_bits = 0x0F;

inline std::uint16_t read_u16(const std::uint8_t* at) {
    return static_cast<std::uint16_t>((unsigned{at[0]} << 8) | at[1]);
}

inline std::uint32_t read_u32(const std::uint8_t* at) { return std::uint32_t{read_u16(at)} << 16 | read_u16(at + 2); }

inline void write_u16(std::uint8_t* at, unsigned value) {
    at[0] = static_cast<std::uint8_t>(value >> 8);
    at[1] = static_cast<std::uint8_t>(value);
}

inline void write_u32(std::uint8_t* at, std::uint32_t value) {
    write_u16(at, value >> 16);
    write_u16(at + 2, value & 0xFFFF);
}

/// RFC 4343: letters, and only ASCII letters, are compared without case.
inline std::uint8_t folded(std::uint8_t octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + ('a' - 'A')) : octet;
}

/// The octet after the name at `at`, or 0 where there is no whole name. Pointers are stepped over, not followed.
inline std::size_t after_name(std::span<const std::uint8_t> message, std::size_t at) {
    constexpr std::uint8_t pointer_bits = 0xC0;
    while (at < message.size()) {
        const std::uint8_t label = message[at];
        if (label == 0) return at + 1;
        if ((label & pointer_bits) == pointer_bits) return at + 2 <= message.size() ? at + 2 : 0;
        if (label > longest_label) return 0;
        at += std::size_t{label} + 1;
    }
    return 0;
}

/// A record's extent in a message. Its offsets lie within the message.
struct RecordExtent {
    std::size_t begin = 0;  ///< of its owner name
    std::size_t fixed = 0;  ///< of TYPE; CLASS, TTL and RDLENGTH follow at 2, 4 and 8
    std::size_t end = 0;
    RrType type = RrType::a;

    std::size_t ttl() const { return fixed + 4; }
    std::size_t rdata() const { return fixed + 10; }
};

/// The record at `at`; null where there is no whole one. RDATA is not looked into.
inline std::optional<RecordExtent> read_record(std::span<const std::uint8_t> message, std::size_t at) {
    const std::size_t fixed = after_name(message, at);
    if (fixed == 0 || fixed + 10 > message.size()) return std::nullopt;
    const std::size_t end = fixed + 10 + read_u16(&message[fixed + 8]);
    if (end > message.size()) return std::nullopt;
    return RecordExtent{at, fixed, end, static_cast<RrType>(read_u16(&message[fixed]))};
}

/// Appends to a message up to a limit. Whoever appends asks fits() first.
class Writer {
public:
    Writer(std::uint8_t* message, std::size_t at, std::size_t limit) : message_(message), at_(at), limit_(limit) {}

    bool fits(std::size_t octets) const { return at_ + octets <= limit_; }
    void u8(unsigned value) { message_[at_++] = static_cast<std::uint8_t>(value); }
    void u16(unsigned value) {
        write_u16(message_ + at_, value);
        at_ += 2;
    }
    void u32(std::uint32_t value) {
        write_u32(message_ + at_, value);
        at_ += 4;
    }
    /// A compression pointer to the name at `offset` (RFC 1035 section 4.1.4): below 2^14, as all of ours are.
    void pointer(std::size_t offset) { u16(0xC000U | static_cast<unsigned>(offset)); }
    void octets(std::span<const std::uint8_t> source) {
        if (!source.empty()) std::memcpy(message_ + at_, source.data(), source.size());
        at_ += source.size();
    }
    void text(std::string_view source) {
        if (!source.empty()) std::memcpy(message_ + at_, source.data(), source.size());
        at_ += source.size();
    }
    /// The same where the length is known when compiling, which makes the copy a few moves.
    template <std::size_t length>
    void octets_of(const std::uint8_t* source) {
        std::memcpy(message_ + at_, source, length);
        at_ += length;
    }
    /// Sets room aside for what comes last, and gives it back.
    void reserve(std::size_t octets) { limit_ -= octets; }
    void release(std::size_t octets) { limit_ += octets; }
    std::size_t at() const { return at_; }

private:
    std::uint8_t* message_;
    std::size_t at_;
    std::size_t limit_;
};

/// An Extended DNS Error (RFC 8914) as it goes into an OPT record.
struct ExtendedError {
    Ede code = Ede::other;
    std::string_view text;  ///< UTF-8; not copied

    /// With the option's code and length.
    std::size_t size() const { return 6 + text.size(); }
};

inline constexpr std::size_t opt_size = 11;  ///< of an OPT record without options (RFC 6891 section 6.1.2)

/// Our OPT record, of opt_size octets and those of `error` (may be null). `rcode`: its upper bits stand here. DO is
/// copied from the query (RFC 3225 section 3).
inline void write_opt(Writer& writer, unsigned rcode, bool dnssec_ok, const ExtendedError* error) {
    constexpr unsigned ede_option = 15;
    writer.u8(0);  // owned by the root
    writer.u16(static_cast<unsigned>(RrType::opt));
    writer.u16(edns_payload_size);
    writer.u8(rcode >> 4);
    writer.u8(0);  // version
    writer.u16(dnssec_ok ? 0x8000U : 0x0U);
    writer.u16(error != nullptr ? static_cast<unsigned>(error->size()) : 0);
    if (error == nullptr) return;
    writer.u16(ede_option);
    writer.u16(static_cast<unsigned>(2 + error->text.size()));
    writer.u16(static_cast<unsigned>(error->code));
    writer.text(error->text);
}

}  // namespace taskdns::dns
