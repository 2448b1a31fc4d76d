// Neither a resolver that is gone nor one that says "there is nobody" takes away endpoints that pass their checks.
#include <thread>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::UnorderedElementsAreArray;

constexpr unsigned stale_answer = 3;  // RFC 8914

class UpstreamOutage : public testing::Test {
protected:
    Vpc vpc;  // records and negative answers live for 1 s
    const DaemonUnderTest daemon{vpc.daemon_options()};

    void SetUp() override {
        ASSERT_TRUE(daemon.wait_until_ready());
        ASSERT_FALSE(daemon.ask({.name = Vpc::service}).has_error(stale_answer));
    }

    /// Every answer names all four, from now until long after what the resolver said has run out.
    void expect_answers_stay(std::chrono::milliseconds after_stale = 2s) const {
        const auto limit = steady_clock::now() + 12s;
        std::optional<steady_clock::time_point> stale_since;
        while (!stale_since || steady_clock::now() - *stale_since < after_stale) {
            ASSERT_LT(steady_clock::now(), limit) << "never marked as stale";
            const DnsReply reply = daemon.ask({.name = Vpc::service});
            ASSERT_EQ(reply.rcode, "NOERROR") << reply;
            ASSERT_THAT(reply.rdata("A"), UnorderedElementsAreArray(vpc.backends.addresses())) << reply;
            ASSERT_EQ(reply.answer.at(0).ttl, 1U);
            if (!stale_since && reply.has_error(stale_answer)) stale_since = steady_clock::now();
            std::this_thread::sleep_for(10ms);
        }
        const DnsReply without_opt = daemon.ask({.name = Vpc::service, .edns = {}});
        EXPECT_FALSE(without_opt.has_opt) << "no OPT, no EDE";
        EXPECT_THAT(without_opt.rdata("A"), UnorderedElementsAreArray(vpc.backends.addresses()));
    }
};

TEST_F(UpstreamOutage, AnswersStayWhenTheResolverStops) {
    vpc.resolver.stop();
    expect_answers_stay();
}

TEST_F(UpstreamOutage, AnswersStayWhenTheResolverIsSilent) {
    vpc.resolver.freeze();
    expect_answers_stay();
}

TEST_F(UpstreamOutage, AnswersStayWhenTheNameIsGone) {
    vpc.register_only({});
    expect_answers_stay(4s);
}

TEST_F(UpstreamOutage, AnswersStayWhenTheNameHasNoAddresses) {
    vpc.register_no_address();
    expect_answers_stay(4s);
}

TEST_F(UpstreamOutage, AKilledBackendLeavesAllTheSame) {
    vpc.resolver.stop();
    vpc.backends["127.0.0.14"].kill();
    const std::vector<std::string> rest{"127.0.0.11", "127.0.0.12", "127.0.0.13"};
    EXPECT_TRUE(wait_until(4s, [&] { return sorted(daemon.ask_a(Vpc::service)) == rest; }));
}

TEST_F(UpstreamOutage, TheZoneIsFollowedAgainAfterwards) {
    vpc.resolver.stop();
    ASSERT_TRUE(wait_until(10s, [&] { return daemon.ask({.name = Vpc::service}).has_error(stale_answer); }));
    vpc.register_only({"127.0.0.13"});
    vpc.resolver.start();
    EXPECT_TRUE(wait_until(
        15s, [&] { return sorted(daemon.ask_a(Vpc::service)) == std::vector<std::string>{"127.0.0.13"}; }));
    EXPECT_FALSE(daemon.ask({.name = Vpc::service}).has_error(stale_answer));
}

}  // namespace
}  // namespace taskdns::testing_support
