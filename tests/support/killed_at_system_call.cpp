// kill -9 at an exact moment, by ptrace(2).
#include "support/killed_at_system_call.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace taskdns::testing_support {
namespace {

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno) +
                             " (docker: --cap-add SYS_PTRACE, or a kernel of 5.3 or later)");
}

/// Kills and reaps it however this ends.
class Traced {
public:
    explicit Traced(pid_t pid) : pid_(pid) {}
    ~Traced() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, __WALL);
    }
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;

    /// Goes on until it is about to make a system call; false: it has ended.
    bool go_to_next_call() const {
        for (;;) {
            if (ptrace(PTRACE_SYSCALL, pid_, nullptr, 0) != 0) fail("ptrace");
            int status = 0;
            if (waitpid(pid_, &status, __WALL) != pid_) fail("waitpid");
            if (!WIFSTOPPED(status)) return false;
            __ptrace_syscall_info stop{};
            if (ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof stop, &stop) < 0) fail("PTRACE_GET_SYSCALL_INFO");
            if (stop.op == PTRACE_SYSCALL_INFO_ENTRY) return true;
        }
    }

private:
    pid_t pid_;
};

}  // namespace

Ending run_killed_at(unsigned call, const std::function<void()>& work) {
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
        raise(SIGSTOP);
        work();
        _exit(0);
    }
    const Traced child(pid);
    int status = 0;
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) fail("PTRACE_TRACEME");
    if (ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD) != 0) fail("PTRACE_O_TRACESYSGOOD");
    for (unsigned i = 0; i < call; ++i) {
        if (!child.go_to_next_call()) return Ending::completed;
    }
    return Ending::killed;
}

}  // namespace taskdns::testing_support
