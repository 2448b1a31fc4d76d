// What the running daemon may still do: privileges given up at the start, and the sandbox (`sandbox: on`), on every
// thread; what `exec` becomes has all that it had before. That everything works in the sandbox is shown by the whole
// suite in it: TASKDNS_TEST_SANDBOX=on (docs/contributing.md).
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"
#include "support/pick_port.hpp"
#include "support/process_status.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::SizeIs;

constexpr const char* one_service =
    "services: [{name: one.local, source: static, addresses: [127.0.0.2], health: {check: none}}]";

HttpReply reload(const DaemonUnderTest& daemon) {
    return http_get(daemon.http_port(), "/v1/reload", {{"Content-Type", "application/json"}}, "POST");
}

/// A build with sanitizers has none, and says so: the tests that need one have nothing to look at there.
bool has_sanitizers(const DaemonUnderTest& daemon) {
    return daemon.log().find("has sanitizers") != std::string::npos;
}

class Sandbox : public testing::Test {
protected:
    void write(const std::string& yaml) const { write_file(file, yaml + "\n" + one_service + "\n"); }

    const TempDir dir;
    const std::string file = dir / "taskdns.yaml";
    const std::string snapshot = "snapshot: " + (dir / "snapshot.json");
};

TEST_F(Sandbox, IsOverAllThreadsAndTheDaemonAnswers) {
    DaemonUnderTest daemon({.yaml = "sandbox: on\n" + snapshot + "\n" + one_service});
    ASSERT_TRUE(daemon.wait_until_ready());
    if (has_sanitizers(daemon)) return;
    EXPECT_THAT(daemon.ask_a("one.local"), ElementsAre("127.0.0.2"));
    const pid_t pid = daemon.process().pid();
    EXPECT_THAT(of_each_thread(pid, "Seccomp"), AllOf(SizeIs(Ge(3)), Each("2")));
    // Where it were blocked, the kernel would end the process at a refused call.
    for (const std::string& blocked : of_each_thread(pid, "SigBlk")) {
        EXPECT_EQ(std::stoull(blocked, nullptr, 16) >> (SIGSYS - 1) & 1U, 0U) << blocked;
    }
    const std::string metrics = daemon.get("/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("\ntaskdns_sandbox_enabled 1\n"));
    EXPECT_THAT(metrics, HasSubstr("\ntaskdns_sandbox_denied_calls_total 0\n"));
    EXPECT_TRUE(daemon.says("app: confined"));
    EXPECT_THAT(daemon.log(), HasSubstr("no_new_privs=true sandbox=true"));
}

TEST_F(Sandbox, IsOffByDefault) {
    DaemonUnderTest daemon({.services = "one.local:80", .yaml = "sandbox: off"});
    EXPECT_THAT(daemon.get("/metrics").body, HasSubstr("\ntaskdns_sandbox_enabled 0\n"));
    EXPECT_TRUE(daemon.says("sandbox=false"));
}

TEST_F(Sandbox, ComesWithAReloadAndStaysUntilTheEnd) {
    const std::uint16_t dns_port = pick_port();
    const std::uint16_t http_port = pick_port();
    const std::string listen = "\nlisten: {dns: [127.0.0.1:" + std::to_string(dns_port) +
                               "], http: [127.0.0.1:" + std::to_string(http_port) + "]}\n";
    write("sandbox: off" + listen);
    DaemonUnderTest daemon({.file = file, .dns_port = dns_port, .http_port = http_port});
    ASSERT_EQ(daemon.get("/healthz").status, 200U);
    write("sandbox: on" + listen);
    ASSERT_EQ(reload(daemon).status, 200U);
    if (daemon.get("/metrics").body.find("\ntaskdns_sandbox_enabled 0\n") != std::string::npos) {
        EXPECT_TRUE(daemon.says("has sanitizers"));
        return;
    }
    EXPECT_THAT(of_each_thread(daemon.process().pid(), "Seccomp"), AllOf(SizeIs(Ge(3)), Each("2")));
    write("sandbox: off" + listen);
    ASSERT_EQ(reload(daemon).status, 200U);
    EXPECT_TRUE(daemon.says("the sandbox stays until a restart"));
    EXPECT_THAT(daemon.get("/metrics").body, HasSubstr("\ntaskdns_sandbox_enabled 1\n"));
    EXPECT_THAT(daemon.ask_a("one.local"), ElementsAre("127.0.0.2"));
}

TEST_F(Sandbox, LetsTheDaemonDoAllItsWork) {
    const std::uint16_t more = pick_port();
    const std::uint16_t dns_port = pick_port();
    const std::uint16_t http_port = pick_port();
    const auto listening = [&](const std::string& second) {
        return "sandbox: on\n" + snapshot + "\nlisten: {dns: [127.0.0.1:" + std::to_string(dns_port) + second +
               "], http: [127.0.0.1:" + std::to_string(http_port) + "]}";
    };
    write(listening(""));
    DaemonUnderTest daemon({.file = file, .dns_port = dns_port, .http_port = http_port});
    ASSERT_TRUE(daemon.wait_until_ready());
    write(listening(", 127.0.0.1:" + std::to_string(more)));
    ASSERT_EQ(reload(daemon).status, 200U);
    EXPECT_THAT(ask_a("one.local", more), ElementsAre("127.0.0.2"));
    EXPECT_EQ(run({taskdns_binary(), "healthcheck", "--http", "127.0.0.1:" + std::to_string(http_port)}).status, 0);
    EXPECT_TRUE(wait_until(5s, [&] { return std::filesystem::exists(dir / "snapshot.json"); }));
    if (!has_sanitizers(daemon)) {
        EXPECT_THAT(daemon.get("/metrics").body, HasSubstr("\ntaskdns_sandbox_denied_calls_total 0\n"));
    }
    EXPECT_EQ(daemon.stop().status, std::optional(0));
    EXPECT_EQ(daemon.log().find("refused a system call"), std::string::npos);
}

TEST(Privileges, AreGivenUpByAllThreadsOfTheDaemon) {
    if (geteuid() != 0) throw std::runtime_error("this test looks at what root gives up, and needs root");
    const DaemonOptions options{.yaml = one_service};
    DaemonUnderTest daemon(options);
    const pid_t pid = daemon.process().pid();
    const std::string kept = of_each_thread(getpid(), "CapPrm").front();
    const std::uint64_t expected = std::stoull(kept, nullptr, 16) & 0x402U;  // NET_BIND_SERVICE, DAC_OVERRIDE
    for (const std::string& set : of_each_thread(pid, "CapPrm")) EXPECT_EQ(std::stoull(set, nullptr, 16), expected);
    for (const std::string& set : of_each_thread(pid, "CapEff")) {
        EXPECT_EQ(std::stoull(set, nullptr, 16), expected & 0x2U);
    }
    for (const char* set : {"CapInh", "CapBnd", "CapAmb"}) {
        EXPECT_THAT(of_each_thread(pid, set), Each("0000000000000000")) << set;
    }
    EXPECT_THAT(of_each_thread(pid, "NoNewPrivs"), AllOf(SizeIs(Ge(2)), Each("1")));
    std::string names;  // a container's root may lack one
    if ((expected & 0x2U) != 0) names = "dac_override";
    if ((expected & 0x400U) != 0) names += names.empty() ? "net_bind_service" : ",net_bind_service";
    if (names.empty()) names = "none";
    EXPECT_THAT(daemon.get("/metrics").body,
                HasSubstr("taskdns_privileges_info{capabilities=\"" + names + "\",no_new_privs=\"true\"} 1\n"));
}

TEST(Privileges, AreTheApplicationsOwnBehindExec) {
    // Nobody listens there, so it becomes the command at once, or after the wait that is given.
    const std::vector<std::string> look{"grep", "-E", "^(Cap...|NoNewPrivs|Seccomp):", "/proc/self/status"};
    std::vector<std::string> behind{taskdns_binary(), "exec", "--wait", "0s", "--path", "/nowhere/resolv.conf", "--"};
    behind.insert(behind.end(), look.begin(), look.end());
    const Outcome before = run(look);
    const Outcome after = run(behind);
    EXPECT_EQ(after.status, 0) << after.err;
    EXPECT_EQ(after.out, before.out);
    EXPECT_THAT(after.out, HasSubstr("NoNewPrivs"));
}

}  // namespace
}  // namespace taskdns::testing_support
