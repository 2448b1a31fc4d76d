// Reads one service, or `defaults`, which is a service without a name that the others begin as.
// Layer: config. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/yaml_map.hpp"

namespace taskdns::config {

struct ServiceDraft {
    Service service;
    std::optional<CheckKind> check;         ///< null: auto
    std::optional<Placed<dns::Name>> name;  ///< null: missing or mistaken
    std::vector<Placed<dns::Name>> aliases;
    std::vector<Placed<SocketAddress>> addresses;
    std::string note;  ///< worth a log line; may be empty
};

ServiceDraft read_defaults(YamlMap map, Mistakes& mistakes);

/// `base` is what is not written. The rules within one service are checked here.
ServiceDraft read_service(YamlMap map, const ServiceDraft& base, Mistakes& mistakes);

/// Every name and alias belongs to one service only.
void check_names(const std::vector<ServiceDraft>& services, Mistakes& mistakes);

}  // namespace taskdns::config
