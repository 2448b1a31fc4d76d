// SIGTERM as ECS sends it: to all containers of the task at once. Answers go on for the application, which is still
// draining, as the task's metadata show; and end as soon as nobody is left to ask.
#include <csignal>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"
#include "support/fake_metadata.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

constexpr const char* service = "resource-server.local";

class Lingering : public testing::Test {
protected:
    FakeMetadata metadata{"fargate"};

    DaemonOptions options(const std::string& shutdown = "{}") const {
        return {.yaml = "shutdown: " + shutdown +
                        "\nservices: [{name: resource-server.local, source: static, addresses: [127.0.0.11]}]\n",
                .environment = {{"ECS_CONTAINER_METADATA_URI_V4", metadata.uri()}, {"TASKDNS_LOG_LEVEL", "info"}}};
    }
    /// Answers, one after the other, for so long; how many did not come.
    static int unanswered(const DaemonUnderTest& daemon, std::chrono::milliseconds how_long) {
        int out = 0;
        for (const auto end = Clock::now() + how_long; Clock::now() < end;) {
            if (daemon.ask_a(service) != std::vector<std::string>{"127.0.0.11"}) ++out;
            wait_until(20ms, [] { return false; });
        }
        return out;
    }
    static std::chrono::milliseconds time_to_end(DaemonUnderTest& daemon, std::chrono::milliseconds limit = 30s) {
        const auto begin = Clock::now();
        EXPECT_EQ(daemon.process().wait(limit), std::optional(0)) << daemon.log();
        return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    }
};

TEST_F(Lingering, AnswersAnApplicationThatDrainsForTenSeconds) {
    DaemonUnderTest daemon(options());
    ASSERT_TRUE(daemon.wait_until_ready());
    daemon.process().signal(SIGTERM);
    EXPECT_TRUE(wait_until(1s, [&] { return daemon.get("/readyz").status == 503; }));
    EXPECT_THAT(daemon.get("/readyz").body, HasSubstr("shutting down"));
    EXPECT_EQ(unanswered(daemon, 10s), 0);
    EXPECT_EQ(daemon.get("/v1/services").status, 200);
    EXPECT_EQ(daemon.get("/healthz").status, 200);
    metadata.set_status("client", "STOPPED");
    EXPECT_LE(time_to_end(daemon), 1s);
    EXPECT_TRUE(daemon.says("app: lingering: answers go on while others stop at_most=25s"));
    EXPECT_TRUE(daemon.says("app: lingering for containers that still run containers=client\n"));
    EXPECT_TRUE(daemon.says("because=\"all other containers have stopped\""));
}

TEST_F(Lingering, WaitsForNobodyBeforeItsOwnEndWhereTheApplicationHasStopped) {
    metadata.set_status("client", "STOPPED");
    DaemonUnderTest daemon(options());
    daemon.process().signal(SIGTERM);
    EXPECT_LE(time_to_end(daemon), 1s);
}

