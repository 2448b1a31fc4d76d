// What all mutations share: see mutate.hpp.
#include "fuzz/mutate.hpp"

#include <algorithm>

namespace taskdns::fuzz {

std::size_t Draft::become(std::span<const std::uint8_t> octets) {
    const std::size_t kept = std::min(octets.size(), max_size);
    std::copy_n(octets.begin(), kept, data);
    return kept;
}

std::size_t Draft::become(std::string_view text) {
    return become(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

}  // namespace taskdns::fuzz
