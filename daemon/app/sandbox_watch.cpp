// Enters the sandbox, and logs what it refuses. Layer: app.
#include "app/sandbox_watch.hpp"

#include <fcntl.h>

#include <utility>

#include "base/log.hpp"
#include "task/privileges.hpp"
#include "task/sandbox.hpp"

namespace taskdns::app {

task::Confinement read_confinement() {
    task::Confinement out = task::read_privileges();
    out.sandboxed = task::sandbox::entered();
    out.denied_calls = task::sandbox::denied_calls();
    return out;
}

void SandboxWatch::set(bool wanted) {
    if (wanted == task::sandbox::entered()) return;
    if (wanted) return enter();
    log::warning("app", "the sandbox stays until a restart");
}

void SandboxWatch::enter() {
    const Result<void> entered = task::sandbox::enter();
    if (!entered) {
        log::error("app", "no sandbox", {{"reason", entered.error().message}});
        return;
    }
    // The handler of a refused call writes to the other one until the very end.
    const int bell = ::fcntl(task::sandbox::descriptor(), F_DUPFD_CLOEXEC, 0);
    if (bell < 0) return;  // no descriptors: the calls are counted all the same
    bell_.emplace(executor_, bell);
    watch();
}

void SandboxWatch::watch() {
    bell_->async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        for (const std::string& call : task::sandbox::new_denials()) {
            log::error("app", "the sandbox refused a system call", {{"call", call}});
        }
        watch();
    });
}

}  // namespace taskdns::app
