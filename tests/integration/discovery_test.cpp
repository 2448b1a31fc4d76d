// The registry is followed as fast as the resolver's cache lets it, and never asked before that.
#include <iostream>

#include <gmock/gmock.h>

#include "support/dns_relay.hpp"
#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;

constexpr auto ttl = 3s;
constexpr auto poll_min = 2s;
constexpr auto following = ttl + poll_min + 1'100ms;

DaemonOptions through(const DnsRelay& relay, DaemonOptions options) {
    options.upstream_port = relay.port();
    return options;
}

std::optional<milliseconds> time_until(const std::vector<std::string>& expected, const DaemonUnderTest& daemon,
                                       steady_clock::time_point start) {
    if (!wait_until(following + 2s, [&] { return sorted(daemon.ask_a(Vpc::service)) == expected; }))
        return std::nullopt;
    return duration_cast<milliseconds>(steady_clock::now() - start);
}

void print(const std::vector<RelayedQuery>& queries) {
    for (const RelayedQuery& query : queries) {
        std::cout << "  +" << duration_cast<milliseconds>(query.asked - queries.front().asked).count() << " ms "
                  << query.question << " -> " << query.reply.rcode << ", TTL " << query.ttl().count() << " s\n";
    }
}

void expect_no_early_poll(const std::vector<RelayedQuery>& queries) {
    for (std::size_t i = 1; i < queries.size(); ++i) {
        ASSERT_TRUE(queries[i - 1].answered);
        EXPECT_GE(queries[i].asked, *queries[i - 1].answered + queries[i - 1].ttl()) << "poll " << i << " is early";
    }
}

TEST(Discovery, FollowsTheZoneAndNeverAsksBeforeTheTtlHasRunOut) {
    Vpc vpc({.ttl = ttl, .soa_minimum = ttl, .registered = {"127.0.0.11", "127.0.0.12"}, .other_zones = {}});
    DnsRelay relay(vpc.resolver.port());
    const DaemonUnderTest daemon(through(relay, vpc.daemon_options()));
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_THAT(sorted(daemon.ask_a(Vpc::service)), ElementsAre("127.0.0.11", "127.0.0.12"));

    vpc.register_only({"127.0.0.11", "127.0.0.12", "127.0.0.13"});
    auto changed = steady_clock::now();
    auto followed = time_until({"127.0.0.11", "127.0.0.12", "127.0.0.13"}, daemon, changed);
    ASSERT_TRUE(followed) << "the added record is never seen";
    EXPECT_LE(*followed, following);
    std::cout << "a record added: followed after " << followed->count() << " ms\n";

    vpc.register_only({"127.0.0.11", "127.0.0.13"});
    changed = steady_clock::now();
    followed = time_until({"127.0.0.11", "127.0.0.13"}, daemon, changed);
    ASSERT_TRUE(followed) << "the removed record stays";
    EXPECT_LE(*followed, following);
    std::cout << "a record removed: followed after " << followed->count() << " ms\n";

    const std::vector<RelayedQuery> polls = relay.queries(std::string(Vpc::service) + ". IN A");
    EXPECT_GE(polls.size(), 3U);
    expect_no_early_poll(polls);
    std::cout << "the resolver was asked, and answered:\n";
    print(relay.queries());
    std::cout << "unbound's own log:\n";
    for (const LoggedQuery& query : vpc.resolver.queries()) {
        std::cout << "  [" << query.unix_seconds << "] " << query.name << " " << query.type << "\n";
    }
}

