// A restart that fails to start, and what resolv.conf, which the killed daemon has left naming itself, is then.
#include <csignal>
#include <optional>

#include <gmock/gmock.h>

#include "support/managed_task.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* put_back =
    "taskdns: /etc/resolv.conf: as it was before taskdns again, nameserver 10.0.1.2, since nobody answers at "
    "127.0.0.1\n";

class ResolvConfRestart : public testing::Test {
protected:
    static constexpr const char* managed = "resolv_conf: {manage: true}\n";

    std::unique_ptr<DaemonUnderTest> start() const {
        auto daemon = std::make_unique<DaemonUnderTest>(task.daemon_options(managed));
        EXPECT_TRUE(wait_until(3s, [&] { return task.name_servers() == names_us; }));
        return daemon;
    }
    void leave_behind() const {
        const auto daemon = start();
        daemon->process().signal(SIGKILL);
        EXPECT_EQ(daemon->stop().status, std::optional(128 + SIGKILL));
        EXPECT_EQ(task.name_servers(), names_us);
    }
    Outcome restart(const std::string& yaml, const std::vector<std::string>& launcher = {}) const {
        std::vector<std::string> argv = launcher;
        argv.push_back(taskdns_binary());
        return task.run_inside(argv, {{"TASKDNS_CONFIG_CONTENT", task.daemon_options(yaml).yaml}});
    }

    const ManagedTask task;
    const std::vector<std::string> names_us{"127.0.0.1"};
};

TEST_F(ResolvConfRestart, ThatFindsItsPortTakenPutsItBack) {
    leave_behind();
    const TcpAcceptor other(8053);
    const Outcome outcome = restart(managed);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("cannot listen for HTTP"));
    EXPECT_THAT(outcome.err, testing::EndsWith(put_back));
    EXPECT_EQ(task.text(), ManagedTask::original);
    EXPECT_EQ(task.first_address(ManagedTask::other_name), "10.0.9.8");
}

TEST_F(ResolvConfRestart, WithMistakesInItsConfigurationPutsItBack) {
    leave_behind();
    const Outcome outcome = restart("nonsense: 1\n");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr("nonsense: unknown key"));
    EXPECT_THAT(outcome.err, testing::EndsWith(put_back));
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(ResolvConfRestart, SaysWhyItCannotPutItBack) {
    leave_behind();
    const Outcome outcome =
        restart("nonsense: 1\n", {"sh", "-c", "mount -o remount,bind,ro /etc/resolv.conf; exec \"$0\""});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr("taskdns: /etc/resolv.conf: is on a read-only file system"));
    EXPECT_THAT(outcome.err, testing::EndsWith("; so it still names taskdns, where nobody answers\n"));
}

/// Somebody in the task has typed `taskdns`.
TEST_F(ResolvConfRestart, BesideARunningOneLeavesItAlone) {
    const auto daemon = start();
    const std::string before = task.text();
    for (const char* yaml : {managed, "nonsense: 1\n"}) {
        const Outcome second = restart(yaml);
        EXPECT_NE(second.status, 0);
        EXPECT_THAT(second.err, Not(HasSubstr("/etc/resolv.conf")));
        EXPECT_EQ(task.text(), before);
    }
}

TEST_F(ResolvConfRestart, LeavesAFileAloneThatIsNotOurs) {
    write_file(task.file(), "nameserver 127.0.0.1\n");
    const Outcome outcome = restart("nonsense: 1\n");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, Not(HasSubstr("/etc/resolv.conf")));
    EXPECT_EQ(task.text(), "nameserver 127.0.0.1\n");
}

}  // namespace
}  // namespace taskdns::testing_support
