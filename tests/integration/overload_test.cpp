// More than the daemon can serve, of everything at once: what configured names feel of it, what it counts, what
// memory it takes, and that all is as before afterwards. Prints the figures. With 50,000 names a second:
// packaging/bench.sh flood. Beside it: http_hostile_test.cpp, http_watchers_test.cpp, limits_test.cpp.
#include "support/overload.hpp"

#include <algorithm>
#include <iostream>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

constexpr auto patience = 250ms;          // for a median, on a busy machine; whoever waits for the upstream waits 1 s
constexpr long cache_kib = 1024;          // forward.cache_bytes
constexpr long in_flight_kib = 256 * 12;  // forward.max_in_flight, with sockets, timers and coroutines
constexpr long tcp_kib = 64 * (128 + 16);  // connections, each with what it may leave unread twice, and its input
constexpr long http_kib = 512 * 24;        // connections with their buffers and what they are to be sent
constexpr std::size_t a_few = 3;           // descriptors of probes and polls that happen to be open

Zone example_zone() {
    return {.origin = "example.",
            .ttl = 1s,
            .soa_minimum = 1s,
            .records = {"www A 192.0.2.1", "wide A 192.0.2.2", "later A 192.0.2.3"}};
}

class Overload : public testing::Test {
protected:
    Vpc vpc{{.registered = {}, .other_zones = {example_zone()}}};
    DaemonUnderTest daemon{vpc.daemon_options()};
    long before = 0;
    long most = 0;
    std::size_t descriptors = 0;

    void SetUp() override {
        ASSERT_TRUE(daemon.wait_until_ready());
        ASSERT_FALSE(daemon.ask_a("www.example").empty());
        before = anonymous_kib(pid());
        descriptors = open_descriptors(pid());
    }
    pid_t pid() { return daemon.process().pid(); }

    /// Configured names are answered rightly, and half of them at once, for so long; memory stays below its bound.
    void expect_answers(std::chrono::milliseconds time, long bound) {
        std::vector<std::chrono::milliseconds> elapsed;
        const auto end = steady_clock::now() + time;
        while (steady_clock::now() < end || elapsed.size() < 20) {
            const DnsReply reply = daemon.ask({.name = Vpc::service});
            ASSERT_THAT(reply.rdata("A"), UnorderedElementsAreArray(vpc.backends.addresses())) << reply;
            elapsed.push_back(reply.elapsed);
            most = std::max(most, anonymous_kib(pid()));
            std::this_thread::sleep_for(3ms);
        }
        std::ranges::sort(elapsed);
        std::cout << "configured: " << elapsed.size() << " answers, median " << elapsed[elapsed.size() / 2].count()
                  << " ms, longest " << elapsed.back().count() << " ms; RssAnon " << before << ", then at most "
                  << most << " KiB of " << before + bound << "\n";
        EXPECT_LT(elapsed[elapsed.size() / 2], patience);
        EXPECT_LT(most, before + bound);
    }
    /// Whatever came is gone: nothing is in flight, no descriptor is lost, and everything answers.
    void expect_all_as_before() {
        EXPECT_TRUE(wait_until(10s, [&] { return metric(daemon, "taskdns_forward_waiting_clients") == 0; }));
        EXPECT_TRUE(wait_until(15s, [&] { return open_descriptors(pid()) <= descriptors + a_few; }))
            << open_descriptors(pid()) << " descriptors, " << descriptors << " before";
        EXPECT_TRUE(wait_until(20s, [&] { return !daemon.ask_a("later.example").empty(); })) << "forwarded again";
        EXPECT_EQ(daemon.ask({.name = Vpc::service, .tcp = true}).rdata("A").size(), 4U);
        EXPECT_EQ(daemon.get("/readyz").status, 200U);
    }
};

/// Each question has one answer, and each answer is in one counter.
void expect_counted(const DaemonUnderTest& daemon, double before, const NameFlood& flood) {
    const double counted = metric(daemon, "taskdns_forward_answers_total") - before;
    std::cout << "flood: " << flood.sent() << " names, " << flood.answered() << " answered; over a limit "
              << metric(daemon, "taskdns_forward_answers_total{outcome=\"over_limit\"}") << ", failed "
              << metric(daemon, "taskdns_forward_answers_total{outcome=\"failure\"}") << "\n";
    EXPECT_EQ(flood.answered(), flood.sent());
    EXPECT_GE(counted, static_cast<double>(flood.answered()));
    EXPECT_GT(metric(daemon, "taskdns_forward_answers_total{outcome=\"over_limit\"}"), 0);
}

TEST_F(Overload, OfUniqueNamesWhoseUpstreamIsSilent) {
    const double counted = metric(daemon, "taskdns_forward_answers_total");
    vpc.resolver.freeze();
    NameFlood flood(daemon.dns_port(), 5);
    expect_answers(3s, cache_kib + in_flight_kib);
    flood.finish();
    expect_counted(daemon, counted, flood);
    vpc.resolver.thaw();
    expect_all_as_before();
}

TEST_F(Overload, OfUniqueNamesWhoseUpstreamRefuses) {
    const double counted = metric(daemon, "taskdns_forward_answers_total");
    vpc.resolver.stop();
    NameFlood flood(daemon.dns_port(), 5);
    expect_answers(3s, cache_kib + in_flight_kib);
    flood.finish();
    expect_counted(daemon, counted, flood);
    vpc.resolver.start();
    expect_all_as_before();
}

