// Ten thousand forged answers to a query that is under way, while the true answer is late: for a poll and for a
// forwarded name. The forger reads the query's port from /proc/net/udp and sends from the resolver's own address and
// port with every ID but the right one, and with the right one from another port, from another address, or to another
// question. Prints how many came to what.
#include <future>
#include <iostream>
#include <random>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"
#include "support/hostile_upstream.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr std::size_t forgeries = 10'000;
const char* const evil = "6.6.6.6";

/// What they share: the world, and how it is attacked.
class Forged : public testing::Test {
protected:
    HostileUpstream upstream;
    std::mt19937 random{20'261'124};
    std::size_t wrong_ids = 0;
    std::size_t other_questions = 0;
    std::size_t other_ports = 0;
    std::size_t other_addresses = 0;

    DaemonOptions options(const std::string& services) const {
        DaemonOptions out;
        out.upstream_port = upstream.port();
        out.yaml = "upstream: {timeout: 8s, attempts: 1}\n" + services;
        return out;
    }
    static dns::Bytes forgery(std::uint16_t id, const dns::Question& question) {
        const std::string name = question.name.to_string();
        return write_response(id, question, {.answer = {a(name, evil, 3'600)}});
    }
    std::uint16_t wrong_id(std::uint16_t right) {
        const auto drawn = static_cast<std::uint16_t>(random());
        return drawn == right ? static_cast<std::uint16_t>(right + 1) : drawn;
    }

    /// The query that `seen` is has no answer yet.
    void attack(const Seen& seen) {
        const std::uint16_t port = seen.source_port;
        ASSERT_TRUE(query_waits(port, upstream.port())) << "its port is no secret here";
        const Forger other_port("127.0.0.1", 0);
        const Forger other_address("127.0.0.66", upstream.port());
        const dns::Question other = question("bank.test");
        std::vector<dns::Bytes> batch;
        for (std::size_t i = 0; i < forgeries; ++i) {
            switch (i % 10) {
                case 0:
                    other_port.send(forgery(seen.id, seen.question), port);
                    ++other_ports;
                    break;
                case 1:
                    other_address.send(forgery(seen.id, seen.question), port);
                    ++other_addresses;
                    break;
                case 2:
                    batch.push_back(forgery(seen.id, other));
                    ++other_questions;
                    break;
                default:
                    batch.push_back(forgery(wrong_id(seen.id), seen.question));
                    ++wrong_ids;
            }
            if (batch.size() < 200) continue;
            upstream.forge(batch, port);
            batch.clear();
        }
        upstream.forge(batch, port);
    }

    static std::uint64_t ignored(const DaemonUnderTest& daemon, const std::string& purpose,
                                 const std::string& reason) {
        const std::string sample =
            "taskdns_upstream_ignored_messages_total{purpose=\"" + purpose + "\",reason=\"" + reason + "\"} ";
        const std::string text = daemon.get("/metrics").body;
        const std::size_t at = text.find(sample);
        return at == std::string::npos ? 0 : std::stoull(text.substr(at + sample.size()));
    }

    void expect_none_accepted(DaemonUnderTest& daemon, const char* purpose, long kib_before) {
        const std::uint64_t by_id = ignored(daemon, purpose, "id");
        const std::uint64_t by_question = ignored(daemon, purpose, "question");
        const long kib = anonymous_kib(daemon.process().pid());
        std::cout << forgeries << " forged answers to a " << purpose << ": " << wrong_ids << " with another ID, "
                  << other_questions << " with another question, " << other_ports << " from another port, "
                  << other_addresses << " from another address; "
                  << (HasFailure() ? "NOT ALL IGNORED" : "none accepted") << "\ncounted: " << by_id << " by ID, "
                  << by_question << " by question\nRssAnon: " << kib_before << " KiB before, " << kib
                  << " KiB after\n";
        // Those with the right ID that found the queue full are counted with the ones that the kernel dropped.
        EXPECT_EQ(by_id + by_question, wrong_ids + other_questions);
        EXPECT_GE(by_id, wrong_ids);
        EXPECT_GT(by_question, 0U);
        EXPECT_LT(kib - kib_before, 2'048) << "memory is bounded";
    }
};

TEST_F(Forged, TenThousandAnswersToAPollAreNotAccepted) {
    upstream.on("orders.local", dns::RrType::a,
                Reply{.sections = {.answer = {a("orders.local", "10.9.9.9", 3'600)}}, .delay = 3s});
    DaemonUnderTest daemon(options("services: [{name: orders.local, record: A, port: 80, health: {check: none}}]\n"));
    const auto seen = upstream.wait_for("orders.local");
    ASSERT_TRUE(seen);
    const long before = anonymous_kib(daemon.process().pid());
    ASSERT_NO_FATAL_FAILURE(attack(*seen));
    ASSERT_TRUE(query_waits(seen->source_port, upstream.port())) << "for the true answer";
    EXPECT_THAT(daemon.ask_a("orders.local"), testing::Not(testing::Contains(evil)));
    ASSERT_TRUE(wait_until(8s, [&] { return !daemon.ask_a("orders.local").empty(); }));
    EXPECT_THAT(daemon.ask_a("orders.local"), ElementsAre("10.9.9.9"));
    EXPECT_EQ(upstream.times_asked("orders.local"), 1U) << "no other query was needed";
    EXPECT_THAT(daemon.get("/v1/services/orders.local").body, testing::Not(testing::HasSubstr(evil)));
    expect_none_accepted(daemon, "poll", before);
}

TEST_F(Forged, TenThousandAnswersToAForwardedQuestionAreNotAccepted) {
    upstream.on("www.example", dns::RrType::a,
                Reply{.sections = {.answer = {a("www.example", "192.0.2.80", 3'600)}}, .delay = 3s});
    DaemonUnderTest daemon(options("services: []\n"));
    const long before = anonymous_kib(daemon.process().pid());
    auto asked =
        std::async(std::launch::async, [&daemon] { return daemon.ask({.name = "www.example", .timeout = 10s}); });
    const auto seen = upstream.wait_for("www.example");
    ASSERT_TRUE(seen);
    ASSERT_NO_FATAL_FAILURE(attack(*seen));
    const DnsReply reply = asked.get();
    EXPECT_THAT(reply.rdata("A"), ElementsAre("192.0.2.80")) << reply;
    EXPECT_THAT(daemon.ask_a("www.example"), ElementsAre("192.0.2.80")) << "and from the cache";
    EXPECT_EQ(upstream.times_asked("www.example"), 1U);
    EXPECT_THAT(daemon.ask_a("bank.test"), testing::IsEmpty()) << "what was said of other names is not kept";
    expect_none_accepted(daemon, "forward", before);
}

}  // namespace
}  // namespace taskdns::testing_support
