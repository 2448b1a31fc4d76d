// The known word that a mistyped one most likely means.
// Layer: base. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace taskdns {

/// Null if none is near. Case, `-` and `_` do not count as differences.
const std::string* nearest(std::string_view word, std::span<const std::string> known);

/// The mend for a word that is not known, in parentheses: `(did you mean interval?)`, or, if nothing is near,
/// `(known here: a, b, c)`.
std::string suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace taskdns
