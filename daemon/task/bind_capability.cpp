// Port 53 without root. Layer: task.
#include "task/bind_capability.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/whole_file.hpp"

namespace taskdns::task {
namespace {

constexpr std::uint32_t bind_bit = 1U << CAP_NET_BIND_SERVICE;  // in the first of the two words of each set

/// Puts it into the calling thread's effective set, or takes it out. The system calls themselves: libcap would be a
/// library for two lines.
void set_effective(bool wanted) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (syscall(SYS_capget, &header, sets.data()) != 0) return;
    std::uint32_t& effective = sets[0].effective;
    if (wanted && (sets[0].permitted & bind_bit) == 0) return;
    const std::uint32_t next = wanted ? effective | bind_bit : effective & ~bind_bit;
    if (next == effective) return;
    effective = next;
    // Refused only by a sandbox; then a bind that needs it says so.
    static_cast<void>(syscall(SYS_capset, &header, sets.data()));
}

/// The value of `name:` in /proc/PID/status, from its first word on.
std::optional<std::string_view> field(std::string_view status, std::string_view name) {
    while (!status.empty()) {
        const std::string_view line = status.substr(0, status.find('\n'));
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
            const std::size_t value = line.find_first_not_of(" \t", name.size() + 1);
            return value == std::string_view::npos ? std::string_view{} : line.substr(value);
        }
        status.remove_prefix(std::min(status.size(), line.size() + 1));
    }
    return std::nullopt;
}

template <class Number>
void parse_into(std::string_view text, int base, Number& out) {
    Number value{};
    if (std::from_chars(text.data(), text.data() + text.size(), value, base).ec == std::errc{}) out = value;
}

/// Of /proc: empty where it cannot be read.
std::string proc_file(const char* path) {
    auto text = read_whole_file(path, 64 * 1024);
    return text ? std::move(*text).value_or("") : "";
}

std::string file_capability(const BindRights& rights) {
    const std::string base =
        "the file capability cap_net_bind_service+p, which the image's /taskdns has (else: setcap "
        "cap_net_bind_service+p FILE)";
    std::string obstacles;
    if (rights.no_new_privileges) {
        obstacles =
            "no_new_privs is set here, so that file capabilities are ignored: take no-new-privileges "
            "(NoNewPrivileges=, allowPrivilegeEscalation: false) away";
    }
    if (!rights.bounded) {
        obstacles += obstacles.empty() ? "" : "; and ";
        obstacles +=
            "the capability is not in the bounding set: add NET_BIND_SERVICE beside a drop of ALL "
            "(--cap-add, CapabilityBoundingSet=)";
    }
    return base + (obstacles.empty() ? "" : "; " + obstacles);
}

}  // namespace

void lower_bind_capability() { set_effective(false); }

BindCapability::BindCapability() { set_effective(true); }

BindCapability::~BindCapability() { set_effective(false); }

BindRights parse_bind_rights(std::string_view status, std::string_view port_start) {
    BindRights rights;
    if (const auto users = field(status, "Uid")) {  // real, effective, saved, file system
        const std::size_t second = users->find_first_of(" \t");
        if (second != std::string_view::npos) parse_into(users->substr(second + 1), 10, rights.user);
    }
    if (const auto bounding = field(status, "CapBnd")) {
        std::uint64_t set = ~std::uint64_t{0};
        parse_into(*bounding, 16, set);
        rights.bounded = (set & bind_bit) != 0;
    }
    if (const auto set = field(status, "NoNewPrivs")) rights.no_new_privileges = *set == "1";
    parse_into(port_start, 10, rights.first_unprivileged_port);
    return rights;
}

BindRights read_bind_rights() {
    return parse_bind_rights(proc_file("/proc/self/status"),
                             proc_file("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
}

std::string explain_denied_port(const BindRights& rights, std::uint16_t port, std::string_view variable) {
    if (port >= rights.first_unprivileged_port) {
        return "; this port needs no right, so a sandbox or a security module (seccomp, SELinux, AppArmor) refuses "
               "it";
    }
    const std::string number = std::to_string(port);
    std::string text = ": ports below " + std::to_string(rights.first_unprivileged_port) +
                       " need a right that user " + std::to_string(rights.user) +
                       " has not here. One of these mends it:";
    text += "\n  - the sysctl net.ipv4.ip_unprivileged_port_start=" + number +
            "; in an ECS task definition: \"systemControls\": [{\"namespace\": "
            "\"net.ipv4.ip_unprivileged_port_start\", \"value\": \"" +
            number + "\"}]";
    if (rights.user == 0) {
        text +=
            "\n  - the capability NET_BIND_SERVICE, which was taken from root here: do not drop it (--cap-add, "
            "CapabilityBoundingSet=)";
    } else {
        text += "\n  - " + file_capability(rights);
        text += "\n  - user 0 (root)";
        if (!rights.bounded) text += ", not without that capability";
    }
    text += "\n  - a port from " + std::to_string(rights.first_unprivileged_port) + " up: " + std::string(variable) +
            (variable == "TASKDNS_DNS_LISTEN" ? "=127.0.0.1:5353, which resolv.conf cannot name" : "=127.0.0.1:8053");
    return text;
}

}  // namespace taskdns::task
