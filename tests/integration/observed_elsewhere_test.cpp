// Where the application's connections cannot be seen, the daemon says so, once, and all else is as it was: in another
// network namespace, where the kernel does not tell, and where nobody wants it.
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>

#include "support/application.hpp"
#include "support/observed_report.hpp"
#include "support/task_network.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const std::string service = "api.test";
constexpr const char* quick = "check: tcp, interval: 500ms, timeout: 300ms, fast_interval: 100ms";

/// How many log lines have all of these words.
long log_lines(const DaemonUnderTest& daemon, const std::vector<std::string>& words) {
    std::istringstream log(daemon.log());
    long count = 0;
    for (std::string line; std::getline(log, line);) {
        const auto has = [&line](const std::string& word) { return line.find(word) != std::string::npos; };
        if (std::ranges::all_of(words, has)) ++count;
    }
    return count;
}

/// The probes still find who has gone, and who has come back. `tasks`: ManyBackends or TaskNetwork.
void expect_probes_to_work(auto& tasks, const DaemonUnderTest& daemon, const std::string& victim) {
    const auto named = [&] { return named_by(daemon, service).contains(victim); };
    EXPECT_TRUE(named());
    tasks.set(victim, Conduct::refuses);
    EXPECT_TRUE(wait_until(3s, [&] { return !named(); }));
    EXPECT_EQ(report(daemon, service).reason(victim), "unhealthy:refused");
    tasks.set(victim, Conduct::answers);
    EXPECT_TRUE(wait_until(5s, named));
}

// Half a minute passes in it: let others run beside it.
TEST(ObservedElsewhere, AnApplicationInAnotherNamespaceIsReportedAfterHalfAMinute) {
    const std::vector<std::string> addresses = address_range("10.0.1.", 11, 4);
    TaskNetwork task(addresses);
    const std::vector<Turn> turns = turns_to(addresses, {.port = task.backends.port()});
    std::optional<Application> elsewhere;
    {
        const auto inside = task.network.in_vpc();
        elsewhere.emplace(turns, 50ms);
    }
    const DaemonUnderTest daemon(with_services(static_service(service, addresses, task.backends.port(), quick)));
    ASSERT_TRUE(daemon.wait_until_ready());
    EXPECT_FALSE(daemon.ask_a(service).empty());
    EXPECT_NE(observe_state(daemon, service), "nothing_seen") << "too early to say";
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(wait_until(38s, [&] {
        daemon.ask_a(service);
        return observe_state(daemon, service) == "nothing_seen";
    }));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 25s);
    EXPECT_NE(observe_reason(daemon, service), "");
    EXPECT_EQ(log_lines(daemon, {"connection", "seen"}), 1) << "one line says it";
    EXPECT_FALSE(observed_connections(daemon, service, addresses[0])) << "its own probes do not count";
    EXPECT_THAT(daemon.log(), Not(HasSubstr("(observed)")));
    expect_probes_to_work(task, daemon, addresses[0]);

    // One that it can see ends that.
    const Application here(turns, 50ms);
    EXPECT_TRUE(wait_until(4s, [&] {
        daemon.ask_a(service);
        return observe_state(daemon, service) == "on";
    }));
}

TEST(ObservedElsewhere, OffIsOff) {
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    ManyBackends backends(addresses);
    const DaemonUnderTest daemon(
        with_services(static_service(service, addresses, backends.port(), std::string(quick) + ", observe: off") +
                      static_service("none.test", addresses, backends.port(), "check: none, observe: off")));
    ASSERT_TRUE(daemon.wait_until_ready());
    const Application application(turns_to(addresses, {.port = backends.port()}), 20ms);
    const unsigned before = backends.wordless(addresses[0]);
    EXPECT_TRUE(wait_until(4s, [&] { return backends.wordless(addresses[0]) >= before + 5; }))
        << "no probe is spared";
    EXPECT_EQ(observe_state(daemon, service), "off");
    EXPECT_FALSE(observed_connections(daemon, service, addresses[0]));
    expect_probes_to_work(backends, daemon, addresses[0]);

    backends.set(addresses[1], Conduct::refuses);
    ASSERT_TRUE(wait_until(2s, [&] { return application.met(addresses[1], backends.port()).refused > 2; }));
    EXPECT_TRUE(named_by(daemon, "none.test").contains(addresses[1]));
}

