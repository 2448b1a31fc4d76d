// `taskdns exec -- CMD`: waits for the daemon, points resolv.conf at it, becomes CMD. Layer: app.
//
// What goes wrong here must not keep the application from starting: it is said, and CMD runs as if we were not there.
#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <iostream>
#include <iterator>
#include <system_error>
#include <thread>

#include "app/answers_dns.hpp"
#include "app/commands.hpp"
#include "app/early_signals.hpp"
#include "app/find_daemon.hpp"
#include "app/http_get.hpp"
#include "app/own_listeners.hpp"
#include "app/resolv_conf_naming.hpp"
#include "base/local_listener.hpp"
#include "config/load.hpp"
#include "http_server/read_status.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds first_pause = 5ms;  // the daemon is ready within 20 ms of its start where it can be
constexpr milliseconds longest_pause = 100ms;
constexpr milliseconds shortest_request = 100ms;  // --wait 0s is one attempt
constexpr milliseconds longest_request = 1s;
constexpr auto default_address = "127.0.0.1";  // find_daemon() adds the port

void say(const std::string& what) { std::cerr << "taskdns exec: " << what << '\n'; }

/// A container's configuration may be wrong, or another one's: then the daemon is where it is by default.
Result<SocketAddress> find_target(const ExecOptions& options) {
    auto target = find_daemon(options.config, options.http);
    if (!target && target.error().code == Errc::invalid_config) {
        say("the configuration has mistakes, so the default address is asked: " + target.error().message);
        target = find_daemon(options.config, default_address);
    }
    return target;
}

/// Null when it is ready, else why not.
std::optional<std::string> wait_until_ready(const SocketAddress& target, milliseconds limit) {
    const TimePoint deadline = Clock::now() + limit;
    for (milliseconds pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        const auto answer = http_get(target, "/readyz", std::clamp(left, shortest_request, longest_request));
        if (answer && answer->status == 200) return std::nullopt;
        const auto rest = deadline - Clock::now();
        if (rest > Duration::zero()) {
            std::this_thread::sleep_for(std::min<Duration>(pause, rest));
            continue;
        }
        std::string why = answer ? target.to_string() + ": " + answer->body : answer.error().message;
        std::ranges::replace(why, '\n', ' ');
        return "taskdns is not ready within " + format_duration(limit) + " (" + why + ")";
    }
}

/// Where taskdns listens for DNS.
struct Listening {
    std::vector<SocketAddress> listeners;
    std::string says;  ///< who says so
};

/// As this container's configuration has it, or as it is by default.
Listening read_configuration(const ExecOptions& options) {
    const auto config = config::load({.path = options.config, .need_services = false});
    if (config) return {config->listen.dns, "as the configuration of this container says"};
    return {{*SocketAddress::parse("127.0.0.1:53")}, "by default"};
}

/// What `told` has of this host, and of the address that we were told to ask. Any process may listen where we ask,
/// and what root writes into resolv.conf is for all containers: nobody elsewhere may come into it.
std::vector<SocketAddress> choose_own(const std::vector<SocketAddress>& told, const SocketAddress& asked) {
    const std::vector<IpAddress> local = local_addresses();
    std::vector<SocketAddress> out;
    std::copy_if(told.begin(), told.end(), std::back_inserter(out), [&](const SocketAddress& listener) {
        const IpAddress& address = listener.address;
        return address.is_loopback() || address.is_unspecified() || address == asked.address ||
               std::find(local.begin(), local.end(), address) != local.end();
    });
    return out;
}

