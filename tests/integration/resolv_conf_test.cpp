// resolv.conf in a task: /etc/resolv.conf is a bind mount, a VPC resolver stands in it at first, and getent is the
// application. What it prints: how long the application waits after kill -9 with `fallback`, and a restart without.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "support/managed_task.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

double ms_since(steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

class ResolvConf : public testing::Test {
protected:
    bool is_managed(const std::vector<std::string>& servers = {"127.0.0.1"}) const {
        return wait_until(3s, [&] { return task.name_servers() == servers; });
    }
    static void kill(DaemonUnderTest& daemon) {
        daemon.process().signal(SIGKILL);
        EXPECT_EQ(daemon.stop().status, std::optional(128 + SIGKILL));
    }

    const ManagedTask task;
};

TEST_F(ResolvConf, IsAMountWhereNothingCanBeRenamed) {
    const char* rename = "cd \"$1\"; touch mounted new; mount --bind /etc/resolv.conf mounted; mv -f new mounted";
    const TempDir dir;
    const Outcome moved = task.run_inside({"sh", "-c", rename, "sh", dir.path()});
    EXPECT_NE(moved.status, 0);
    EXPECT_THAT(moved.err, HasSubstr("busy"));
    const Outcome applied = task.taskdns({"resolv-conf", "apply"});
    EXPECT_EQ(applied.status, 0) << applied.err;
}

TEST_F(ResolvConf, MayBeMountedBehindALinkOfTheImage) {
    const char* link =
        "cd \"$1\"; ln -s target resolv.conf; touch target; for mounted in no yes; do\n"
        "  [ $mounted = no ] || mount --bind /etc/resolv.conf target\n"
        "  \"$2\" resolv-conf apply --path \"$1/resolv.conf\"; echo $mounted: $?\ndone";
    const TempDir dir;
    const Outcome applied = task.run_inside({"sh", "-c", link, "sh", dir.path(), taskdns_binary()});
    EXPECT_THAT(applied.out, HasSubstr("no: 1\n"));
    EXPECT_THAT(applied.out, HasSubstr("yes: 0\n")) << applied.err;
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
}

TEST_F(ResolvConf, IsManagedWhileTheDaemonRunsAndPutBackAtItsEnd) {
    {
        const DaemonUnderTest daemon(task.daemon_options("resolv_conf: {manage: true}\n"));
        ASSERT_TRUE(is_managed());
        std::set<std::string> first;
        for (int i = 0; i < 8; ++i) first.insert(task.first_address());
        EXPECT_THAT(first, SizeIs(4)) << "the rotation";
        EXPECT_EQ(task.first_address(ManagedTask::other_name), "10.0.9.8") << "forwarded to whom the file named";
        EXPECT_THAT(task.text(), HasSubstr("search eu.internal\n"));
        EXPECT_THAT(task.text(), HasSubstr("\noptions timeout:2 attempts:2\n"));
        EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"state\": \"managed\""));
        EXPECT_TRUE(daemon.says("resolv_conf: managed path=/etc/resolv.conf"));
    }
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(ResolvConf, KeepsTheFirstOriginalOverKillsAndOtherListeners) {
    const std::vector<std::pair<const char*, const char*>> starts{
        {"127.0.0.1", "127.0.0.1:53"}, {"127.0.0.2", "127.0.0.2:53,127.0.0.1:53"}, {"127.0.0.1", "127.0.0.1:53"}};
    for (const auto& [listener, listeners] : starts) {
        DaemonOptions options = task.daemon_options("resolv_conf: {manage: true}\n");
        options.environment["TASKDNS_DNS_LISTEN"] = listeners;
        DaemonUnderTest daemon(options);
        ASSERT_TRUE(is_managed({listener}));
        EXPECT_TRUE(wait_until(3s, [&] { return task.first_address(ManagedTask::other_name) == "10.0.9.8"; }))
            << "never asks itself, nor a listener of an earlier start";
        kill(daemon);
        EXPECT_THAT(task.name_servers(), ElementsAre(listener));
    }
    const Outcome restored = task.taskdns({"resolv-conf", "restore"});
    EXPECT_EQ(restored.status, 0) << restored.err;
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(ResolvConf, WithFallbackTheApplicationGoesOnAfterAKill) {
    double with_sidecar = 0;
    {
        DaemonUnderTest daemon(task.daemon_options("resolv_conf: {manage: true, fallback: true}\n"));
        ASSERT_TRUE(is_managed({"127.0.0.1", "10.0.1.2"}));
        const auto begin = steady_clock::now();
        EXPECT_NE(task.first_address(), ManagedTask::registered);
        with_sidecar = ms_since(begin);
        kill(daemon);
    }
    const auto begin = steady_clock::now();
    EXPECT_EQ(task.first_address(), ManagedTask::registered);
    const double after_kill = ms_since(begin);
    std::printf("getent with the sidecar: %.1f ms; after kill -9, by the fallback: %.1f ms\n", with_sidecar,
                after_kill);
    EXPECT_LT(after_kill, with_sidecar + 500) << "no timeout is waited for";
}

/// As the container's restart policy does it, while the VPC resolver says nothing: from the snapshot.
TEST_F(ResolvConf, WithoutFallbackTheRestartAnswers) {
    const TempDir dir;
    task.registry.set("polled.test", {"10.0.7.1"}, 1);
    DaemonOptions options =
        task.daemon_options("resolv_conf: {manage: true}\nsnapshot: " + (dir / "snapshot") + "\n");
    options.yaml += "  - {name: polled.test, record: A, health: {check: none}}\n";
    {
        DaemonUnderTest daemon(options);
        ASSERT_TRUE(is_managed());
        EXPECT_TRUE(
            wait_until(3s, [&] { return read_file(dir / "snapshot").find("10.0.7.1") != std::string::npos; }));
        kill(daemon);
    }
    task.registry.silence("polled.test");
    EXPECT_THAT(task.first_address("polled.test"), IsEmpty()) << "nobody else is asked";
    // What stands behind the mount, named by its path: entering the mount would be measured as well.
    const std::string in_place = "{manage: true";
    options.yaml.insert(options.yaml.find(in_place) + in_place.size(), ", path: " + task.file());

    std::vector<double> times;
    for (int i = 0; i < 11; ++i) {
        const auto begin = steady_clock::now();
        ChildProcess daemon({.argv = {taskdns_binary()},
                             .environment = {{"TASKDNS_CONFIG_CONTENT", options.yaml},
                                             {"TASKDNS_DNS_LISTEN", "127.0.0.1:53"},
                                             {"TASKDNS_UPSTREAM", "10.0.1.2"}}});
        DnsReply reply;
        while (!reply.arrived && ms_since(begin) < 3'000) {
            reply = ask({.name = "polled.test", .port = 53, .timeout = 1s});
            if (!reply.arrived) std::this_thread::sleep_for(100us);
        }
        times.push_back(ms_since(begin));
        EXPECT_THAT(reply.rdata("A"), ElementsAre("10.0.7.1"));
        daemon.signal(SIGKILL);
        daemon.wait(5s);
    }
    std::sort(times.begin(), times.end());
    std::printf(
        "kill -9, then exec to the restarted one's first answer, from the snapshot: %.1f ms median, %.1f max\n",
        times[times.size() / 2], times.back());
    EXPECT_LE(times[times.size() / 2], 250) << "the release binary takes less than 20";
}

TEST_F(ResolvConf, IsPutBackAtTheEndWithWhatOthersHaveAddedAboveOurs) {
    {
        const DaemonUnderTest daemon(task.daemon_options("resolv_conf: {manage: true}\n"));
        ASSERT_TRUE(is_managed());
        write_file(task.file(), "options edns0\n" + task.text());
        ASSERT_TRUE(is_managed());
    }
    EXPECT_EQ(task.text(), std::string("options edns0\n") + ManagedTask::original);
}

/// Whoever can read the file can keep it locked.
TEST_F(ResolvConf, IsPutBackAtTheEndEvenIfAnotherKeepsItLocked) {
    const Descriptor held(open(task.file().c_str(), O_RDONLY | O_CLOEXEC));
    DaemonUnderTest daemon(task.daemon_options("resolv_conf: {manage: true}\n"));
    ASSERT_TRUE(is_managed());
    ASSERT_EQ(flock(held.number(), LOCK_EX), 0);
    const auto stopped = daemon.stop();
    EXPECT_EQ(stopped.status, std::optional(0));
    EXPECT_LT(stopped.elapsed, 3s);
    EXPECT_EQ(task.text(), ManagedTask::original);
    EXPECT_TRUE(daemon.says("app: stopped cleanly=true"));
}

TEST_F(ResolvConf, ThatCannotBePutBackIsNotACleanEnd) {
    DaemonUnderTest daemon(task.daemon_options("resolv_conf: {manage: true, path: " + task.file() + "}\n"));
    ASSERT_TRUE(is_managed());
    std::filesystem::remove(task.file());
    EXPECT_EQ(daemon.stop().status, std::optional(0));
    EXPECT_TRUE(daemon.says("resolv_conf: not put back"));
    EXPECT_TRUE(daemon.says("app: stopped cleanly=false"));
}

TEST_F(ResolvConf, FollowsAReload) {
    const TempDir dir;
    const std::string file = dir / "taskdns.yaml";
    const auto configure = [&](const std::string& resolv_conf) {
        write_file(file, "listen: {dns: ['127.0.0.1:53'], http: ['127.0.0.1:8053']}\nresolv_conf: " + resolv_conf +
                             "\n" + task.daemon_options("").yaml);
    };
    configure("{manage: false}");
    DaemonOptions options = task.daemon_options("");
    options.yaml.clear();
    options.file = file;
    DaemonUnderTest daemon(options);
    const auto reload = [&](const std::string& resolv_conf) {
        configure(resolv_conf);
        daemon.process().signal(SIGHUP);
    };
    EXPECT_EQ(task.text(), ManagedTask::original);
    EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"resolv_conf\": null"));
    reload("{manage: true}");
    EXPECT_TRUE(is_managed());
    reload("{manage: true, fallback: true}");
    EXPECT_TRUE(is_managed({"127.0.0.1", "10.0.1.2"}));
    reload("{manage: false}");
    EXPECT_TRUE(wait_until(3s, [&] { return task.text() == ManagedTask::original; })) << task.text();
}

