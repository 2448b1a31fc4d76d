// The forwarding cache in the real daemon: what reaches the resolver, what stays when it is gone.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <thread>

#include <gmock/gmock.h>

#include "support/pick_port.hpp"
#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

Zone example_zone(std::chrono::seconds ttl) {
    Zone zone{.origin = "example.",
              .ttl = ttl,
              .soa_minimum = 60s,
              .records = {"www A 192.0.2.1", "alias CNAME www", "wide A 192.0.2.9"}};
    std::string text;
    for (int i = 0; i < 12; ++i) text += " \"" + std::string(250, static_cast<char>('a' + i)) + "\"";
    zone.records.push_back("big TXT" + text);
    for (int i = 0; i < 50; ++i) zone.records.push_back("name-" + std::to_string(i) + " A 192.0.2.1");
    return zone;
}

class ForwardingCache : public testing::Test {
protected:
    explicit ForwardingCache(std::chrono::seconds ttl = 300s)
        : vpc({.registered = {}, .other_zones = {example_zone(ttl)}}) {}

    std::size_t asked(const std::string& name) const {
        const auto queries = vpc.resolver.queries();
        return static_cast<std::size_t>(std::count_if(
            queries.begin(), queries.end(), [&](const LoggedQuery& query) { return query.name == name + "."; }));
    }

    Vpc vpc;
};

TEST_F(ForwardingCache, AsksTheResolverOncePerName) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    for (int round = 0; round < 40; ++round) {
        for (int i = 0; i < 50; ++i) {
            const std::string name = "name-" + std::to_string(i) + ".example";
            ASSERT_THAT(daemon.ask_a(name), ElementsAre("192.0.2.1"));
        }
    }
    std::size_t all = 0;
    for (int i = 0; i < 50; ++i) all += asked("name-" + std::to_string(i) + ".example");
    EXPECT_EQ(all, 50U) << "of 2,000: a hit ratio of 97.5 %";
}

TEST_F(ForwardingCache, CountsTtlsDown) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    const DnsReply first = daemon.ask({.name = "alias.example"});
    ASSERT_THAT(first.answer, SizeIs(2)) << first;
    std::this_thread::sleep_for(2100ms);
    const DnsReply later = daemon.ask({.name = "alias.example"});
    ASSERT_THAT(later.answer, SizeIs(2)) << later;
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(later.answer[i].ttl + 2, first.answer[i].ttl) << later;
    EXPECT_EQ(asked("alias.example"), 1U);
}

TEST_F(ForwardingCache, FetchesABigAnswerOverTcpOnceAndCutsItForUdp) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    for (int i = 0; i < 3; ++i) {
        const DnsReply udp = daemon.ask({.name = "big.example", .type = "TXT"});
        EXPECT_TRUE(udp.has_flag("tc")) << udp;
        EXPECT_THAT(udp.answer, testing::IsEmpty());
        const DnsReply tcp = daemon.ask({.name = "big.example", .type = "TXT", .tcp = true});
        ASSERT_THAT(tcp.answer, SizeIs(1)) << tcp;
        EXPECT_GT(tcp.answer[0].rdata.size(), 3000U);
    }
    EXPECT_EQ(asked("big.example"), 2U) << "over UDP and, as it was cut, over TCP";
}

class ForwardingStale : public ForwardingCache {
protected:
    ForwardingStale() : ForwardingCache(1s) {}

    /// From the cache, with what marks it as stale.
    void expect_stale(const DaemonUnderTest& daemon, std::chrono::milliseconds least,
                      std::chrono::milliseconds most) const {
        const DnsReply reply = daemon.ask({.name = "www.example"});
        EXPECT_THAT(reply.rdata("A"), ElementsAre("192.0.2.1")) << reply;
        ASSERT_THAT(reply.answer, SizeIs(1)) << reply;
        EXPECT_EQ(reply.answer[0].ttl, 30U);
        EXPECT_TRUE(reply.has_error(3)) << reply;
        EXPECT_GE(reply.elapsed, least);
        EXPECT_LT(reply.elapsed, most);
    }
};

/// How many of its log lines say so.
std::size_t logged(const DaemonUnderTest& daemon, const std::string& event) {
    const std::string log = daemon.log();
    std::size_t count = 0;
    for (std::size_t at = log.find(event); at != std::string::npos; at = log.find(event, at + 1)) ++count;
    return count;
}

TEST_F(ForwardingStale, AnswersStayWhenTheResolverIsGone) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_THAT(daemon.ask_a("www.example"), ElementsAre("192.0.2.1"));
    vpc.resolver.stop();
    std::this_thread::sleep_for(1100ms);
    expect_stale(daemon, 0ms, 1s);
    EXPECT_EQ(daemon.ask({.name = "wide.example"}).rcode, "SERVFAIL") << "nobody has asked for it before";
    EXPECT_TRUE(wait_until(1s, [&] { return logged(daemon, "an upstream server does not answer") == 1; }))
        << "four tries, one line";
    vpc.resolver.start();
    EXPECT_TRUE(wait_until(8s, [&] { return daemon.ask({.name = "www.example"}).errors.empty(); })) << "asked again";
    EXPECT_TRUE(wait_until(1s, [&] { return logged(daemon, "an upstream server answers again") == 1; }));
}

