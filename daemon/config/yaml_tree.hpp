// A YAML text as a tree of our own, each value with its place: the only door to yaml-cpp, whose exceptions end here.
// Layer: config (may include yaml-cpp, in yaml_tree.cpp only). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/mistakes.hpp"

namespace taskdns::config {

struct Key {
    std::string text;
    Place place;
};

struct YamlNode {
    enum class Kind { null, scalar, list, map };

    Kind kind = Kind::null;
    bool broken = false;  ///< its mistake is already reported: read nothing from it
    Place place;
    std::string text;             ///< of a scalar, quotes and escapes resolved
    std::vector<Key> keys;        ///< of a map, each once, in the order of the text
    std::vector<YamlNode> items;  ///< of a list; of a map, beside `keys`
};

const char* to_string(YamlNode::Kind kind);  ///< "a list", ...

// Far above any real configuration (1,000 services of 100 addresses have 2 MB and 110,000 values), far below harm.
inline constexpr std::size_t max_yaml_bytes = 4 * 1024 * 1024;
inline constexpr std::size_t max_yaml_values = 500'000;
inline constexpr std::size_t max_yaml_depth = 32;

/// One document. Null, and a mistake, if it is not YAML, not UTF-8, has a tag that YAML does not define, a second
/// document, or is beyond a limit. Aliases are replaced by what they stand for, which counts against the limits.
/// Duplicate keys are mistakes (the first counts), which yaml-cpp 0.7 lets pass.
std::optional<YamlNode> parse_yaml(const std::string& text, std::uint32_t source, Mistakes& mistakes);

}  // namespace taskdns::config
