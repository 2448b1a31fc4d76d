// ${VAR} and ${VAR:-default} in the values of a YAML tree. After parsing, so that a value cannot bring YAML with it.
// Layer: config. Pure but for the environment that it is given.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/load.hpp"
#include "config/yaml_tree.hpp"

namespace taskdns::config {

/// `$${` becomes a literal `${`. The default of `:-` also stands in for an empty variable, as in a shell. Error: a
/// variable that is not set and has no default, one that is not closed, a name that cannot be one, or nesting.
Result<std::string> expand(std::string_view text, const Environment& environment);

/// All scalar values below `node`, keys excepted. Those that fail are marked broken.
void expand_all(YamlNode& node, const Environment& environment, Mistakes& mistakes);

}  // namespace taskdns::config
