// The command line: subcommands, flags, --help. Exit status: 0 well, 1 failed, 2 wrong configuration or usage.
// Layer: app (may include all, CLI11).
#pragma once

namespace taskdns::app {

int run_command_line(int argc, char** argv);

}  // namespace taskdns::app
