// SIGTERM ends the daemon within a second with exit status 0, whatever it was about to do.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

/// A connection that says nothing.
class SilentConnection {
public:
    explicit SilentConnection(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = connect(descriptor_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    }
    ~SilentConnection() { close(descriptor_); }
    SilentConnection(const SilentConnection&) = delete;
    SilentConnection& operator=(const SilentConnection&) = delete;
    bool connected() const { return connected_; }

private:
    int descriptor_;
    bool connected_ = false;
};

class Shutdown : public testing::Test {
protected:
    Vpc vpc;

    static void expect_good_stop(DaemonUnderTest& daemon) {
        const DaemonUnderTest::Stopped stopped = daemon.stop();
        EXPECT_EQ(stopped.status, std::optional(0));
        EXPECT_LE(stopped.elapsed, 1s);
    }
};

TEST_F(Shutdown, ComesWithinASecond) {
    DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    expect_good_stop(daemon);
}

TEST_F(Shutdown, ComesBeforeTheFirstPollHasEnded) {
    vpc.resolver.freeze();
    DaemonUnderTest daemon(vpc.daemon_options("", "upstream: {timeout: 5s}\n"));
    expect_good_stop(daemon);
}

TEST_F(Shutdown, ComesWhileAPollHangs) {
    DaemonUnderTest daemon(vpc.daemon_options("    poll: {min: 1s}\n", "upstream: {timeout: 5s}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    vpc.resolver.freeze();
    wait_until(1'300ms, [] { return false; });  // the next poll is under way
    expect_good_stop(daemon);
}

TEST_F(Shutdown, ComesWhileQueriesAreHeldAndForwarded) {
    vpc.resolver.freeze();
    DaemonUnderTest daemon(vpc.daemon_options("", "upstream: {timeout: 5s}\n"));
    std::future<DnsReply> held =
        std::async(std::launch::async, [&daemon] { return daemon.ask({.name = Vpc::service, .timeout = 1s}); });
    std::future<DnsReply> forwarded = std::async(
        std::launch::async, [&daemon] { return daemon.ask({.name = "other.local", .tcp = true, .timeout = 1s}); });
    wait_until(200ms, [] { return false; });
    expect_good_stop(daemon);
    held.wait();
    forwarded.wait();
}

TEST_F(Shutdown, DoesNotWaitForConnectionsThatSayNothing) {
    DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    const SilentConnection dns(daemon.dns_port());
    const SilentConnection http(daemon.http_port());
    ASSERT_TRUE(dns.connected() && http.connected());
    wait_until(50ms, [] { return false; });
    expect_good_stop(daemon);
}

TEST_F(Shutdown, ComesBySigintToo) {
    DaemonUnderTest daemon(vpc.daemon_options());
    daemon.process().signal(SIGINT);
    EXPECT_EQ(daemon.process().wait(1s), std::optional(0));
}

/// As process 1 of a container, to which a signal that nobody handles does nothing.
TEST(ShutdownOfTheFirstProcess, ComesWhileTheConfigurationIsRead) {
    const TempDir dir;
    const std::string nobody_writes = dir / "taskdns.yaml";
    ASSERT_EQ(mkfifo(nobody_writes.c_str(), 0600), 0);
    ChildProcess space(
        {.argv = {"unshare", "--pid", "--fork", "--kill-child", taskdns_binary(), "run", "--config", nobody_writes}});
    const std::optional<pid_t> daemon = space.child("taskdns");
    ASSERT_TRUE(daemon);
    EXPECT_FALSE(space.wait(100ms)) << "it waits for the file";
    kill(*daemon, SIGTERM);
    EXPECT_EQ(space.wait(3s), std::optional(128 + SIGTERM));
}

TEST_F(Shutdown, LetsThePortsBeTakenAgainAtOnce) {
    DaemonUnderTest first(vpc.daemon_options());
    ASSERT_TRUE(first.wait_until_ready());
    EXPECT_EQ(first.ask({.name = Vpc::service, .tcp = true}).rcode, "NOERROR");
    expect_good_stop(first);
    DaemonOptions options = vpc.daemon_options();
    options.environment["TASKDNS_DNS_LISTEN"] = "127.0.0.1:" + std::to_string(first.dns_port());
    options.environment["TASKDNS_HTTP_LISTEN"] = "127.0.0.1:" + std::to_string(first.http_port());
    const TempDir dir;
    options.environment["TASKDNS_SERVICES"] = options.services;
    options.environment["TASKDNS_UPSTREAM"] = "127.0.0.1:" + std::to_string(options.upstream_port);
    ChildProcess second({.argv = {taskdns_binary()},
                         .environment = options.environment,
                         .stdout_path = dir / "log",
                         .stderr_path = dir / "log"});
    EXPECT_TRUE(wait_until(5s, [&] { return http_get(first.http_port(), "/readyz").status == 200; }))
        << read_file(dir / "log");
    EXPECT_EQ(second.stop(1s), std::optional(0));
}

}  // namespace
}  // namespace taskdns::testing_support