TEST_F(ForwardingStale, AnswersComeInTimeWhenTheResolverIsSilent) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_THAT(daemon.ask_a("www.example"), ElementsAre("192.0.2.1"));
    vpc.resolver.freeze();
    std::this_thread::sleep_for(1100ms);
    expect_stale(daemon, 1700ms, 1990ms);  // two tries would take 2 s
    expect_stale(daemon, 0ms, 100ms);
    vpc.resolver.thaw();
}

TEST_F(ForwardingCache, ConfiguredNamesNeverWaitBehindForwardedOnes) {
    const DaemonUnderTest daemon(vpc.daemon_options(
        "", "upstream: {timeout: 5s, attempts: 1, max_qps: 2000}\nforward: {max_in_flight: 300}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    vpc.resolver.freeze();
    constexpr int workers = 6;
    std::vector<std::thread> hanging;
    hanging.reserve(workers);
    for (int worker = 0; worker < workers; ++worker) {
        hanging.emplace_back([&daemon, worker] {
            for (int i = 0; i < 50; ++i) {
                const DnsQuery query{.name = "dead-" + std::to_string(worker * 50 + i) + ".example", .timeout = 1ms};
                daemon.ask(query);
            }
        });
    }
    for (std::thread& thread : hanging) thread.join();
    EXPECT_EQ(daemon.ask({.name = "one-more.example"}).rcode, "SERVFAIL") << "there is no room: 300 hang";
    std::chrono::milliseconds longest{0};
    for (int i = 0; i < 200; ++i) {
        const DnsReply reply = daemon.ask({.name = Vpc::service});
        ASSERT_THAT(reply.rdata("A"), SizeIs(4)) << reply;
        longest = std::max(longest, reply.elapsed);
    }
    EXPECT_LT(longest, 100ms);
    vpc.resolver.thaw();
}

/// An IPv4 address of this host that is not loopback, if it has one.
std::string address_of_this_host() {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return "";
    std::string found;
    for (const ifaddrs* at = first; at != nullptr && found.empty(); at = at->ifa_next) {
        if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET || (at->ifa_flags & IFF_LOOPBACK) != 0) {
            continue;
        }
        std::array<char, INET_ADDRSTRLEN> text{};
        const auto* const address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
        found = inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    }
    freeifaddrs(first);
    return found;
}

TEST(ForwardingLoop, AnUpstreamThatAWildcardListenerHearsIsAMistake) {
    const std::string address = address_of_this_host();
    if (address.empty()) GTEST_SKIP() << "this host has only loopback";
    const std::string port = std::to_string(pick_port());
    const TempDir dir;
    ChildProcess process({.argv = {taskdns_binary()},
                          .environment = {{"TASKDNS_CONFIG_CONTENT",
                                           "listen: {dns: ['0.0.0.0:" + port + "'], http: ['127.0.0.1:0'], allow: [" +
                                               address + "]}\nupstream: {servers: ['" + address + ":" + port +
                                               "']}\nservices: [{name: a.local}]"}},
                          .stdout_path = dir / "log",
                          .stderr_path = dir / "log"});
    EXPECT_EQ(process.wait(5s), 2);
    EXPECT_THAT(read_file(dir / "log"),
                testing::HasSubstr("TASKDNS_CONFIG_CONTENT:2:22: upstream.servers[0]: " + address + ":" + port +
                                   " is an address of this host that listen.dns hears: a loop"));
}

TEST(ForwardingLoop, ThroughAnotherResolverIsFound) {
    const std::uint16_t port = pick_port();
    // unbound asks us, and we ask it.
    const Unbound resolver(port, {"internal.", "example."});
    DaemonOptions options{.services = "a.local", .yaml = {}, .upstream_port = resolver.port(), .environment = {}};
    options.environment["TASKDNS_DNS_LISTEN"] = "127.0.0.1:" + std::to_string(port);
    const DaemonUnderTest daemon(options);
    EXPECT_TRUE(wait_until(5s, [&] {
        return daemon.log().find("sends our queries back to us") != std::string::npos;
    })) << daemon.log();
    const DnsReply reply = ask({.name = "www.example", .port = port});
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_EQ(reply.errors, (std::vector<std::pair<unsigned, std::string>>{{0, "forwarding loop"}}));
    EXPECT_LT(reply.elapsed, 100ms);
}

}  // namespace
}  // namespace taskdns::testing_support
