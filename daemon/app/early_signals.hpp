// SIGTERM, SIGINT and SIGHUP before anything of ours waits for them.
// Layer: app. Threads: any; call it first of all.
#pragma once

namespace taskdns::app {

/// From now on each of them ends the process at once with 128 + its number, also as process 1 of a container, to
/// which the kernel delivers no signal that nobody handles (pid_namespaces(7)). One that whoever started us lets pass
/// stays ignored. What execve(2) starts gets the default actions back.
void end_by_early_signals();

}  // namespace taskdns::app
