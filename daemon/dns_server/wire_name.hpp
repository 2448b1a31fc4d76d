// Names that the code knows, in wire form.
// Layer: dns_server. Pure; evaluated when compiling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace taskdns::dns_server {

/// Wire form of a name written as text: each dot, and the place before the first letter, becomes a label's length.
template <std::size_t length>
constexpr std::array<std::uint8_t, length + 1> wire_of(const char (&text)[length]) {
    std::array<std::uint8_t, length + 1> wire{};
    std::size_t label = 0;
    for (std::size_t i = 0; i + 1 < length; ++i) {
        if (text[i] == '.') {
            label = i + 1;
        } else {
            wire[i + 1] = static_cast<std::uint8_t>(text[i]);
            ++wire[label];
        }
    }
    return wire;
}

}  // namespace taskdns::dns_server
