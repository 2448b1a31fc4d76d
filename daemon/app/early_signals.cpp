// SIGTERM, SIGINT and SIGHUP before anything of ours waits for them. Layer: app.
#include "app/early_signals.hpp"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace taskdns::app {
namespace {

extern "C" void end_now(int signal) { ::_exit(128 + signal); }

}  // namespace

void end_by_early_signals() {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        struct sigaction before {};
        if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) {
            std::signal(signal, end_now);
        }
    }
}

}  // namespace taskdns::app
