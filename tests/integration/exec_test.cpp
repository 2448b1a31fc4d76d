// `taskdns exec -- CMD`: the application's command behind a sidecar that may be late, absent or in the way.
// What it prints: what exec adds to a command's start.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <optional>

#include <gmock/gmock.h>

#include "support/managed_task.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Exec : public testing::Test {
protected:
    std::vector<std::string> command(const std::vector<std::string>& options,
                                     const std::vector<std::string>& cmd) const {
        std::vector<std::string> out{taskdns_binary(), "exec"};
        out.insert(out.end(), options.begin(), options.end());
        out.push_back("--");
        out.insert(out.end(), cmd.begin(), cmd.end());
        return task.network.with_own_resolver(out);
    }
    Outcome exec(const std::vector<std::string>& options, const std::vector<std::string>& cmd,
                 const std::map<std::string, std::string>& environment = {}) const {
        return run(command(options, cmd), environment);
    }
    std::unique_ptr<DaemonUnderTest> start(const std::string& yaml = "",
                                           const std::map<std::string, std::string>& environment = {},
                                           std::uint16_t dns_port = 53) const {
        DaemonOptions options = task.daemon_options(yaml);
        options.environment = environment;
        options.dns_port = dns_port;
        auto daemon = std::make_unique<DaemonUnderTest>(options);
        EXPECT_TRUE(daemon->wait_until_ready());
        return daemon;
    }

    const ManagedTask task;
    const TempDir dir;
};

TEST_F(Exec, PointsTheFileAtTheDaemonAndBecomesTheCommand) {
    const auto daemon = start();
    const Outcome outcome = exec({},
                                 {"sh", "-c", "getent ahostsv4 one.test | head -1; echo \"$VAR\" \"$@\"; cat; exit 7",
                                  "sh", "--wait", "--", "-x"},
                                 {{"VAR", "kept"}});
    EXPECT_EQ(outcome.status, 7);
    EXPECT_THAT(outcome.out, HasSubstr("kept --wait -- -x\n"));
    EXPECT_THAT(outcome.out, testing::StartsWith("10.0."));
    EXPECT_THAT(outcome.out, testing::Not(HasSubstr(ManagedTask::registered)));
    EXPECT_THAT(outcome.err, IsEmpty());
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
    EXPECT_EQ(task.taskdns({"resolv-conf", "restore"}).status, 0);
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(Exec, TakesTheFallbackWhereItIsAskedFor) {
    const auto daemon = start();
    EXPECT_EQ(exec({"--fallback"}, {"true"}).status, 0);
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1", "10.0.1.2"));
}

TEST_F(Exec, WaitsForADaemonThatIsLate) {
    ChildProcess shim({.argv = command({}, {"sh", "-c", "getent ahostsv4 one.test | head -1"}),
                       .stdout_path = dir / "out",
                       .stderr_path = dir / "err"});
    EXPECT_FALSE(shim.wait(300ms));
    const auto daemon = start();
    EXPECT_EQ(shim.wait(5s), std::optional(0)) << read_file(dir / "err");
    EXPECT_THAT(read_file(dir / "err"), IsEmpty());
    EXPECT_THAT(read_file(dir / "out"), AllOf(testing::StartsWith("10.0."), testing::Not(HasSubstr("10.0.9.9"))));
}

TEST_F(Exec, RunsTheCommandWithoutADaemon) {
    const auto begin = steady_clock::now();
    const Outcome outcome = exec({"--wait", "300ms"}, {"sh", "-c", "getent ahostsv4 one.test | head -1"});
    EXPECT_GE(steady_clock::now() - begin, 300ms);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, HasSubstr(ManagedTask::registered));
    EXPECT_EQ(
        outcome.err,
        "taskdns exec: taskdns is not ready within 300ms (127.0.0.1:8053: Connection refused); /etc/resolv.conf "
        "is left as it is; the command runs\n");
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(Exec, RunsNothingWithoutADaemonThatIsRequired) {
    const Outcome outcome = exec({"--wait", "100ms", "--require"}, {"echo", "runs"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr("taskdns is not ready within 100ms"));
}

TEST_F(Exec, LeavesTheFileToASidecarThatManagesIt) {
    const auto daemon = start("resolv_conf: {manage: true, fallback: true}\n");
    ASSERT_TRUE(wait_until(3s, [&] { return task.name_servers().size() == 2; }));
    const std::string before = task.text();
    EXPECT_EQ(exec({}, {"true"}).status, 0);
    EXPECT_EQ(task.text(), before);
}

TEST_F(Exec, RunsTheCommandWhereTheFileCannotBeWritten) {
    const auto daemon = start();
    std::vector<std::string> inside{
        "sh", "-c", "mount -o remount,bind,ro /etc/resolv.conf; exec \"$@\"", "sh", taskdns_binary(), "exec"};
    for (const bool require : {false, true}) {
        std::vector<std::string> argv = inside;
        if (require) argv.push_back("--require");
        argv.insert(argv.end(), {"--", "echo", "runs"});
        const Outcome outcome = task.run_inside(argv);
        EXPECT_EQ(outcome.status, require ? 1 : 0);
        EXPECT_EQ(outcome.out, require ? "" : "runs\n");
        EXPECT_THAT(outcome.err, HasSubstr("/etc/resolv.conf: is on a read-only file system"));
    }
}

TEST_F(Exec, IsNotStoppedByAConfigurationThatIsNotItsOwn) {
    const auto daemon = start();
    const Outcome outcome = exec({}, {"echo", "runs"}, {{"TASKDNS_CONFIG_CONTENT", "nonsense: 1"}});
    EXPECT_EQ(outcome.out, "runs\n");
    EXPECT_THAT(outcome.err, HasSubstr("the default address is asked"));
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
}

/// Prometheus may scrape it, and is told nothing else: nor are we.
TEST_F(Exec, FindsADaemonWhoseHttpIsNotOnLoopback) {
    const auto daemon =
        start("listen: {http: ['0.0.0.0:8053'], allow: [10.0.0.0/8]}\n", {{"TASKDNS_HTTP_LISTEN", ""}});
    ASSERT_EQ(daemon->get("/v1/status").status, 403);
    const Outcome outcome = exec({}, {"sh", "-c", "getent ahostsv4 one.test | head -1"});
    EXPECT_THAT(outcome.err, IsEmpty());
    EXPECT_THAT(outcome.out, testing::Not(HasSubstr(ManagedTask::registered)));
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));

    ASSERT_EQ(task.taskdns({"resolv-conf", "restore"}).status, 0);
    const Outcome elsewhere = exec({}, {"echo", "runs"}, {{"TASKDNS_DNS_LISTEN", "127.0.0.2:53"}});
    EXPECT_EQ(elsewhere.out, "runs\n");
    EXPECT_THAT(elsewhere.err, HasSubstr("nobody answers at 127.0.0.2:53, where taskdns listens, as the "
                                         "configuration of this container says"));
    EXPECT_EQ(task.text(), ManagedTask::original);
}

