// kill -9 in every phase of the daemon's life, at random moments: the next start finds a whole snapshot or none, and
// answers at once; resolv.conf always names somebody, and is as it was after the first good end. Likewise kill -9 of
// the resolver and of the server behind it.
// TASKDNS_SEED=N repeats a run. To see what was hit: build/dev/tests/integration --gtest_filter='Killed.*'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>

#include "support/libc_resolv_conf.hpp"
#include "support/managed_task.hpp"
#include "support/many_backends.hpp"
#include "support/network_namespaces.hpp"
#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::IsSubsetOf;
using testing::UnorderedElementsAreArray;

enum class Phase { starting, before_first_answer, first_write, second_write, reloading, draining, putting_back };
constexpr std::array phases{Phase::starting,     Phase::before_first_answer, Phase::first_write,
                            Phase::second_write, Phase::reloading,           Phase::draining,
                            Phase::putting_back};
constexpr const char* names_of_phases[]{
    "starting", "before the first answer", "first write", "second write", "reloading", "draining", "putting back"};
constexpr int rounds = 4;  // of all phases

std::uint32_t seed() {
    const char* wanted = std::getenv("TASKDNS_SEED");
    return wanted != nullptr ? static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10)) : std::random_device{}();
}

/// A process that nobody waits for, on port 53 of a network of its own, with a snapshot and a managed resolv.conf.
class Killed : public testing::Test {
protected:
    Killed() {
        task.registry.set("orders.test", addresses, 0, 6);  // another six with every answer
        task.registry.set("large.test", address_range("10.1.0.", 1, 200), 60);
    }

    std::unique_ptr<ChildProcess> start(const std::string& log, bool lingers = false) const {
        const std::string yaml = "snapshot: " + snapshot +
                                 "\nresolv_conf: {manage: true}\nshutdown: {linger: " + (lingers ? "10s" : "0s") +
                                 "}\ndefaults: {record: A, health: {check: none}, poll: {min: 100ms}, membership: "
                                 "{sample_limit: 6}}\nservices:\n  - name: orders.test\n  - {name: large.test, "
                                 "membership: {sample_limit: 8}}\n";
        return std::make_unique<ChildProcess>(ChildProcess::Options{
            .argv = task.network.with_own_resolver({taskdns_binary()}),
            .environment = {{"TASKDNS_CONFIG_CONTENT", yaml}, {"TASKDNS_HTTP_LISTEN", "127.0.0.1:8053"}},
            .stdout_path = log,
            .stderr_path = log});
    }

    static DnsReply first_answer() {
        DnsReply reply;
        wait_until(10s, [&] {
            reply = ask({.name = "orders.test", .timeout = 3s});
            return reply.arrived;
        });
        return reply;
    }

    /// Lets the daemon come to the phase, and a random moment further.
    void reach(Phase phase, const ChildProcess& daemon) {
        const auto within = [this](std::chrono::microseconds longest) {
            std::this_thread::sleep_for(longest * std::uniform_real_distribution<>(0, 1)(random));
        };
        if (phase == Phase::starting) return within(15ms);
        if (phase == Phase::before_first_answer) {
            task.registry.silence("orders.test");
            task.registry.silence("large.test");
            return within(300ms);
        }
        first_answer();
        if (phase == Phase::first_write) return within(50ms);
        if (phase == Phase::second_write) {
            std::this_thread::sleep_for(950ms);
            return within(150ms);
        }
        if (phase == Phase::reloading) daemon.signal(SIGHUP);
        if (phase == Phase::draining || phase == Phase::putting_back) daemon.signal(SIGTERM);
        within(phase == Phase::draining ? 200ms : 20ms);
    }

    /// What is left behind is good enough to start from.
    void expect_good_start(const std::string& what) {
        const LibcView left = read_as_glibc(task.text());
        EXPECT_FALSE(left.servers.empty()) << what << task.text();
        EXPECT_THAT(left.servers, IsSubsetOf({"10.0.1.2", "127.0.0.1"})) << what << task.text();
        EXPECT_EQ(left.search, "eu.internal") << what;
        const std::string log = dir / ("log" + std::to_string(++starts));
        const auto begin = steady_clock::now();
        const auto daemon = start(log);
        const DnsReply reply = first_answer();
        slowest =
            std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin));
        EXPECT_EQ(reply.rcode, "NOERROR") << what << reply << read_file(log);
        EXPECT_THAT(reply.rdata("A"), testing::Not(testing::IsEmpty())) << what;
        EXPECT_THAT(reply.rdata("A"), IsSubsetOf(addresses)) << what;
        EXPECT_EQ(read_file(log).find("not loaded"), std::string::npos) << what << read_file(log);
        if (read_file(log).find("snapshot: loaded") != std::string::npos) ++loaded;
        EXPECT_TRUE(wait_until(5s, [&] { return task.name_servers() == std::vector<std::string>{"127.0.0.1"}; }));
        EXPECT_EQ(daemon->stop(10s), std::optional(0)) << what << read_file(log);
        EXPECT_EQ(task.text(), ManagedTask::original) << what;
    }

    const ManagedTask task;
    const TempDir dir;
    const std::string snapshot = dir / "snapshot";
    const std::vector<std::string> addresses = address_range("10.0.9.", 1, 12);
    std::mt19937 random;
    int starts = 0;
    int loaded = 0;
    std::chrono::milliseconds slowest{0};
};

