// What a managed resolv.conf is to name, and the words for it: for the daemon and the commands.
// Layer: app (may include config, task). Threads: find_naming() may read a file, for a fallback only.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "task/resolv_conf_file.hpp"

namespace taskdns::app {

inline constexpr const char* rotate_warning =
    "`options rotate` makes libc ask the fallback as often as taskdns: take that option out, or leave fallback off";

/// `listeners`: as they are configured, or bound. Error: none of them is on port 53.
Result<task::Naming> find_naming(const std::vector<SocketAddress>& listeners, const config::Upstream& upstream,
                                 const std::string& path, bool fallback);

/// "nameserver 127.0.0.1, 10.0.0.2"
std::string name_servers(const std::vector<IpAddress>& servers);
/// What was done, for a line that begins with the file's name.
std::string describe(const task::ResolvConfChange& change);

}  // namespace taskdns::app
