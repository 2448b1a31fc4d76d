// The sources that were found, read into one configuration. Layer: config. Pure but for the environment it is given.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "config/load.hpp"
#include "config/yaml_map.hpp"

namespace taskdns::config {

/// The text of a source and what it is called in messages.
struct SourceText {
    std::string name;
    std::string text;
};

/// One variable that overrides one key, `section.key`.
struct Override {
    const char* variable;
    const char* section;
    const char* key;
    bool is_list;
};

inline constexpr const char* content_variable = "TASKDNS_CONFIG_CONTENT";
inline constexpr const char* services_variable = "TASKDNS_SERVICES";
inline constexpr Override overrides[] = {
    {"TASKDNS_DNS_LISTEN", "listen", "dns", true},     {"TASKDNS_HTTP_LISTEN", "listen", "http", true},
    {"TASKDNS_UPSTREAM", "upstream", "servers", true}, {"TASKDNS_LOG_LEVEL", "log", "level", false},
    {"TASKDNS_LOG_FORMAT", "log", "format", false},
};

struct FoundSources {
    std::optional<SourceText> yaml;
    std::optional<std::string> services;  ///< of TASKDNS_SERVICES
    std::vector<std::pair<Override, std::string>> overrides;
    bool need_services = true;
};

/// `mistakes` may hold some already; whatever it holds at the end is the error.
Result<Config> read_all(const FoundSources& found, const Environment& environment, Mistakes& mistakes);

/// Every key that the reader knows, `defaults.` and `services[].` included.
std::vector<Setting> describe();

}  // namespace taskdns::config
