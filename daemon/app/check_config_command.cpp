// `taskdns check-config`: all mistakes of a configuration, or that there are none. Layer: app.
#include <iostream>

#include "app/commands.hpp"
#include "config/load.hpp"

namespace taskdns::app {
namespace {

int report(const std::string& what, const Result<config::Config>& config) {
    if (!config) {
        std::cerr << config.error().message << '\n';
        return 2;
    }
    for (const std::string& note : config->notes) std::cout << what << ": note: " << note << '\n';
    const std::size_t services = config->services.size();
    std::cout << what << ": ok, " << services << (services == 1 ? " service" : " services") << '\n';
    return 0;
}

}  // namespace

int check_config_command(const ConfigPath& path, const std::vector<std::string>& files) {
    if (files.empty()) {
        const Result<config::Config> config = config::load({.path = path});
        std::string origins;
        if (config) {
            for (const std::string& origin : config->origins) origins += (origins.empty() ? "" : ", ") + origin;
        }
        return report(origins, config);
    }
    // A file is judged alone: what this shell happens to have in TASKDNS_* does not count, its ${VAR}s do.
    const config::Environment environment = [](const std::string& name) -> std::optional<std::string> {
        return name.starts_with("TASKDNS_") ? std::nullopt : config::process_environment()(name);
    };
    int worst = 0;
    for (const std::string& file : files) {
        worst = std::max(worst, report(file, config::load({.path = file, .environment = environment})));
    }
    return worst;
}

}  // namespace taskdns::app
