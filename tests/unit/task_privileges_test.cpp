// What a process has after it gave up what it does not need, as the kernel has it; in a child, since it is for good.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "task/privileges.hpp"

namespace taskdns::task {
namespace {

struct Sets {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};

    Sets() { syscall(SYS_capget, &header, words.data()); }
};

constexpr std::uint32_t bit(unsigned capability) { return 1U << capability; }

/// 0, or which of them is wrong.
int look(const Sets& before) {
    const Sets after;
    const std::uint32_t kept = bit(CAP_NET_BIND_SERVICE) | bit(CAP_DAC_OVERRIDE);
    if (after.words[0].permitted != (before.words[0].permitted & kept)) return 1;
    if (after.words[0].effective != (before.words[0].effective & bit(CAP_DAC_OVERRIDE))) return 2;
    if (after.words[0].inheritable != 0 || after.words[1].permitted != 0) return 3;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 4;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0) == 1) return 5;
    const bool may_limit = (before.words[0].effective & bit(CAP_SETPCAP)) != 0;
    for (unsigned long one = 0; may_limit && one <= CAP_LAST_CAP; ++one) {
        if (prctl(PR_CAPBSET_READ, one, 0, 0, 0) == 1) return 6;
    }
    return 0;
}

/// Its exit status; 100 and more where a signal ended it.
template <class Function>
int in_child(Function inside) {
    const pid_t child = fork();
    if (child == 0) _exit(inside());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

TEST(TaskPrivileges, LeavesThePortAndTheFilesAndNothingElse) {
    EXPECT_EQ(in_child([] {
                  const Sets before;
                  give_up_privileges();
                  return look(before);
              }),
              0);
}

TEST(TaskPrivileges, AreThoseOfTheThreadsMadeAfterwards) {
    EXPECT_EQ(in_child([] {
                  const Sets before;
                  give_up_privileges();
                  int wrong = -1;
                  std::thread([&] { wrong = look(before); }).join();
                  return wrong;
              }),
              0);
}

TEST(TaskPrivileges, SaysWhatIsLeft) {
    EXPECT_EQ(in_child([] {
                  Sets some;
                  some.words[0].permitted &= bit(CAP_NET_BIND_SERVICE);
                  const bool had_it = some.words[0].permitted != 0;
                  some.words[0].effective = 0;
                  some.words[1] = {};
                  if (syscall(SYS_capset, &some.header, some.words.data()) != 0) return 1;
                  give_up_privileges();
                  const Confinement now = read_privileges();
                  const std::vector<std::string> expected(had_it ? 1 : 0, "net_bind_service");
                  return now.no_new_privileges && now.capabilities == expected ? 0 : 2;
              }),
              0);
}

}  // namespace
}  // namespace taskdns::task
