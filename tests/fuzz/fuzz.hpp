// What the fuzz entries share: how a broken rule is told, and values made out of an input's octets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace taskdns::fuzz {

/// Ends the process where a rule does not hold: libFuzzer keeps the input, the replay has named it.
inline void require(bool holds, const char* rule) {
    if (holds) return;
    std::fprintf(stderr, "broken rule: %s\n", rule);
    std::abort();
}

/// Values off the front of an input; zeros where it has ended, so that each input is a whole one.
class Octets {
public:
    explicit Octets(std::span<const std::uint8_t> octets) : octets_(octets) {}
    Octets(const std::uint8_t* octets, std::size_t size) : octets_(octets, size) {}

    bool empty() const { return octets_.empty(); }
    std::uint8_t u8() {
        if (octets_.empty()) return 0;
        const std::uint8_t octet = octets_.front();
        octets_ = octets_.subspan(1);
        return octet;
    }
    std::uint16_t u16() {
        const unsigned high = u8();
        return static_cast<std::uint16_t>(high << 8 | u8());
    }
    /// Less than `bound`, which is from 1 to 256.
    std::size_t below(std::size_t bound) { return u8() % bound; }
    bool coin() { return (u8() & 1) != 0; }
    std::span<const std::uint8_t> take(std::size_t count) {
        const auto taken = octets_.first(std::min(count, octets_.size()));
        octets_ = octets_.subspan(taken.size());
        return taken;
    }
    std::span<const std::uint8_t> rest() { return take(octets_.size()); }

private:
    std::span<const std::uint8_t> octets_;
};

inline std::string_view text_of(std::span<const std::uint8_t> octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace taskdns::fuzz