TEST_F(Killed, InAnyPhaseItStartsAgainAsIfNothingHadHappened) {
    const std::uint32_t seeded = seed();
    random.seed(seeded);
    int named_us = 0;
    for (int i = 0; i < rounds * static_cast<int>(phases.size()); ++i) {
        const Phase phase = phases[static_cast<std::size_t>(i) % phases.size()];
        const std::string what = std::string("killed while ") + names_of_phases[static_cast<std::size_t>(phase)] +
                                 ", TASKDNS_SEED=" + std::to_string(seeded) + "\n";
        {
            const auto daemon = start(dir / "killed.log", phase == Phase::draining);
            reach(phase, *daemon);
            daemon->signal(SIGKILL);
            daemon->wait(5s);
        }
        if (read_as_glibc(task.text()).servers == std::vector<std::string>{"127.0.0.1"}) ++named_us;
        task.registry.set("orders.test", addresses, 0, 6);
        task.registry.set("large.test", address_range("10.1.0.", 1, 200), 60);
        expect_good_start(what);
        if (HasFailure()) break;
    }
    std::printf(
        "%d kills, TASKDNS_SEED=%u: %d of the next starts had a snapshot, %d a resolv.conf that named us; the "
        "slowest answered after %ld ms\n",
        starts, seeded, loaded, named_us, static_cast<long>(slowest.count()));
    EXPECT_GE(loaded, starts / 2);
    EXPECT_GE(named_us, starts / 4) << "the kills came too early: the test shows nothing";
}

/// The child of this process that runs `program`.
pid_t child_that_runs(const std::string& program) {
    const std::string own = std::to_string(getpid());
    std::istringstream children(read_file("/proc/" + own + "/task/" + own + "/children"));
    for (pid_t child = 0; children >> child;) {
        if (read_file("/proc/" + std::to_string(child) + "/comm") == program + "\n") return child;
    }
    throw std::runtime_error("nobody runs " + program);
}

/// kill -9; the command that starts it again.
std::vector<std::string> kill_child(const std::string& program) {
    const pid_t pid = child_that_runs(program);
    std::istringstream words(read_file("/proc/" + std::to_string(pid) + "/cmdline"));
    std::vector<std::string> argv;
    for (std::string word; std::getline(words, word, '\0');) argv.push_back(word);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);  // knotd does not start beside one that has not been waited for
    return argv;
}

TEST(ResolverKilled, AndTheServerBehindItLosesNothing) {
    const NetworkNamespaces network;  // so that nobody takes the ports meanwhile
    const NetworkNamespaces::Inside in_task = network.in_task();
    const TempDir dir;
    Vpc vpc;
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    const auto expect_all = [&](std::chrono::milliseconds duration) {
        const auto end = steady_clock::now() + duration;
        while (steady_clock::now() < end) {
            ASSERT_THAT(daemon.ask_a(Vpc::service), UnorderedElementsAreArray(vpc.backends.addresses()));
            std::this_thread::sleep_for(10ms);
        }
    };
    kill_child("unbound");
    expect_all(700ms);
    vpc.resolver.start();
    expect_all(300ms);
    const std::vector<std::string> knotd = kill_child("knotd");
    expect_all(1500ms);
    const ChildProcess started_again({.argv = knotd, .stdout_path = dir / "log", .stderr_path = dir / "log"});
    const auto serves = [&] {
        return ask({.name = "local", .type = "SOA", .port = vpc.authority.port(), .timeout = 200ms}).arrived;
    };
    EXPECT_TRUE(wait_until(10s, serves)) << read_file(dir / "log");
    kill_child("unbound");
    vpc.resolver.start();
    const auto fresh = [&] { return daemon.ask({.name = Vpc::service}).errors.empty(); };
    EXPECT_TRUE(wait_until(15s, fresh)) << "within the back-off";
    expect_all(1s);
}

}  // namespace
}  // namespace taskdns::testing_support