TEST_F(Lingering, WaitsForAnAgentThatIsNotIgnored) {
    metadata.set_status("client", "STOPPED");
    DaemonUnderTest daemon(options("{linger_ignore: []}"));
    daemon.process().signal(SIGTERM);
    EXPECT_EQ(unanswered(daemon, 1'200ms), 0);
    metadata.set_status("aws-guardduty-agent-Rq3xw", "STOPPED");
    EXPECT_LE(time_to_end(daemon), 1s);
}

TEST_F(Lingering, PassesOverThePauseContainer) {
    FakeMetadata ec2("ec2");
    ec2.set_status("client", "STOPPED");
    DaemonOptions on_ec2 = options();
    on_ec2.environment["ECS_CONTAINER_METADATA_URI_V4"] = ec2.uri();
    DaemonUnderTest daemon(on_ec2);
    daemon.process().signal(SIGTERM);
    EXPECT_LE(time_to_end(daemon), 1s);
}

TEST_F(Lingering, EndsAtOnceByASecondSignal) {
    DaemonUnderTest daemon(options());
    ASSERT_TRUE(daemon.wait_until_ready());
    daemon.process().signal(SIGTERM);
    EXPECT_EQ(unanswered(daemon, 300ms), 0);
    metadata.behave(MetadataConduct::hangs);  // the request that is being made holds nothing up
    EXPECT_EQ(unanswered(daemon, 600ms), 0);
    daemon.process().signal(SIGTERM);
    EXPECT_LE(time_to_end(daemon), 1s);
    EXPECT_TRUE(daemon.says("because=\"a second signal\""));
    EXPECT_TRUE(daemon.says("app: stopped cleanly=true"));
}

TEST_F(Lingering, DoesNotHappenAfterCtrlC) {
    DaemonUnderTest daemon(options());
    daemon.process().signal(SIGINT);
    EXPECT_LE(time_to_end(daemon), 1s);
}

TEST_F(Lingering, GoesOnWhileMetadataFail) {
    DaemonUnderTest daemon(options());
    ASSERT_TRUE(daemon.wait_until_ready());
    metadata.set_status("client", "STOPPED");
    metadata.behave(MetadataConduct::status_500);
    daemon.process().signal(SIGTERM);
    EXPECT_EQ(unanswered(daemon, 1s), 0);
    metadata.behave(MetadataConduct::garbage);
    EXPECT_EQ(unanswered(daemon, 600ms), 0);
    metadata.behave(MetadataConduct::answers);
    EXPECT_LE(time_to_end(daemon), 1s);
    EXPECT_TRUE(daemon.says("metadata cannot be read: lingering until they can"));
}

TEST_F(Lingering, EndsWhenTheTimeIsOver) {
    DaemonUnderTest daemon(options("{linger: 1s}"));
    ASSERT_TRUE(daemon.wait_until_ready());
    daemon.process().signal(SIGTERM);
    EXPECT_EQ(unanswered(daemon, 800ms), 0);
    EXPECT_LE(time_to_end(daemon), 1s);
    EXPECT_TRUE(daemon.says("because=\"the time is over\""));
}

TEST_F(Lingering, IsShorterThanItsDurationWhereNobodyIsLeft) {
    metadata.set_status("client", "STOPPED");
    DaemonUnderTest daemon(options("{linger: 20s}"));
    daemon.process().signal(SIGTERM);
    EXPECT_LE(time_to_end(daemon), 1s);
}

TEST_F(Lingering, HappensOutsideEcsForADurationOnly) {
    DaemonOptions outside = options("{linger: 1s}");
    outside.environment.erase("ECS_CONTAINER_METADATA_URI_V4");
    DaemonUnderTest daemon(outside);
    daemon.process().signal(SIGTERM);
    EXPECT_EQ(unanswered(daemon, 800ms), 0);
    EXPECT_LE(time_to_end(daemon), 1s);
    outside.yaml = options().yaml;
    DaemonUnderTest automatic(outside);
    automatic.process().signal(SIGTERM);
    EXPECT_LE(time_to_end(automatic), 1s);
}

TEST_F(Lingering, RefusesToReload) {
    DaemonUnderTest daemon(options());
    ASSERT_TRUE(daemon.wait_until_ready());
    daemon.process().signal(SIGTERM);
    ASSERT_TRUE(wait_until(1s, [&] { return daemon.get("/readyz").status == 503; }));
    const HttpReply reply = http_change(daemon.http_port(), "POST", "/v1/reload");
    EXPECT_EQ(reply.status, 422);
    EXPECT_THAT(reply.body, HasSubstr("shutting down"));
    daemon.process().signal(SIGHUP);
    EXPECT_EQ(unanswered(daemon, 200ms), 0);
    metadata.set_status("client", "STOPPED");
    EXPECT_LE(time_to_end(daemon), 1s);
}

}  // namespace
}  // namespace taskdns::testing_support
