// Octets of a message: reading numbers, the header's bits, and writing an answer behind its question.
// Layer: dns_server (may include base, view; dns/types through view). Pure. HOT PATH.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace taskdns::dns_server {

inline constexpr std::uint8_t flag_qr = 0x80;  // octet 2 of the header
inline constexpr std::uint8_t opcode_bits = 0x78;
inline constexpr std::uint8_t flag_aa = 0x04;
inline constexpr std::uint8_t flag_rd = 0x01;
inline constexpr std::uint8_t flag_ra = 0x80;  // octet 3
inline constexpr std::uint8_t flag_cd = 0x10;

inline std::uint16_t read_u16(const std::uint8_t* at) {
    return static_cast<std::uint16_t>((unsigned{at[0]} << 8) | at[1]);
}

inline void write_u16(std::uint8_t* at, unsigned value) {
    at[0] = static_cast<std::uint8_t>(value >> 8);
    at[1] = static_cast<std::uint8_t>(value);
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
        u16(value >> 16);
        u16(value & 0xFFFF);
    }
    /// A compression pointer to the name at `offset` (RFC 1035 section 4.1.4): below 2^14, as all of ours are.
    void pointer(std::size_t offset) { u16(0xC000U | static_cast<unsigned>(offset)); }
    void octets(std::span<const std::uint8_t> source) {
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

}  // namespace taskdns::dns_server
