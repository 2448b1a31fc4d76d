// What the sandbox refuses and what it lets through, asked of the kernel in a child process: a filter stays.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "task/sandbox.hpp"
#include "task/sandbox_filter.hpp"

namespace taskdns::task {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool has_sanitizer = true;
#elif defined(__has_feature)
constexpr bool has_sanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool has_sanitizer = false;
#endif

/// Runs `inside` in a child that is in the sandbox; what it returns, or 100 and more where it does not come back.
template <class Function>
int in_sandbox(Function inside) {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (!sandbox::enter()) _exit(99);
        _exit(inside());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/// 0: refused with EPERM and counted.
int refused(long outcome, std::uint64_t before) {
    const int error = errno;
    if (outcome != -1) return 1;
    if (error != EPERM) return 2;
    return sandbox::denied_calls() == before + 1 ? 0 : 3;
}

struct RefusedCase {
    const char* name;
    long (*call)();
};
void PrintTo(const RefusedCase& row, std::ostream* out) { *out << row.name; }

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, WithEpermAndCountedAndTheProcessLives) {
    if (has_sanitizer) return;
    EXPECT_EQ(in_sandbox([call = GetParam().call] {
                  errno = 0;
                  const std::uint64_t before = sandbox::denied_calls();
                  return refused(call(), before);
              }),
              0)
        << "1: it was done; 2: another error; 3: not counted once; 99: no sandbox; 131: SIGSYS ended it";
}

long map_executable() {
    void* const memory = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -1 : 0;
}

long make_executable() {
    void* const memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? 0 : mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

long run_a_program() {
    char* const argv[] = {const_cast<char*>("true"), nullptr};
    return execve("/bin/true", argv, nullptr);
}

long leave_the_session_in_another_thread() {
    long outcome = 0;
    int error = 0;
    std::thread([&] {
        outcome = syscall(SYS_setsid);
        error = errno;
    }).join();
    errno = error;
    return outcome;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Task, Refused,
    testing::Values(
        RefusedCase{"Execve",            run_a_program},
        RefusedCase{"Fork",              [] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
        RefusedCase{"NewNamespace",      [] { return syscall(SYS_unshare, CLONE_NEWUSER); }},
        RefusedCase{"Ptrace",            [] { return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }},
        RefusedCase{"OtherMemory",       [] { return syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0); }},
        RefusedCase{"FileByHandle",      [] { return syscall(SYS_open_by_handle_at, 0, 0, 0); }},
        RefusedCase{"PacketSocket",      [] { return long{socket(AF_PACKET, SOCK_DGRAM, 0)}; }},
        RefusedCase{"VsockSocket",       [] { return long{socket(AF_VSOCK, SOCK_STREAM, 0)}; }},
        RefusedCase{"ExecutableMapping", map_executable},
        RefusedCase{"MadeExecutable",    make_executable},
        RefusedCase{"TerminalControl",   [] { return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x"); }},
        RefusedCase{"Undumpable",        [] { return long{prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)}; }},
        RefusedCase{"Kill",              [] { return long{kill(getppid(), 0)}; }},
        RefusedCase{"KillOfAThread",     [] { return syscall(SYS_tgkill, getppid(), getppid(), 0); }},
        RefusedCase{"Mount",             [] { return syscall(SYS_mount, "a", "/", "tmpfs", 0, 0); }},
        RefusedCase{"IoUring",           [] { return syscall(SYS_io_uring_setup, 1, 0); }},
        RefusedCase{"Bpf",               [] { return syscall(SYS_bpf, 0, 0, 0); }},
        RefusedCase{"OthersLimits",      [] { return syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, 0, 0); }},
        RefusedCase{"Chmod",             [] { return syscall(SYS_fchmodat, AT_FDCWD, "/tmp", 0777); }},
        RefusedCase{"SecondFilter",      [] { return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0); }},
        RefusedCase{"NoSuchCall",        [] { return syscall(100'000); }},
        RefusedCase{"InAnotherThread",   leave_the_session_in_another_thread}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

#if defined(__x86_64__)
TEST(TaskSandbox, RefusesTheCallsOfOtherArchitectures) {
    if (has_sanitizer) return;
    EXPECT_EQ(in_sandbox([] {
                  const std::uint64_t before = sandbox::denied_calls();
                  errno = 0;
                  if (const int x32 = refused(syscall(0x40000000 | SYS_getpid), before)) return x32;
                  long result = 20;  // getpid of i386, which is writev here
                  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
                  if (result != -EPERM) return 20;
                  return sandbox::denied_calls() == before + 2 ? 0 : 21;
              }),
              0);
}
#endif

TEST(TaskSandbox, LetsThroughWhatTheDaemonDoes) {
    if (has_sanitizer) return;
    EXPECT_EQ(in_sandbox([] {
                  std::atomic<int> done{0};
                  std::thread([&] { ++done; }).join();
                  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}) {
                      const int socket_descriptor = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
                      if (socket_descriptor < 0) return 1;
                      close(socket_descriptor);
                  }
                  std::string large(std::size_t{4} << 20, 'x');  // mapped, and given back
                  large.append(large);
                  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
                  if (file < 0 || read(file, large.data(), 100) <= 0) return 2;
                  std::this_thread::sleep_for(1ms);
                  return done == 1 && sandbox::denied_calls() == 0 ? 0 : 3;
              }),
              0);
}

TEST(TaskSandbox, TakesInTheThreadsThatThereAre) {
    if (has_sanitizer) return;
    const pid_t child = fork();
    if (child == 0) {
        std::atomic<int> step{0};
        int error = 0;
        std::thread other([&] {
            while (step == 0) std::this_thread::sleep_for(1ms);
            if (syscall(SYS_setsid) < 0) error = errno;
        });
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (!sandbox::enter()) _exit(99);
        step = 1;
        other.join();
        _exit(error == EPERM && sandbox::denied_calls() == 1 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(TaskSandbox, NamesEachRefusedCallOnce) {
    if (has_sanitizer) return;
    EXPECT_EQ(in_sandbox([] {
                  run_a_program();
                  run_a_program();
                  syscall(SYS_setsid);
                  const std::vector<std::string> expected{"execve (" + std::to_string(SYS_execve) + ")",
                                                          std::to_string(SYS_setsid)};
                  std::vector<std::string> said = sandbox::new_denials();
                  std::sort(said.begin(), said.end(), std::greater<>());
                  if (!std::is_permutation(said.begin(), said.end(), expected.begin(), expected.end())) return 1;
                  run_a_program();
                  return sandbox::new_denials().empty() && sandbox::denied_calls() == 4 ? 0 : 2;
              }),
              0);
}

/// As a container's profile does that knows nothing of seccomp(2).
bool refuse_filters() {
    std::array<sock_filter, 4> program{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_seccomp},
                                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
                                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
    const sock_fprog filter{.len = program.size(), .filter = program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(TaskSandbox, SaysWhatIsInTheWayAndChangesNothing) {
    const pid_t child = fork();
    if (child == 0) {
        if (!refuse_filters()) _exit(99);
        const Result<void> entered = sandbox::enter();
        if (entered || sandbox::entered() || sandbox::descriptor() != -1) _exit(1);
        const bool named =
            entered.error().message.find(has_sanitizer ? "sanitizers" : "seccomp: ") != std::string::npos;
        _exit(named && syscall(SYS_getsid, 0) >= 0 ? 0 : 2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(TaskSandbox, IsNoLongerThanTheKernelTakes) {
    EXPECT_LE(build_sandbox_filter().size(), std::size_t{BPF_MAXINSNS});
}

}  // namespace
}  // namespace taskdns::task
