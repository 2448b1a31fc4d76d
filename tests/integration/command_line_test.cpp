// The subcommands beside `run`: healthcheck, resolve, version, --help.
#include <algorithm>
#include <csignal>

#include <gmock/gmock.h>

#include "support/pick_port.hpp"
#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::ptrdiff_t lines_in(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST(Healthcheck, IsSilentWhenWellByVariableAndByOption) {
    Vpc vpc({.addresses = {"127.0.0.11"}, .registered = {}, .other_zones = {}});
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    const std::string listener = "127.0.0.1:" + std::to_string(daemon.http_port());
    for (const Outcome& outcome : {run({taskdns_binary(), "healthcheck"},
                                       {{"TASKDNS_HTTP_LISTEN", listener}, {"TASKDNS_SERVICES", "a.local"}}),
                                   run({taskdns_binary(), "healthcheck"}, {{"TASKDNS_HTTP_LISTEN", listener}}),
                                   run({taskdns_binary(), "healthcheck", "--http", listener})}) {
        EXPECT_EQ(outcome.status, 0);
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(outcome.err, "");
    }
}

TEST(Healthcheck, SaysInOneLineThatNobodyIsThere) {
    const Outcome outcome =
        run({taskdns_binary(), "healthcheck", "--http", "127.0.0.1:" + std::to_string(pick_port())});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(lines_in(outcome.err), 1) << outcome.err;
}

TEST(Healthcheck, SaysInOneLineWhatIsNotReady) {
    Vpc vpc({.addresses = {"127.0.0.11"}, .registered = {}, .other_zones = {}});
    vpc.resolver.freeze();
    const DaemonUnderTest daemon(vpc.daemon_options());
    const Outcome outcome =
        run({taskdns_binary(), "healthcheck", "--http", "127.0.0.1:" + std::to_string(daemon.http_port())});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(lines_in(outcome.err), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(Vpc::service));
}

TEST(Healthcheck, GivesUpOnADaemonThatSaysNothing) {
    Vpc vpc({.addresses = {"127.0.0.11"}, .registered = {}, .other_zones = {}});
    DaemonUnderTest daemon(vpc.daemon_options());
    daemon.process().signal(SIGSTOP);
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome =
        run({taskdns_binary(), "healthcheck", "--http", "127.0.0.1:" + std::to_string(daemon.http_port())});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(lines_in(outcome.err), 1) << outcome.err;
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s) << "ECS gives a health check 5 s by default";
    daemon.process().signal(SIGCONT);
}

TEST(Resolve, PrintsEveryEndpointAndItsCheck) {
    Vpc vpc;
    vpc.backends["127.0.0.13"].kill();
    const std::string name = std::string(Vpc::service) + ":" + std::to_string(vpc.backends.port());
    const Outcome outcome = run({taskdns_binary(), "resolve", name},
                                {{"TASKDNS_UPSTREAM", "127.0.0.1:" + std::to_string(vpc.resolver.port())}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    for (const std::string& address : vpc.backends.addresses()) EXPECT_THAT(outcome.out, HasSubstr(address));
    EXPECT_THAT(outcome.out, HasSubstr("refused"));
}

TEST(Resolve, FailsForANameThatIsNotThere) {
    Vpc vpc;
    const Outcome outcome = run({taskdns_binary(), "resolve", "none.local:80"},
                                {{"TASKDNS_UPSTREAM", "127.0.0.1:" + std::to_string(vpc.resolver.port())}});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(lines_in(outcome.err), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("none.local"));
}

TEST(CommandLine, TellsItsVersionAndTeaches) {
    EXPECT_THAT(run({taskdns_binary(), "version"}).out, testing::MatchesRegex("taskdns [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    const Outcome help = run({taskdns_binary(), "--help"});
    EXPECT_EQ(help.status, 0);
    for (const char* word : {"check-config", "healthcheck", "resolve", "TASKDNS_SERVICES", "--config"}) {
        EXPECT_THAT(help.out, HasSubstr(word));
    }
    EXPECT_EQ(run({taskdns_binary(), "serve"}).status, 2) << "an unknown command is a mistake of usage";
}

}  // namespace
}  // namespace taskdns::testing_support
