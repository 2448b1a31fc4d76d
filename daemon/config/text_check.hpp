// Is this text at all? Binary files, other encodings and stray control characters are told apart before YAML sees
// them. Layer: config. Pure.
#pragma once

#include <string_view>

#include "config/mistakes.hpp"

namespace taskdns::config {

/// True if `text` is UTF-8 without control characters other than tab and line ends; else one mistake at the first
/// octet that is not.
bool check_text(std::string_view text, std::uint32_t source, Mistakes& mistakes);

/// True if the quote that opens at `place` closes again: yaml-cpp 0.7 lets the end of the text close it.
bool quote_is_closed(std::string_view text, const Place& place);

}  // namespace taskdns::config