TEST_F(Overload, OfTcpClientsThatReadNothing) {
    std::string queries;
    for (int i = 0; i < 500; ++i) queries += framed_query(Vpc::service);
    {
        DeafConnections deaf(daemon.dns_port(), 100);  // more than there may be
        const Beside sending([&](const std::atomic<bool>& over) {
            while (!over) {
                deaf.send(queries);
                std::this_thread::sleep_for(5ms);
            }
        });
        expect_answers(3s, tcp_kib);
        EXPECT_EQ(daemon.ask({.name = Vpc::service, .tcp = true}).rdata("A").size(), 4U) << "who reads is served";
    }
    EXPECT_GT(metric(daemon, "taskdns_dns_server_tcp_evictions_total"), 0);
    expect_all_as_before();
}

/// Questions for a service that has not been polled yet wait for it, but not more than 256 of them.
TEST(OverloadOfHeldQuestions, IsToldSoAtOnceAndOtherServicesAnswer) {
    Vpc vpc;
    vpc.resolver.freeze();
    const DaemonUnderTest daemon(
        vpc.daemon_options("  - {name: here.test, source: static, addresses: [127.0.0.1], health: {check: none}}\n",
                           "upstream: {timeout: 5s, attempts: 1}\n"));
    NameFlood flood(daemon.dns_port(), 5, Vpc::service);
    EXPECT_TRUE(wait_until(1500ms, [&] { return flood.answered() > 100; })) << "before any can have waited for 2 s";
    EXPECT_GT(flood.sent(), flood.answered() + 200) << "the others wait";
    EXPECT_EQ(daemon.ask_a("here.test"), std::vector<std::string>{"127.0.0.1"});
    flood.finish();
    EXPECT_EQ(flood.answered(), flood.sent());
    EXPECT_GE(metric(daemon, "taskdns_dns_server_held_queries_total"), 256);
}

TEST_F(Overload, OfUdpTcpAndHttpAtOnce) {
    {
        const std::string index = daemon.get("/v1/services").headers["x-taskdns-index"];
        const DeafConnections watchers(daemon.http_port(), 450);
        watchers.send_once("GET /v1/services?wait=60s&index=" + index + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        EXPECT_TRUE(wait_until(5s, [&] { return metric(daemon, "taskdns_http_server_watchers") == 400; }))
            << metric(daemon, "taskdns_http_server_watchers") << " of 450";
        vpc.resolver.freeze();
        NameFlood flood(daemon.dns_port(), 3);
        DeafConnections tcp(daemon.dns_port(), 60);
        DeafConnections http(daemon.http_port(), 100);
        const Beside sending([&](const std::atomic<bool>& over) {
            while (!over) {
                tcp.send(framed_query(Vpc::service) + framed_query("deep.flood.example"));
                http.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
                std::this_thread::sleep_for(20ms);
            }
        });
        expect_answers(4s, cache_kib + in_flight_kib + tcp_kib + http_kib);
        EXPECT_EQ(daemon.get("/healthz").status, 200U);
    }
    EXPECT_GT(metric(daemon, "taskdns_http_server_limits_total"), 0);
    vpc.resolver.thaw();
    expect_all_as_before();
}

/// One that is watched by as many as may, and changes all the time.
TEST_F(Overload, OfWatchersOfAServiceThatFlaps) {
    {
        const std::string name(Vpc::service);
        const DeafConnections watchers(daemon.http_port(), 300);
        const DeafConnections streams(daemon.http_port(), 100);
        const std::string index = daemon.get("/v1/services").headers["x-taskdns-index"];
        watchers.send_once("GET /v1/services?wait=60s&index=" + index + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        streams.send_once("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        ASSERT_TRUE(wait_until(10s, [&] { return metric(daemon, "taskdns_http_server_watchers") >= 400; }))
            << metric(daemon, "taskdns_http_server_watchers");
        std::atomic<unsigned> changes = 0;
        const Beside flapping([&](const std::atomic<bool>& over) {
            const std::string admin =
                "/v1/services/" + name + "/endpoints/127.0.0.14:" + std::to_string(vpc.backends.port()) + "/admin";
            while (!over) {
                if (http_change(daemon.http_port(), "PUT", admin, R"({"state": "drained"})").status == 200) ++changes;
                if (http_change(daemon.http_port(), "DELETE", admin).status / 100 == 2) ++changes;
            }
        });
        std::chrono::milliseconds longest{0};
        const auto end = steady_clock::now() + 3s;
        while (steady_clock::now() < end) {
            const DnsReply reply = daemon.ask({.name = name});
            ASSERT_THAT(reply.rdata("A"), testing::AnyOf(SizeIs(3), SizeIs(4))) << reply;
            longest = std::max(longest, reply.elapsed);
            most = std::max(most, anonymous_kib(pid()));
        }
        std::cout << changes << " changes, told to 100 streams; longest answer " << longest.count() << " ms; RssAnon "
                  << before << ", then at most " << most << " KiB\n";
        EXPECT_GT(changes, 10U);
        EXPECT_LT(longest, 1s);
        EXPECT_LT(most, before + http_kib);
    }
    expect_all_as_before();
}

}  // namespace
}  // namespace taskdns::testing_support
