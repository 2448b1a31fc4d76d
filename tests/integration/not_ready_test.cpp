// Before the first answer of the resolver: questions are held, and answered the moment it comes.
#include <future>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::UnorderedElementsAreArray;

constexpr unsigned not_ready = 14;  // RFC 8914
constexpr unsigned no_reachable_authority = 22;

class NotReady : public testing::Test {
protected:
    Vpc vpc;

    void SetUp() override { vpc.resolver.freeze(); }
    // The first poll lasts longer than a question is held.
    DaemonOptions patient_daemon() const { return vpc.daemon_options("", "upstream: {timeout: 5s, attempts: 1}\n"); }
};

TEST_F(NotReady, HoldsAQuestionThenSaysSo) {
    const DaemonUnderTest daemon(patient_daemon());
    const DnsReply reply = daemon.ask({.name = Vpc::service});
    EXPECT_EQ(reply.rcode, "SERVFAIL") << reply;
    EXPECT_TRUE(reply.has_error(not_ready)) << reply;
    EXPECT_GE(reply.elapsed, 1'900ms);
    EXPECT_LE(reply.elapsed, 2'300ms);
    const HttpReply readiness = daemon.get("/readyz");
    EXPECT_EQ(readiness.status, 503U);
    EXPECT_THAT(readiness.body, testing::HasSubstr(Vpc::service));
    EXPECT_EQ(daemon.get("/healthz").status, 200U);
}

TEST_F(NotReady, HoldsOverTcpToo) {
    const DaemonUnderTest daemon(patient_daemon());
    const DnsReply reply = daemon.ask({.name = Vpc::service, .type = "AAAA", .tcp = true});
    EXPECT_EQ(reply.rcode, "SERVFAIL") << reply;
    EXPECT_TRUE(reply.has_error(not_ready)) << reply;
}

TEST_F(NotReady, AnswersAHeldQuestionAsSoonAsTheFirstPollIsThere) {
    const DaemonUnderTest daemon(patient_daemon());
    std::future<DnsReply> held =
        std::async(std::launch::async, [&daemon] { return daemon.ask({.name = Vpc::service}); });
    wait_until(500ms, [] { return false; });
    vpc.resolver.thaw();
    const auto thawed = std::chrono::steady_clock::now();
    const DnsReply reply = held.get();
    EXPECT_EQ(reply.rcode, "NOERROR") << reply;
    EXPECT_LT(std::chrono::steady_clock::now() - thawed, 300ms);
    EXPECT_TRUE(daemon.wait_until_ready(2s));
    EXPECT_THAT(daemon.ask_a(Vpc::service), UnorderedElementsAreArray(vpc.backends.addresses()));
}

TEST_F(NotReady, SaysSoAtOnceAfterAFailedPollAndRecoversByItself) {
    const DaemonUnderTest daemon(vpc.daemon_options("", "upstream: {timeout: 200ms, attempts: 1}\n"));
    ASSERT_TRUE(wait_until(4s, [&] { return daemon.ask({.name = Vpc::service}).elapsed < 100ms; }));
    const DnsReply reply = daemon.ask({.name = Vpc::service});
    EXPECT_EQ(reply.rcode, "SERVFAIL") << reply;
    EXPECT_TRUE(reply.has_error(not_ready) || reply.has_error(no_reachable_authority)) << reply;
    vpc.resolver.thaw();
    EXPECT_TRUE(wait_until(6s, [&] { return daemon.ask_a(Vpc::service).size() == 4; }));
}

}  // namespace
}  // namespace taskdns::testing_support
