// The system calls that the running daemon has a use for. Layer: task.
#include "task/sandbox_filter.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace taskdns::task {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "task/sandbox_filter knows x86_64 and aarch64"
#endif

// Cheapest first, where the kernel does not keep the verdicts in a bitmap (before Linux 5.11): what an answer takes,
// then what everything else does.
constexpr auto whole_calls = std::to_array<int>({
    SYS_recvmmsg, SYS_sendmmsg, SYS_sendto, SYS_epoll_pwait, SYS_recvmsg, SYS_sendmsg, SYS_recvfrom, SYS_read,
        SYS_write, SYS_futex, SYS_epoll_ctl, SYS_close, SYS_clock_gettime, SYS_timerfd_settime,
#if defined(__x86_64__)
        SYS_epoll_wait,
#endif
        // Sockets; socket() itself is below.
        SYS_bind, SYS_connect, SYS_listen, SYS_accept, SYS_accept4, SYS_shutdown, SYS_getsockname, SYS_getpeername,
        SYS_setsockopt, SYS_getsockopt, SYS_readv, SYS_writev, SYS_ppoll, SYS_pselect6, SYS_fcntl, SYS_dup, SYS_dup3,
        SYS_pipe2, SYS_eventfd2, SYS_epoll_create1, SYS_timerfd_create, SYS_timerfd_gettime,
        // Files: configuration, snapshot, resolv.conf, certificates, /proc.
        SYS_openat, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_lseek, SYS_pread64, SYS_pwrite64, SYS_ftruncate,
        SYS_fsync, SYS_fdatasync, SYS_flock, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_readlinkat, SYS_faccessat,
        SYS_faccessat2, SYS_getdents64, SYS_getcwd, SYS_fadvise64, SYS_statfs, SYS_fstatfs, SYS_umask,
        // Memory; mmap() and mprotect() are below.
        SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
        // Threads, signals, time; clone() is below.
        SYS_set_robust_list, SYS_set_tid_address, SYS_rseq, SYS_sched_yield, SYS_sched_getaffinity, SYS_getcpu,
        SYS_exit, SYS_exit_group, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait,
        SYS_sigaltstack, SYS_restart_syscall, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_getres, SYS_gettimeofday,
        // Who we are and what we have; capset(): task/bind_capability.
        SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_uname, SYS_sysinfo,
        SYS_getrusage, SYS_times, SYS_getrandom, SYS_capget, SYS_capset,
#if defined(__x86_64__)
        // What newer architectures have no more, and older libraries still use.
        SYS_open, SYS_stat, SYS_lstat, SYS_poll, SYS_select, SYS_access, SYS_rename, SYS_unlink, SYS_readlink,
        SYS_pipe, SYS_dup2, SYS_epoll_create, SYS_getrlimit, SYS_time, SYS_arch_prctl,
#endif
});

enum class Verdict {
    one_of,    ///< the argument is one of the values
    has_any,   ///< it has one of the bits
    has_none,  ///< it has none of them
};

/// Of the argument the kernel looks at these 32 bits, too, or refuses what has others.
struct PartialCall {
    int number;
    unsigned argument;
    Verdict verdict;
    std::array<std::uint32_t, 4> values;
    unsigned count;
};

constexpr auto partial_calls = std::to_array<PartialCall>({
    {SYS_socket, 0, Verdict::one_of, {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}, 4},
    {SYS_mmap, 2, Verdict::has_none, {PROT_EXEC}, 1},
    {SYS_mprotect, 2, Verdict::has_none, {PROT_EXEC}, 1},
    {SYS_clone, 0, Verdict::has_any, {CLONE_THREAD}, 1},
    {SYS_ioctl, 1, Verdict::one_of, {FIONBIO, FIONREAD, TCGETS}, 3},
    {SYS_prctl, 0, Verdict::one_of, {PR_SET_NAME, PR_GET_NAME, PR_GET_NO_NEW_PRIVS}, 3},
    {SYS_prlimit64, 0, Verdict::one_of, {0}, 1},  // our own limits
});

using Program = std::vector<sock_filter>;

sock_filter load(std::size_t offset) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)}; }

/// The next instruction if the value in hand is (has) `value`, else the one behind that.
sock_filter if_is(std::uint32_t value) { return {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value}; }
sock_filter if_has(std::uint32_t bits) { return {BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits}; }
sock_filter end(std::uint32_t verdict) { return {BPF_RET | BPF_K, 0, 0, verdict}; }

void add(Program& out, std::initializer_list<sock_filter> instructions) { out.insert(out.end(), instructions); }

void add(Program& out, const PartialCall& call) {
    Program body{load(offsetof(seccomp_data, args) + sizeof(std::uint64_t) * call.argument)};  // little-endian
    const bool allows = call.verdict != Verdict::has_none;
    for (unsigned i = 0; i < call.count; ++i) {
        const std::uint32_t value = call.values.at(i);
        add(body, {call.verdict == Verdict::one_of ? if_is(value) : if_has(value),
                   end(allows ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP)});
    }
    body.push_back(end(allows ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW));
    sock_filter test = if_is(static_cast<std::uint32_t>(call.number));
    test.jf = static_cast<std::uint8_t>(body.size());
    out.push_back(test);
    out.insert(out.end(), body.begin(), body.end());
}

}  // namespace

std::vector<sock_filter> build_sandbox_filter() {
    Program out;
    add(out, {load(offsetof(seccomp_data, arch)),
              {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, architecture},
              end(SECCOMP_RET_TRAP),
              load(offsetof(seccomp_data, nr))});
    for (const int call : whole_calls) {
        add(out, {if_is(static_cast<std::uint32_t>(call)), end(SECCOMP_RET_ALLOW)});
    }
    for (const PartialCall& call : partial_calls) add(out, call);
    // abort() signals its own thread.
    add(out, {SYS_tgkill, 0, Verdict::one_of, {static_cast<std::uint32_t>(getpid())}, 1});
    // Its flags are in memory, where no filter looks. The C library then takes clone().
    add(out, {if_is(SYS_clone3), end(SECCOMP_RET_ERRNO | ENOSYS), end(SECCOMP_RET_TRAP)});
    return out;
}

const char* name_of_call(int number) {
    static constexpr auto names = std::to_array<std::pair<int, const char*>>({
        {SYS_execve, "execve"},
        {SYS_execveat, "execveat"},
        {SYS_clone, "clone"},
        {SYS_ptrace, "ptrace"},
        {SYS_socket, "socket"},
        {SYS_socketpair, "socketpair"},
        {SYS_mmap, "mmap"},
        {SYS_mprotect, "mprotect"},
        {SYS_ioctl, "ioctl"},
        {SYS_prctl, "prctl"},
        {SYS_kill, "kill"},
        {SYS_tgkill, "tgkill"},
        {SYS_prlimit64, "prlimit64"},
        {SYS_mount, "mount"},
        {SYS_unshare, "unshare"},
        {SYS_setns, "setns"},
        {SYS_bpf, "bpf"},
        {SYS_keyctl, "keyctl"},
        {SYS_io_uring_setup, "io_uring_setup"},
        {SYS_chroot, "chroot"},
        {SYS_open_by_handle_at, "open_by_handle_at"},
        {SYS_setuid, "setuid"},
        {SYS_process_vm_readv, "process_vm_readv"},
        {SYS_fchmodat, "fchmodat"},
        {SYS_memfd_create, "memfd_create"},
        {SYS_inotify_init1, "inotify_init1"},
    });
    for (const auto& [call, name] : names) {
        if (call == number) return name;
    }
    return "";
}

}  // namespace taskdns::task