TEST_F(Exec, NamesNoListenerThatDoesNotAnswerThisHost) {
    const auto daemon =
        start("listen: {allow: [10.9.0.0/16]}\n", {{"TASKDNS_DNS_LISTEN", "10.0.1.5:53,127.0.0.1:5353"}}, 5353);
    const Outcome outcome = exec({}, {"echo", "runs"});
    EXPECT_EQ(outcome.out, "runs\n");
    EXPECT_THAT(outcome.err,
                HasSubstr("nobody answers at 10.0.1.5:53, where taskdns listens, as 127.0.0.1:8053 says"));
    EXPECT_EQ(task.text(), ManagedTask::original);
}

/// Whoever comes first may listen on port 8053, and root writes the file of all containers.
TEST_F(Exec, TakesNobodysWordForANameServerElsewhere) {
    const char* impostor =
        "import http.server, sys\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "        self.wfile.write(sys.argv[1].encode())\n"
        "http.server.HTTPServer(('127.0.0.1', 8053), Handler).serve_forever()\n";
    const auto exec_beside = [&](const std::string& says) {
        const ChildProcess process({.argv = {"python3", "-c", impostor, says}});
        EXPECT_TRUE(wait_until(5s, [] { return http_get(8053, "/readyz").status == 200; }));
        const Outcome outcome = exec({"--fallback"}, {"echo", "runs"});
        EXPECT_EQ(outcome.out, "runs\n");
        return outcome.err;
    };
    const std::string upstream = "\"upstream\": [{\"address\": \"6.6.6.6:53\"}]";
    // Where a query would be answered, so that nothing else stops it.
    EXPECT_THAT(exec_beside("{\"dns_listeners\": [\"10.0.1.2:53\"], " + upstream + "}"),
                HasSubstr("127.0.0.1:8053 says 10.0.1.2:53, which is no address of this host"));
    EXPECT_EQ(task.text(), ManagedTask::original);

    const auto daemon = std::make_unique<DaemonUnderTest>([&] {
        DaemonOptions options = task.daemon_options("");
        options.http_port = 8054;
        return options;
    }());
    write_file(task.file(), "nameserver 127.0.0.1\nsearch eu.internal\n");
    task.taskdns({"resolv-conf", "apply", "--fallback"});
    write_file(task.file(), "search eu.internal\n");
    EXPECT_THAT(exec_beside("{\"dns_listeners\": [\"6.6.6.6:53\", \"127.0.0.1:53\"], " + upstream + "}"), IsEmpty());
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1", "169.254.169.253"));
}

