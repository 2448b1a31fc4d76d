// SipHash-1-3 (Aumasson and Bernstein): a hash under a secret key. Clients choose the names that are hashed, and must
// not be able to choose names that all fall into one bucket. Layer: forward. Pure. HOT PATH: no allocation.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace taskdns::forward {

class KeyedHash {
public:
    using Key = std::array<std::uint64_t, 2>;

    explicit KeyedHash(const Key& key) : key_(key) {}

    /// Of `octets` and of one more word.
    std::uint64_t operator()(std::span<const std::uint8_t> octets, std::uint64_t word) const {
        State s{key_[0] ^ 0x736f6d6570736575U, key_[1] ^ 0x646f72616e646f6dU, key_[0] ^ 0x6c7967656e657261U,
                key_[1] ^ 0x7465646279746573U};
        s.take(word);
        std::size_t at = 0;
        for (; at + 8 <= octets.size(); at += 8) {
            std::uint64_t next = 0;
            std::memcpy(&next, octets.data() + at, 8);
            s.take(next);
        }
        std::uint64_t last = 0;
        if (at < octets.size()) std::memcpy(&last, octets.data() + at, octets.size() - at);
        s.take(last | std::uint64_t{octets.size()} << 56);
        s.c ^= 0xFF;
        for (int i = 0; i < 3; ++i) s.round();
        return s.a ^ s.b ^ s.c ^ s.d;
    }

private:
    struct State {
        std::uint64_t a, b, c, d;

        void take(std::uint64_t word) {
            d ^= word;
            round();
            a ^= word;
        }
        void round() {
            a += b;
            b = std::rotl(b, 13) ^ a;
            a = std::rotl(a, 32);
            c += d;
            d = std::rotl(d, 16) ^ c;
            a += d;
            d = std::rotl(d, 21) ^ a;
            c += b;
            b = std::rotl(b, 17) ^ c;
            c = std::rotl(c, 32);
        }
    };

    Key key_;
};

}  // namespace taskdns::forward
