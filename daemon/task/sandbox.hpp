// The daemon without the system calls that it has no use for (`sandbox: on`): refused with EPERM and counted, never
// the process's end. What is let through: task/sandbox_filter. Layer: task (may include base). Threads: it is over
// all threads of the process, for good, and so are its counters; enter() and new_denials() are for one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace taskdns::task::sandbox {

/// Needs no_new_privs (task/privileges). No thread may block SIGSYS: the kernel would end the process where it cannot
/// tell a thread of a call that is refused. Error: what is in the way; then nothing has changed.
Result<void> enter();
bool entered();

std::uint64_t denied_calls();

/// Readable once there is something in new_denials(); -1 outside of the sandbox. It stays open.
int descriptor();

/// Calls that were refused for the first time since this was last asked: "execve (59)".
std::vector<std::string> new_denials();

}  // namespace taskdns::task::sandbox