TEST_F(ResolvConf, ThatIsReadOnlyIsSaidAndTheDaemonGoesOn) {
    DaemonUnderTest daemon(task.daemon_options(
        "resolv_conf: {manage: true}\n", {"sh", "-c", "mount -o remount,bind,ro /etc/resolv.conf; exec \"$0\""}));
    EXPECT_TRUE(daemon.says("/etc/resolv.conf: is on a read-only file system (mount the file writable"));
    EXPECT_EQ(daemon.ask_a(ManagedTask::service).size(), 4U);
    EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"state\": \"failing\""));
    EXPECT_THAT(daemon.get("/metrics").body, HasSubstr("\ntaskdns_resolv_conf_failing 1\n"));
    const Outcome status = run({taskdns_binary(), "status", "--http", "127.0.0.1:8053"});
    EXPECT_THAT(status.out, HasSubstr("resolv.conf is not managed: /etc/resolv.conf: is on a read-only file system"));
    EXPECT_EQ(task.text(), ManagedTask::original);
}

/// A binary that user 65532 may execute, wherever the build directory is.
class ForEverybody {
public:
    ForEverybody() {
        std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
        std::filesystem::copy_file(taskdns_binary(), path());
    }
    std::string path() const { return dir_ / "taskdns"; }

private:
    TempDir dir_;
};

