// Sizes in octets as settings hold them: `0`, `512KiB`, `1MiB`. Layer: config. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace taskdns::config {

/// One whole number and one unit, B, KiB, MiB or GiB; 0 needs none. Null for anything else, and beyond 1 TiB.
std::optional<std::size_t> parse_size(std::string_view text);
/// The shortest text that parse_size reads back to the same value.
std::string format_size(std::size_t octets);
/// The message for a text that is not a size, with the nearest one that is: `(try 1MiB)`.
std::string not_a_size(std::string_view text);

}  // namespace taskdns::config
