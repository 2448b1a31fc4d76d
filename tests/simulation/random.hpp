// Random numbers that mean the same on every platform: the standard's distributions do not.
// Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>

#include "base/time.hpp"

namespace taskdns::simulation {

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15 + 1) {}

    /// 0 to `bound` - 1; 0 for a bound of 0.
    std::uint64_t below(std::uint64_t bound) {
        if (bound <= 1) return 0;
        constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
        const std::uint64_t limit = largest - largest % bound;
        std::uint64_t drawn = engine_();
        while (drawn >= limit) drawn = engine_();
        return drawn % bound;
    }
    bool percent(unsigned chance) { return below(100) < chance; }
    /// Both ends included.
    milliseconds between(milliseconds least, milliseconds most) {
        return least + milliseconds(below(static_cast<std::uint64_t>((most - least).count()) + 1));
    }
    template <class T>
    T of(std::initializer_list<T> choices) {
        return *(choices.begin() + below(choices.size()));
    }
    std::uint32_t seed() { return static_cast<std::uint32_t>(engine_()); }

private:
    std::mt19937_64 engine_;
};

}  // namespace taskdns::simulation
