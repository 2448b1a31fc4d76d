// The one-variable form, `resource-server.local:8080,orders.local:9090/healthz`, as the YAML that it stands for.
// Layer: config. Pure.
#pragma once

#include <string>

#include "config/mistakes.hpp"
#include "config/yaml_tree.hpp"

namespace taskdns::config {

/// A list of services: `NAME`, `NAME:PORT`, `NAME:PORT/PATH` with commas between. A path means an HTTP check. What
/// NAME, PORT and PATH may be is decided where services are read. Each item is placed at its first character.
YamlNode parse_service_list(const std::string& text, std::uint32_t source, Mistakes& mistakes);

YamlNode scalar_node(std::string text, const Place& place);
/// A map of the `entries`, placed at `place`, as are its keys.
YamlNode map_node(std::vector<std::pair<std::string, YamlNode>> entries, const Place& place);

}  // namespace taskdns::config
