// What the daemon gives up when it starts, since it needs none of it:
// docs/decisions/0028-what-a-taken-process-can-do.md. Layer: task (may include base). Threads: privileges belong to a
// thread, and the threads that it makes take them over: so before any is made. Never in `exec`, which becomes the
// application.
#pragma once

#include "task/confinement.hpp"

namespace taskdns::task {

/// Keeps, of what it has, the right to low ports (permitted: task/bind_capability raises it) and the one to files of
/// other users (resolv.conf, snapshot, certificates); nothing that it could execute would gain anything. What cannot
/// be given up stays: read_privileges() says what is so.
void give_up_privileges();

/// Of the calling thread; without what task/sandbox knows.
Confinement read_privileges();

}  // namespace taskdns::task