Result<Listening> find_listeners(const ExecOptions& options, const SocketAddress& target) {
    const auto answer = http_get(target, "/v1/status", longest_request, "application/json");
    if (!answer) return answer.error();
    // Its HTTP listener is not on loopback, so it says whether it is ready, and no more.
    if (answer->status == 403) return read_configuration(options);
    if (answer->status != 200) {
        return Error{Errc::malformed, target.to_string() + "/v1/status: HTTP " + std::to_string(answer->status)};
    }
    const auto status = http_server::read_daemon(answer->body);
    if (!status) return status.error();
    Listening out{choose_own(status->dns_listeners, target), "as " + target.to_string() + " says"};
    if (out.listeners.empty() && !status->dns_listeners.empty()) {
        return Error{Errc::malformed, target.to_string() + " says " + status->dns_listeners.front().to_string() +
                                          ", which is no address of this host"};
    }
    return out;
}

/// What the file is to name once the daemon is ready.
Result<task::Naming> ask_naming(const ExecOptions& options) {
    const auto target = find_target(options);
    if (!target) return target.error();
    if (auto why = wait_until_ready(*target, options.wait)) return Error{Errc::timeout, *why};
    const auto listening = find_listeners(options, *target);
    if (!listening) {
        return Error{listening.error().code, "taskdns does not say where it listens: " + listening.error().message};
    }
    // The fallback is what the file has: nobody's word is taken for that.
    auto naming = find_naming(listening->listeners, {}, options.path, options.fallback);
    if (!naming) return naming;
    const SocketAddress own{naming->own, resolv_conf_port};
    if (!answers_dns(own, longest_request)) {
        return Error{Errc::network,
                     "nobody answers at " + own.to_string() + ", where taskdns listens, " + listening->says +
                         " (is this host's own address in listen.allow, and has this container the sidecar's "
                         "listen.dns?)"};
    }
    naming->enough_if_first = true;  // the sidecar, or another container of the task, was here before
    return naming;
}

/// Null when the file names the daemon, else why it does not.
std::optional<std::string> point_at_daemon(const ExecOptions& options) {
    const auto naming = ask_naming(options);
    if (!naming) return naming.error().message + "; " + options.path + " is left as it is";
    const auto change = task::manage_resolv_conf(options.path, *naming);
    if (!change) return change.error().message;  // which says how the file is, where it is not as it was
    if (change->rotates_to_fallback) say(options.path + ": " + rotate_warning);
    return std::nullopt;
}

/// Only root may become another user; who is that user already need not.
bool become(const ExecUser& user) {
    if (::geteuid() == user.uid && ::getegid() == user.gid && user.uid != 0) return true;
    const gid_t group = user.gid;
    return ::setgroups(1, &group) == 0 && ::setgid(user.gid) == 0 && ::setuid(user.uid) == 0;
}

[[nodiscard]] int run(std::vector<std::string> command) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    const int error = errno;
    say(command.front() + ": " + std::generic_category().message(error));
    return error == ENOENT || error == ENOTDIR ? 127 : 126;  // as shells do
}

}  // namespace

std::optional<ExecUser> parse_exec_user(std::string_view text) {
    const auto number = [](std::string_view digits) -> std::optional<std::uint32_t> {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        const bool all = error == std::errc() && end == digits.data() + digits.size();
        // The last one means "no change" to the kernel.
        return all && value != UINT32_MAX ? std::optional(value) : std::nullopt;
    };
    const std::size_t colon = text.find(':');
    const auto uid = number(text.substr(0, colon));
    const auto gid = colon == std::string_view::npos ? uid : number(text.substr(colon + 1));
    if (!uid || !gid) return std::nullopt;
    return ExecUser{*uid, *gid};
}

int exec_command(const ExecOptions& options) {
    end_by_early_signals();
    if (const auto why = point_at_daemon(options)) {
        say(*why + (options.require ? "" : "; the command runs"));
        if (options.require) return 1;
    }
    if (options.user && !become(*options.user)) {
        say("cannot become user " + std::to_string(options.user->uid) + ", group " +
            std::to_string(options.user->gid) + ": " + std::generic_category().message(errno) +
            " (only root can: start the container as root, or leave --user out)");
        return 1;
    }
    return run(options.command);
}

}  // namespace taskdns::app
