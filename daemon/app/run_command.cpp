// `taskdns run`: the daemon. Layer: app.
#include <iostream>
#include <utility>

#include "app/commands.hpp"
#include "app/daemon.hpp"
#include "app/early_signals.hpp"
#include "config/load.hpp"
#include "task/bind_capability.hpp"

namespace taskdns::app {

int run_command(const ConfigPath& path) {
    end_by_early_signals();
    task::lower_bind_capability();
    config::Sources sources{.path = path};
    Result<config::Config> config = config::load(sources);
    if (!config) {
        std::cerr << config.error().message << '\n';
        return 2;
    }
    const Result<void> outcome = run_daemon(std::move(*config), std::move(sources));
    if (!outcome) {
        // A mistake in the configuration that only this host's addresses show reads as those that load() finds.
        const bool is_mistake = outcome.error().code == Errc::invalid_config;
        std::cerr << (is_mistake ? "" : "taskdns: ") << outcome.error().message << '\n';
        return is_mistake ? 2 : 1;
    }
    return 0;
}

}  // namespace taskdns::app
