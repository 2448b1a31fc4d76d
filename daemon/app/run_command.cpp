// `taskdns run`: the daemon. Layer: app.
#include <iostream>
#include <string>
#include <utility>

#include "app/abandoned_resolv_conf.hpp"
#include "app/commands.hpp"
#include "app/daemon.hpp"
#include "app/early_signals.hpp"
#include "config/load.hpp"
#include "task/bind_capability.hpp"

namespace taskdns::app {
namespace {

/// A daemon that does not start must not leave its task without DNS.
int fail(int status, const std::string& resolv_conf) {
    if (const auto line = put_back_abandoned(resolv_conf)) std::cerr << "taskdns: " << *line << '\n';
    return status;
}

}  // namespace

int run_command(const ConfigPath& path) {
    end_by_early_signals();
    task::lower_bind_capability();
    config::Sources sources{.path = path};
    Result<config::Config> config = config::load(sources);
    if (!config) {
        std::cerr << config.error().message << '\n';
        return fail(2, config::ResolvConf().path);  // another one is not known now
    }
    const std::string resolv_conf = config->resolv_conf.path;
    const Result<void> outcome = run_daemon(std::move(*config), std::move(sources));
    if (!outcome) {
        // A mistake in the configuration that only this host's addresses show reads as those that load() finds.
        const bool is_mistake = outcome.error().code == Errc::invalid_config;
        std::cerr << (is_mistake ? "" : "taskdns: ") << outcome.error().message << '\n';
        return fail(is_mistake ? 2 : 1, resolv_conf);
    }
    return 0;
}

}  // namespace taskdns::app
