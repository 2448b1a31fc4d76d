// Which endpoints one task uses of a large service. Layer: view.
#include "view/subset.hpp"

#include <algorithm>
#include <cstdint>

namespace taskdns::view {
namespace {

/// MurmurHash3's 64-bit finalizer behind an odd increment: each bit of the input changes half of the output's.
constexpr std::uint64_t mix(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15;
    value ^= value >> 33;
    value *= 0xFF51AFD7ED558CCD;
    value ^= value >> 33;
    value *= 0xC4CEB9FE1A85EC53;
    return value ^ (value >> 33);
}

/// Octets as little-endian words, the last one filled up with zeros, then their number. The same on every platform
/// and in every version: a rolling update of the tasks must not draw other endpoints.
template <class Octets>
std::uint64_t hash(std::uint64_t seed, const Octets& octets) {
    std::uint64_t word = 0;
    std::size_t count = 0;
    for (const auto octet : octets) {
        word |= std::uint64_t{static_cast<std::uint8_t>(octet)} << (8 * (count % 8));
        if (++count % 8 == 0) {
            seed = mix(seed ^ word);
            word = 0;
        }
    }
    if (count % 8 != 0) seed = mix(seed ^ word);
    return mix(seed ^ count);
}

struct Ranked {
    std::uint64_t score;
    const membership::Member* member;

    bool operator<(const Ranked& other) const {
        return score != other.score ? score > other.score : member->address < other.member->address;
    }
};

}  // namespace

std::vector<SocketAddress> choose_subset(std::span<const membership::Member> members,
                                         const std::function<bool(const SocketAddress&)>& is_out, std::size_t subset,
                                         std::string_view identity) {
    std::vector<Ranked> ranks;
    ranks.reserve(members.size());
    const std::uint64_t seed = hash(0, identity);
    for (const membership::Member& member : members) {
        ranks.push_back({mix(hash(seed, member.address.address.bytes()) ^ member.address.port), &member});
    }
    std::ranges::sort(ranks, std::less<>());

    std::vector<SocketAddress> chosen;
    std::size_t standing = 0;
    std::size_t withdrawn = 0;
    for (const auto& [score, member] : ranks) {
        if (member->presence == membership::Presence::withdrawn) {
            if (subset == 0 || withdrawn++ < subset) chosen.push_back(member->address);
            continue;
        }
        if (subset != 0 && standing >= subset) continue;
        chosen.push_back(member->address);
        if (!is_out(member->address)) ++standing;
    }
    std::ranges::sort(chosen);
    return chosen;
}

}  // namespace taskdns::view
