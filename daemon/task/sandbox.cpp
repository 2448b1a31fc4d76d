// A filter, and the handler of the signal that it gives to who is refused. Layer: task.
#include "task/sandbox.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "task/sandbox_filter.hpp"

// Their own threads and their leak checker take more.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TASKDNS_HAS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TASKDNS_HAS_SANITIZER
#endif
#endif

namespace taskdns::task::sandbox {
namespace {

// What a signal handler may touch: lock-free, and never destroyed.
constexpr std::size_t last_number = 1023;  // it stands for those above, too: no architecture has them
std::atomic<std::uint64_t> denied{0};
std::atomic<int> bell{-1};
std::array<std::atomic<bool>, last_number + 1> seen{};
std::array<bool, last_number + 1> told{};  // of new_denials()
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);

void fail_call(ucontext_t& interrupted) {
#if defined(__x86_64__)
    interrupted.uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    interrupted.uc_mcontext.regs[0] = static_cast<unsigned long long>(-EPERM);
#endif
}

extern "C" void on_denied_call(int, siginfo_t* info, void* context) {
    constexpr int from_seccomp = 1;  // SYS_SECCOMP, which not every C library names; else somebody's kill(2)
    if (info->si_code != from_seccomp) return;
    const int before = errno;
    denied.fetch_add(1, std::memory_order_relaxed);
    const auto number = static_cast<unsigned>(info->si_syscall);
    if (!seen[std::min<std::size_t>(number, last_number)].exchange(true)) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t rung = ::write(bell.load(), &one, sizeof one);
    }
    fail_call(*static_cast<ucontext_t*>(context));
    errno = before;
}

Error failed(const char* what) {
    return {Errc::denied, std::string(what) + ": " + std::generic_category().message(errno)};
}

[[maybe_unused]] Result<void> set_filter() {
    if (bell.load() < 0) bell.store(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (bell.load() < 0) return failed("eventfd");
    struct sigaction action {};
    action.sa_sigaction = on_denied_call;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (::sigaction(SIGSYS, &action, nullptr) != 0) return failed("sigaction");
    sigset_t signal;
    sigemptyset(&signal);
    sigaddset(&signal, SIGSYS);
    ::pthread_sigmask(SIG_UNBLOCK, &signal, nullptr);  // we may have been started with any mask

    std::vector<sock_filter> filter = build_sandbox_filter();
    sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
    const long outcome = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (outcome < 0) return failed("seccomp");
    if (outcome > 0) return Error{Errc::denied, "seccomp: a thread has a filter of its own"};
    return {};
}

std::atomic<bool> in_force{false};

}  // namespace

Result<void> enter() {
    if (in_force.load()) return {};
#if defined(TASKDNS_HAS_SANITIZER)
    return Error{Errc::denied, "this build has sanitizers, which need more system calls"};
#else
    Result<void> outcome = set_filter();
    if (outcome) in_force.store(true);
    return outcome;
#endif
}

bool entered() { return in_force.load(); }

std::uint64_t denied_calls() { return denied.load(std::memory_order_relaxed); }

int descriptor() { return in_force.load() ? bell.load() : -1; }

std::vector<std::string> new_denials() {
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t size = ::read(bell.load(), &rings, sizeof rings);
    std::vector<std::string> out;
    for (std::size_t number = 0; number <= last_number; ++number) {
        if (!seen[number].load() || std::exchange(told[number], true)) continue;
        const std::string name = name_of_call(static_cast<int>(number));
        out.push_back(name.empty() ? std::to_string(number) : name + " (" + std::to_string(number) + ")");
    }
    return out;
}

}  // namespace taskdns::task::sandbox
