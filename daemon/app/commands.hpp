// The subcommands; each returns the exit status: 0 well, 1 failed, 2 wrong configuration.
// Layer: app (may include all). One file each: <name>_command.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace taskdns::app {

using ConfigPath = std::optional<std::string>;

int run_command(const ConfigPath& path);
/// Each of `files` alone, or, where there are none, what `taskdns run` would read.
int check_config_command(const ConfigPath& path, const std::vector<std::string>& files);
/// Asks /readyz of `address`, or of the configured HTTP listener. Silent when well: ECS takes any output on standard
/// error for a failure.
int healthcheck_command(const ConfigPath& path, const std::optional<std::string>& address);
struct StatusOptions {
    ConfigPath config;
    std::optional<std::string> http;  ///< ADDRESS:PORT; null: the configured HTTP listener
    std::string name;                 ///< of one service, or an alias; empty: all
    bool watch = false;
    bool json = false;
};
/// Prints what the daemon here says of itself and its services; 1 if it does not answer.
int status_command(const StatusOptions& options);
/// Polls and checks one service once, and prints what the daemon would see.
int resolve_command(const ConfigPath& path, const std::string& name);

}  // namespace taskdns::app