TEST(ObservedElsewhere, OneServiceMayBeOff) {
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    ManyBackends backends(addresses);
    const DaemonUnderTest daemon(
        with_services(static_service("on.test", addresses, backends.port(), "check: none") +
                      static_service("off.test", addresses, backends.port(), "check: none, observe: off")));
    ASSERT_TRUE(daemon.wait_until_ready());
    const Application application(turns_to(addresses, {.port = backends.port()}), 20ms);
    ASSERT_TRUE(wait_until(4s, [&] {
        daemon.ask_a("on.test");
        return observe_state(daemon, "on.test") == "on" && observed_connections(daemon, "on.test", addresses[0]);
    }));
    EXPECT_EQ(observe_state(daemon, "off.test"), "off");
    EXPECT_FALSE(observed_connections(daemon, "off.test", addresses[0]));
    backends.set(addresses[0], Conduct::refuses);
    EXPECT_TRUE(wait_until(1s, [&] { return !named_by(daemon, "on.test").contains(addresses[0]); }));
    EXPECT_TRUE(named_by(daemon, "off.test").contains(addresses[0]));
}

/// From here on socket(AF_NETLINK, ..., NETLINK_SOCK_DIAG) fails, in this thread and the processes that it starts.
bool refuse_socket_diag(int error) {
    const auto load = [](std::size_t offset) {
        return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
    };
    const auto unless = [](std::uint32_t value, std::uint8_t skip) {
        return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, skip, value};
    };
    std::array<sock_filter, 8> program{
        load(offsetof(seccomp_data, nr)),
        unless(SYS_socket, 5),
        load(offsetof(seccomp_data, args[0])),  // the lower half, on little-endian machines
        unless(AF_NETLINK, 3),
        load(offsetof(seccomp_data, args[2])),
        unless(NETLINK_SOCK_DIAG, 1),
        sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)},
        sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

void expect_unavailable(int error) {
    ASSERT_TRUE(refuse_socket_diag(error));
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    ManyBackends backends(addresses);
    const DaemonUnderTest daemon(with_services(static_service(service, addresses, backends.port(), quick)));
    ASSERT_TRUE(daemon.wait_until_ready());
    const Application application(turns_to(addresses, {.port = backends.port()}), 20ms);
    EXPECT_TRUE(wait_until(3s, [&] {
        daemon.ask_a(service);
        return observe_state(daemon, service) == "unavailable";
    })) << observe_state(daemon, service);
    EXPECT_NE(observe_reason(daemon, service), "");
    EXPECT_FALSE(observed_connections(daemon, service, addresses[0]));
    EXPECT_EQ(log_lines(daemon, {"cannot be observed"}), 1) << "one line says it";
    expect_probes_to_work(backends, daemon, addresses[0]);
    EXPECT_EQ(log_lines(daemon, {"cannot be observed"}), 1);
}

class ObservedUnavailable : public testing::TestWithParam<int> {};

TEST_P(ObservedUnavailable, IsSaidOnceAndProbesWork) {
    std::thread([error = GetParam()] {  // the filter stays with its thread
        try {
            expect_unavailable(error);
        } catch (const std::exception& e) {
            ADD_FAILURE() << e.what();
        }
    })
        .join();
}

INSTANTIATE_TEST_SUITE_P(Health, ObservedUnavailable, testing::Values(EPERM, EPROTONOSUPPORT),
                         [](const auto& named) { return named.param == EPERM ? "Forbidden" : "NotSupported"; });

}  // namespace
}  // namespace taskdns::testing_support
