// Where the daemon beside us listens for HTTP: for the commands that ask it.
// Layer: app (may include config). Threads: reads the configuration's files on the caller's.
#pragma once

#include <optional>
#include <string>

#include "app/commands.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace taskdns::app {

/// `http` (ADDRESS:PORT, from the command line), else the first configured listener; one on a wildcard address over
/// loopback. Error: invalid_config with every mistake of the configuration, or another code where `http` is no
/// address or there is no listener.
Result<SocketAddress> find_daemon(const ConfigPath& path, const std::optional<std::string>& http);

}  // namespace taskdns::app
