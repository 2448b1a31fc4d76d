// The subcommands; each returns the exit status: 0 well, 1 failed, 2 wrong configuration.
// Layer: app (may include all). One file each: <name>_command.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

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
enum class ResolvConfAction { apply, restore };
struct ResolvConfOptions {
    ResolvConfAction action = ResolvConfAction::apply;
    ConfigPath config;
    std::optional<std::string> path;  ///< null: as configured
    bool fallback = false;            ///< true: even where it is not configured
};
/// Makes the configured listener the task's name server, or undoes it.
int resolv_conf_command(const ResolvConfOptions& options);
struct ExecUser {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};
/// UID or UID:GID, numbers; without the second, it is the first. Null: neither.
std::optional<ExecUser> parse_exec_user(std::string_view text);
struct ExecOptions {
    ConfigPath config;
    std::optional<std::string> http;  ///< ADDRESS:PORT; null: the configured HTTP listener
    std::string path = "/etc/resolv.conf";
    milliseconds wait{10'000};
    bool fallback = false;
    bool require = false;  ///< fail instead of running CMD without taskdns
    std::optional<ExecUser> user;
    std::vector<std::string> command;  ///< not empty
};
/// Becomes CMD once resolv.conf names the daemon here, or cannot; returns only where CMD cannot run: 126, 127, or 1.
int exec_command(const ExecOptions& options);
/// Polls and checks one service once, and prints what the daemon would see.
int resolve_command(const ConfigPath& path, const std::string& name);

}  // namespace taskdns::app
