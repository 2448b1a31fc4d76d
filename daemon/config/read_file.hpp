// A configuration file's text, or why it cannot be had. Layer: config.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"

namespace taskdns::config {

/// Null if there is no such file. Error: why it cannot be read, mend included, without the path. What is beyond
/// max_yaml_bytes is not read (parse_yaml() reports it). A pipe is read to its end.
Result<std::optional<std::string>> read_file(const std::string& path);

}  // namespace taskdns::config