TEST(Discovery, PollsNoOftenerThanItsMinimumAtTtlZero) {
    Vpc vpc({.ttl = 0s, .soa_minimum = 0s, .registered = {}, .other_zones = {}});
    DnsRelay relay(vpc.resolver.port());
    const DaemonUnderTest daemon(through(relay, vpc.daemon_options("    poll: {min: 1s, max: 5s}\n")));
    const std::string question = std::string(Vpc::service) + ". IN A";
    ASSERT_TRUE(wait_until(6s, [&] { return relay.queries(question).size() >= 4; }));
    const std::vector<RelayedQuery> polls = relay.queries(question);
    for (std::size_t i = 1; i < polls.size(); ++i) {
        EXPECT_GE(polls[i].asked - polls[i - 1].asked, 1s);
        EXPECT_LE(polls[i].asked - polls[i - 1].asked, 1s + 100ms + 150ms) << "10 % of jitter, and the machine's";
    }
}

TEST(Discovery, ReadsSrvRecordsWithTheirPorts) {
    Backends backends({"127.0.0.11", "127.0.0.12"});
    const std::string port = std::to_string(backends.port());
    Knotd knotd(
        {{.origin = "local.",
          .records = {"_http._tcp.orders SRV 1 10 " + port + " one", "_http._tcp.orders SRV 1 10 " + port + " two",
                      "one A 127.0.0.11", "two A 127.0.0.12"}}});
    const Unbound unbound(knotd.port(), {"local."});
    const DaemonUnderTest daemon({.services = {},
                                  .yaml = "services:\n  - {name: _http._tcp.orders.local, record: SRV, "
                                          "aliases: [orders.local], health: {check: tcp}}\n",
                                  .upstream_port = unbound.port(),
                                  .environment = {}});
    ASSERT_TRUE(daemon.wait_until_ready());
    EXPECT_THAT(sorted(daemon.ask_a("orders.local")), ElementsAre("127.0.0.11", "127.0.0.12"));
    const DnsReply reply = daemon.ask({.name = "_http._tcp.orders.local", .type = "SRV"});
    EXPECT_THAT(sorted(reply.rdata("SRV")),
                ElementsAre(testing::EndsWith(" " + port + " ip-127-0-0-11.orders.local."),
                            testing::EndsWith(" " + port + " ip-127-0-0-12.orders.local.")))
        << reply;
}

TEST(Discovery, FollowsAChainOfAliases) {
    Backends backends({"127.0.0.11"});
    Knotd knotd({{.origin = "local.", .records = {"orders CNAME blue", "blue CNAME tasks", "tasks A 127.0.0.11"}}});
    const Unbound unbound(knotd.port(), {"local."});
    const DaemonUnderTest daemon({.services = "orders.local:" + std::to_string(backends.port()),
                                  .yaml = {},
                                  .upstream_port = unbound.port(),
                                  .environment = {}});
    ASSERT_TRUE(daemon.wait_until_ready());
    const DnsReply reply = daemon.ask({.name = "orders.local"});
    ASSERT_THAT(reply.answer, testing::SizeIs(1)) << reply;
    EXPECT_EQ(reply.answer[0], (DnsRecord{.owner = "orders.local.", .ttl = 1, .type = "A", .rdata = "127.0.0.11"}));
}

TEST(Discovery, TakesMoreRecordsThanADatagramHolds) {
    std::vector<std::string> addresses;
    for (int i = 1; i <= 120; ++i) addresses.push_back("127.0.1." + std::to_string(i));
    Knotd knotd({{.origin = "local.", .records = address_records("many", addresses)}});
    const Unbound unbound(knotd.port(), {"local."});
    const DaemonUnderTest daemon(
        {.services = "many.local", .yaml = {}, .upstream_port = unbound.port(), .environment = {}});
    ASSERT_TRUE(daemon.wait_until_ready());
    std::vector<std::string> seen;
    for (int i = 0; i < 120; ++i) seen.push_back(daemon.ask_a("many.local").at(0));
    EXPECT_EQ(sorted(seen), sorted(addresses)) << "each comes first once";
    const DnsReply reply = daemon.ask({.name = "many.local", .edns = {}});
    EXPECT_FALSE(reply.has_flag("tc")) << "as many as fit, never TC";
    EXPECT_THAT(reply.answer, testing::SizeIs(8));
}

}  // namespace
}  // namespace taskdns::testing_support
