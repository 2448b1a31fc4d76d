// The running daemon: binds, starts, serves until a signal, stops.
// Layer: app (may include all). Threads: run() blocks the main thread, which becomes the control thread; it starts
// the dns thread; base/log has the third. What crosses them: docs/decisions/0001-two-threads.md.
#pragma once

#include "base/result.hpp"
#include "config/config.hpp"
#include "config/load.hpp"

namespace taskdns::app {

/// Runs until SIGTERM or SIGINT. After SIGTERM answers go on while the task's other containers stop; a second signal
/// ends that, one more the process. Error: what could not be started, and how to mend it; nothing has been answered
/// then.
/// `config` is what `sources` say now; a reload reads them again.
Result<void> run_daemon(config::Config config, config::Sources sources);

}  // namespace taskdns::app