TEST_F(ResolvConf, OfAnotherUserIsSaidAndTheDaemonGoesOn) {
    const ForEverybody binary;
    DaemonUnderTest daemon(task.daemon_options(
        "resolv_conf: {manage: true}\n",
        {"setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--inh-caps=-all,+net_bind_service",
         "--ambient-caps=-all,+net_bind_service", "sh", "-c", "exec " + binary.path()}));
    EXPECT_TRUE(
        daemon.says("/etc/resolv.conf: the file of user 0 cannot be written by user 65532: Permission denied"));
    EXPECT_TRUE(daemon.says("run the sidecar as root"));
    EXPECT_EQ(daemon.ask_a(ManagedTask::service).size(), 4U);
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(ResolvConf, ThatARootContainerHasManagedNeedsNoRootAnyMore) {
    ASSERT_EQ(task.taskdns({"resolv-conf", "apply"}).status, 0);
    const ForEverybody binary;
    const DaemonUnderTest daemon(task.daemon_options(
        "resolv_conf: {manage: true}\n",
        {"setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--inh-caps=-all,+net_bind_service",
         "--ambient-caps=-all,+net_bind_service", "sh", "-c", "exec " + binary.path()}));
    EXPECT_TRUE(daemon.says("resolv_conf: managed path=/etc/resolv.conf"));
    EXPECT_EQ(task.first_address(ManagedTask::other_name), "10.0.9.8");
}

TEST_F(ResolvConf, IsAppliedAndRestoredByCommands) {
    const Outcome applied = task.taskdns({"resolv-conf", "apply", "--fallback"});
    EXPECT_EQ(applied.status, 0) << applied.err;
    EXPECT_EQ(applied.out,
              "/etc/resolv.conf: nameserver 127.0.0.1, 10.0.1.2 now; what was there before (nameserver 10.0.1.2) is "
              "saved in it\n");
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1", "10.0.1.2"));
    EXPECT_EQ(task.taskdns({"resolv-conf", "apply", "--fallback"}).out,
              "/etc/resolv.conf: nameserver 127.0.0.1, 10.0.1.2 already\n");
    const Outcome restored = task.taskdns({"resolv-conf", "restore"});
    EXPECT_EQ(restored.status, 0) << restored.err;
    EXPECT_EQ(restored.out, "/etc/resolv.conf: as it was before taskdns, nameserver 10.0.1.2\n");
    EXPECT_EQ(task.text(), ManagedTask::original);
    EXPECT_EQ(task.taskdns({"resolv-conf", "restore"}).out,
              "/etc/resolv.conf: not managed by taskdns, left as it is\n");
}

TEST_F(ResolvConf, CommandsSayWhatIsWrongByTheirExitStatus) {
    const auto apply = [&](const std::map<std::string, std::string>& environment, const std::string& path) {
        return task.run_inside({taskdns_binary(), "resolv-conf", "apply", "--path", path}, environment);
    };
    EXPECT_EQ(apply({}, "/nonexistent/resolv.conf").status, 1);
    const Outcome no_port = apply({{"TASKDNS_DNS_LISTEN", "127.0.0.1:5353"}}, "/etc/resolv.conf");
    EXPECT_EQ(no_port.status, 1);
    EXPECT_THAT(no_port.err, HasSubstr("no listener is on port 53"));
    EXPECT_EQ(apply({{"TASKDNS_CONFIG_CONTENT", "resolv_conf: 1"}}, "/etc/resolv.conf").status, 2);
    const Outcome restored =
        task.run_inside({taskdns_binary(), "resolv-conf", "restore"}, {{"TASKDNS_CONFIG_CONTENT", "resolv_conf: 1"}});
    EXPECT_EQ(restored.status, 0) << "it needs nothing but the path";
    EXPECT_THAT(restored.err, HasSubstr("the configuration has mistakes, so /etc/resolv.conf is taken"));
    EXPECT_EQ(task.taskdns({"resolv-conf"}).status, 2);
    EXPECT_EQ(task.taskdns({"resolv-conf", "remove"}).status, 2);
    const Outcome silent =
        apply({{"TASKDNS_DNS_LISTEN", "10.0.1.5:53"}, {"TASKDNS_CONFIG_CONTENT", "listen: {allow: [10.9.0.0/16]}"}},
              "/etc/resolv.conf");
    EXPECT_EQ(silent.status, 1);
    EXPECT_THAT(silent.err, HasSubstr("cannot name 10.0.1.5, from where this host's own queries to it come"));
    EXPECT_EQ(task.text(), ManagedTask::original);
    const Outcome wildcard =
        apply({{"TASKDNS_DNS_LISTEN", "0.0.0.0:53"}, {"TASKDNS_CONFIG_CONTENT", "listen: {allow: [10.0.0.0/8]}"}},
              "/etc/resolv.conf");
    EXPECT_EQ(wildcard.status, 0) << wildcard.err;
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
}

}  // namespace
}  // namespace taskdns::testing_support
