// What /proc says of a process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace taskdns::testing_support {

/// `CapEff:`, `Seccomp:` and the like, of each thread: a test can be wrong about which thread is which.
std::vector<std::string> of_each_thread(pid_t pid, const std::string& name);

}  // namespace taskdns::testing_support
