// The known word that a mistyped one most likely means.
// Layer: config. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace taskdns::config {

/// The mend for a word that is not known, in parentheses: `(did you mean interval?)`, or, if nothing is near,
/// `(known here: a, b, c)`. Case, `-` and `_` do not count as differences.
std::string suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace taskdns::config