TEST_F(Exec, GivesTheCommandAnotherUserOnceTheFileIsWritten) {
    const auto daemon = start();
    const Outcome outcome = task.run_inside({"setpriv", "--groups=4242", taskdns_binary(), "exec", "--user",
                                             "65532:65533", "--", "sh", "-c", "id -u; id -g; id -G"});
    EXPECT_EQ(outcome.out, "65532\n65533\n65533\n") << outcome.err;
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
    EXPECT_EQ(exec({"--user", "65532"}, {"sh", "-c", "id -u; id -g"}).out, "65532\n65532\n");
}

TEST_F(Exec, RunsNothingAsRootThatShouldRunAsAnother) {
    // setuid needs CAP_SETUID, of which nothing is left here.
    const Outcome outcome =
        task.run_inside({"setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid", taskdns_binary(),
                         "exec", "--wait", "0s", "--user", "65532", "--", "id"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr("cannot become user 65532, group 65532"));
}

TEST_F(Exec, LeavesSignalsToTheCommand) {
    const auto daemon = start();
    ChildProcess shim(
        {.argv = command({}, {"sh", "-c", "trap 'echo term; exit 9' TERM; echo begun; while :; do sleep 0.05; done"}),
         .stdout_path = dir / "out",
         .stderr_path = dir / "err"});
    ASSERT_TRUE(wait_until(5s, [&] { return read_file(dir / "out") == "begun\n"; })) << read_file(dir / "err");
    shim.signal(SIGTERM);
    EXPECT_EQ(shim.wait(5s), std::optional(9));
    EXPECT_EQ(read_file(dir / "out"), "begun\nterm\n");
}

/// As process 1 of a container, to which SIGTERM does nothing by default.
TEST_F(Exec, EndsBySigtermWhileItWaitsAsTheFirstProcess) {
    ChildProcess shim(
        {.argv = task.network.with_own_resolver({"unshare", "--pid", "--fork", "--kill-child", taskdns_binary(),
                                                 "exec", "--wait", "1m", "--", "true"})});
    const std::optional<pid_t> waiting = shim.child("taskdns");
    ASSERT_TRUE(waiting);
    EXPECT_FALSE(shim.wait(300ms));
    kill(*waiting, SIGTERM);
    EXPECT_EQ(shim.wait(3s), std::optional(143));
}

TEST_F(Exec, HasTheExitStatusOfAShellWhereTheCommandCannotRun) {
    const Outcome none = exec({"--wait", "0s"}, {"no-such-command"});
    EXPECT_EQ(none.status, 127);
    EXPECT_THAT(none.err, HasSubstr("no-such-command: No such file or directory"));
    const Outcome denied = exec({"--wait", "0s"}, {"/etc/resolv.conf"});
    EXPECT_EQ(denied.status, 126);
    EXPECT_THAT(denied.err, HasSubstr("/etc/resolv.conf: Permission denied"));
}

TEST_F(Exec, RefusesWhatItDoesNotUnderstand) {
    const auto status = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {taskdns_binary(), "exec"});
        return run(arguments).status;
    };
    EXPECT_EQ(status({}), 2);
    EXPECT_EQ(status({"--"}), 2);
    EXPECT_EQ(status({"true"}), 2) << "no -- before the command";
    EXPECT_EQ(status({"--wait", "5x", "--", "true"}), 2);
    EXPECT_EQ(status({"--user", "nobody", "--", "true"}), 2);
    EXPECT_EQ(status({"--user", "1:", "--", "true"}), 2);
    EXPECT_EQ(status({"--user", "4294967295", "--", "true"}), 2) << "means `no change` to setuid(2)";
    EXPECT_EQ(status({"--nonsense", "--", "true"}), 2);
}

/// Where the file is to be written, as at an application's start it usually is, and where it names the daemon
/// already.
TEST_F(Exec, AddsLittleToTheStartOfACommand) {
    const auto daemon = start();
    const auto median = [&](const std::vector<std::string>& argv, bool as_it_was) {
        std::vector<double> times;
        for (int i = 0; i < 11; ++i) {
            if (as_it_was) write_file(task.file(), ManagedTask::original);
            const auto begin = steady_clock::now();
            EXPECT_EQ(run(argv).status, 0);
            times.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
        }
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    };
    const double without = median(task.network.with_own_resolver({"true"}), false);
    const double writing = median(command({}, {"true"}), true);
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
    const double named = median(command({}, {"true"}), false);
    std::printf(
        "a command: %.1f ms; exec, with a ready daemon, adds %.1f ms; where the file names it already, %.1f\n",
        without, writing - without, named - without);
    EXPECT_LT(writing, without + 100);
    EXPECT_LT(named, without + 100);
}

}  // namespace
}  // namespace taskdns::testing_support
