// Port 53 without root: CAP_NET_BIND_SERVICE (capabilities(7)) is effective only while we bind, and what can be done
// where it cannot be had.
// Layer: task (may include base). Threads: a capability belongs to a thread: the control thread binds, at start and
// at reloads; no other thread ever has it effective.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace taskdns::task {

/// Takes the capability out of the calling thread's effective set; it stays permitted. First of all in a process that
/// will bind: threads made later begin without it, also where it came effective (root, systemd's
/// AmbientCapabilities).
void lower_bind_capability();

/// While it lives, the calling thread may bind low ports, if the process is permitted to. Where it is not, nothing
/// changes: the bind itself will tell.
class BindCapability {
public:
    BindCapability();
    ~BindCapability();
    BindCapability(const BindCapability&) = delete;
    BindCapability& operator=(const BindCapability&) = delete;
};

/// What decides whether this process can bind a low port, and by which way it could be made to.
struct BindRights {
    std::uint64_t user = 0;  ///< the effective user ID
    bool bounded = true;     ///< the capability is in the bounding set: a file capability or root could give it
    bool no_new_privileges = false;                ///< file capabilities are ignored (prctl(2), PR_SET_NO_NEW_PRIVS)
    std::uint16_t first_unprivileged_port = 1024;  ///< net.ipv4.ip_unprivileged_port_start, of this network namespace
};

/// From the texts of /proc/self/status and of the sysctl; what they do not say stays at its default. Pure.
BindRights parse_bind_rights(std::string_view status, std::string_view port_start);
BindRights read_bind_rights();

/// What to add to "Permission denied" for this port: the reason, and a line for each mend that applies here.
/// `variable` is the environment variable that would set another port. Pure.
std::string explain_denied_port(const BindRights& rights, std::uint16_t port, std::string_view variable);

}  // namespace taskdns::task
