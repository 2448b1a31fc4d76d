// The system calls that the running daemon has a use for, as a program for the kernel (seccomp(2)).
// Layer: task. Pure. Why each call is there, and how the list was found:
// docs/decisions/0028-what-a-taken-process-can-do.md.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace taskdns::task {

/// What it lets through is done; everything else, and every call of another architecture, is a SIGSYS to the calling
/// thread (task/sandbox).
std::vector<sock_filter> build_sandbox_filter();

/// The name of a call that somebody who has taken the process may try; empty for the others.
const char* name_of_call(int number);

}  // namespace taskdns::task
