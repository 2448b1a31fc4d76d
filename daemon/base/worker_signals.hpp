// The signals that a thread of ours does not take. Layer: base. Threads: any.
#pragma once

#include <signal.h>

namespace taskdns {

/// All, since they are the main thread's, but SIGSYS: that tells a thread of its own call (task/sandbox), and one
/// that blocks it would end the process.
inline sigset_t blocked_in_workers() {
    sigset_t blocked;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSYS);
    return blocked;
}

}  // namespace taskdns
