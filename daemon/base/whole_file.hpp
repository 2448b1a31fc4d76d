// Reads and replaces whole files. Blocking: call it from a FileThread, or before and after the loops run.
// Layer: base.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace taskdns {

/// From where an open file is read next up to its end. Error: why; over_limit beyond `limit` octets.
Result<std::string> read_rest(int file, std::size_t limit);

/// Null if there is no such file. Error: the step that failed and why, and over_limit beyond `limit` octets.
Result<std::optional<std::string>> read_whole_file(const std::string& path, std::size_t limit);

/// Atomically: a temporary file beside it (PATH.tmp, readable by us only), fsync, rename, fsync of the folder. A
/// reader sees the old or the new one, also after a crash. Error: the step that failed and why; the temporary file is
/// removed.
Result<void> replace_whole_file(const std::string& path, std::string_view text);

}  // namespace taskdns
