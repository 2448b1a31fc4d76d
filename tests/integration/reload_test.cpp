// The configuration is read again while the daemon runs: what the file says happens, nothing is lost on the way, and
// a bad file changes nothing.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/backend.hpp"
#include "support/daemon_under_test.hpp"
#include "support/fake_registry.hpp"
#include "support/pick_port.hpp"
#include "support/vpc.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// A daemon that reads its configuration from a file.
class Reload : public testing::Test {
protected:
    void write(const std::string& services) { write_file(path, head(dns_port, http_port) + services); }
    static std::string head(std::uint16_t dns_port, std::uint16_t http_port) {
        return "listen: {dns: [127.0.0.1:" + std::to_string(dns_port) +
               "], http: [127.0.0.1:" + std::to_string(http_port) +
               "]}\nupstream: {servers: [127.0.0.1:1], timeout: 50ms}\n";
    }
    void start() {
        daemon.emplace(DaemonOptions{.file = path, .dns_port = dns_port, .http_port = http_port});
        ASSERT_TRUE(daemon->wait_until_ready());
    }
    HttpReply reload() const {
        return http_get(daemon->http_port(), "/v1/reload", {{"Content-Type", "application/json"}}, "POST");
    }

    TempDir dir;
    std::string path = dir / "taskdns.yaml";
    std::uint16_t dns_port = pick_port();
    std::uint16_t http_port = pick_port();
    std::optional<DaemonUnderTest> daemon;
};

constexpr const char* two_services = R"(
services:
  - {name: a.local, source: static, addresses: [127.0.0.1], health: {check: none}}
  - {name: b.local, source: static, addresses: [127.0.0.2], health: {check: none}}
)";

constexpr const char* two_others = R"(
services:
  - {name: c.local, source: static, addresses: [127.0.0.3], aliases: [c], health: {check: none}}
  - {name: b.local, source: static, addresses: [127.0.0.2, 127.0.0.4], answer: {fair: false}, health: {check: none}}
)";

TEST_F(Reload, AddsRemovesAndChangesServices) {
    write(two_services);
    start();
    write(two_others);
    const HttpReply reply = reload();
    EXPECT_EQ(reply.status, 200U) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("\"applied\""));
    EXPECT_THAT(daemon->ask_a("a.local"), IsEmpty());
    EXPECT_THAT(daemon->ask_a("b.local"), UnorderedElementsAre("127.0.0.2", "127.0.0.4"));
    EXPECT_THAT(daemon->ask_a("c.local"), ElementsAre("127.0.0.3"));
    EXPECT_THAT(daemon->ask_a("c"), ElementsAre("127.0.0.3"));
    EXPECT_EQ(daemon->get("/v1/services/a.local").status, 404U);
    const std::string list = daemon->get("/v1/services").body;
    EXPECT_LT(list.find("c.local"), list.find("b.local")) << "in the order of the file";
}

TEST_F(Reload, AnswersWhoWaitsForAServiceThatGoes) {
    write(two_services);
    start();
    for (const std::string path_of : {"/v1/services/a.local", "/v1/services/a.local/endpoints"}) {
        write(two_services);
        ASSERT_EQ(reload().status, 200U);
        const std::string now = daemon->get(path_of).headers.at("x-taskdns-index");
        HttpReply waited;
        std::thread waiting([&] { waited = daemon->get(path_of + "?wait=10s&index=" + now); });
        EXPECT_TRUE(wait_until(5s, [&] {
            return daemon->get("/metrics").body.find("taskdns_http_server_watchers{kind=\"query\"} 1\n") !=
                   std::string::npos;
        }));
        write(two_others);
        EXPECT_EQ(reload().status, 200U);
        waiting.join();
        EXPECT_EQ(waited.status, 404U);
    }
}

/// The configuration that they come from has gone by then.
TEST_F(Reload, GoesOnToPollStaticServicesThatAreUnchanged) {
    const std::string often = R"(
services:
  - {name: a.local, source: static, addresses: [127.0.0.1, 127.0.0.5, 127.0.0.6], health: {check: none},
     answer: {fair: false}, poll: {min: 1s, max: 1s}}
)";
    write(often);
    start();
    for (int i = 0; i < 3; ++i) {
        write(often + "  - {name: x" + std::to_string(i) + ".local, source: static, addresses: [127.0.0.9]}\n");
        ASSERT_EQ(reload().status, 200U);
    }
    const auto polls = [&] {
        const std::string body = daemon->get("/metrics").body;
        const std::string name = "taskdns_discovery_polls_total{service=\"a.local\",outcome=\"records\"} ";
        const std::size_t at = body.find(name);
        return at == std::string::npos ? 0 : std::stoi(body.substr(at + name.size()));
    };
    const int before = polls();
    EXPECT_TRUE(wait_until(10s, [&] { return polls() >= before + 2; }));
    EXPECT_THAT(daemon->ask_a("a.local"), UnorderedElementsAre("127.0.0.1", "127.0.0.5", "127.0.0.6"));
}

TEST_F(Reload, HappensOnSighupToo) {
    write(two_services);
    start();
    write(two_others);
    daemon->process().signal(SIGHUP);
    EXPECT_TRUE(wait_until(5s, [&] { return !daemon->ask_a("c.local").empty(); }));
    EXPECT_THAT(daemon->get("/v1/status").body, HasSubstr("\"trigger\": \"signal\""));
}

TEST_F(Reload, SaysWhenNothingIsDifferent) {
    write(two_services);
    start();
    write(std::string("# a comment moves the lines\n") + two_services);
    EXPECT_THAT(reload().body, HasSubstr("\"unchanged\""));
}

TEST_F(Reload, MovesToOtherPortsAndLeavesTheOld) {
    write(two_services);
    start();
    const std::uint16_t other_dns = pick_port();
    const std::uint16_t other_http = pick_port();
    write_file(path, head(other_dns, other_http) + two_services);
    EXPECT_EQ(reload().status, 200U) << "over a connection to a listener that closes";
    EXPECT_THAT(ask_a("a.local", other_dns), ElementsAre("127.0.0.1"));
    EXPECT_TRUE(ask({.name = "a.local", .port = other_dns, .tcp = true}).arrived);
    EXPECT_EQ(http_get(other_http, "/healthz").status, 200U);
    EXPECT_FALSE(ask({.name = "a.local", .port = dns_port, .timeout = 200ms}).arrived);
    EXPECT_FALSE(ask({.name = "a.local", .port = dns_port, .tcp = true, .timeout = 200ms}).arrived);
    EXPECT_EQ(http_get(http_port, "/healthz").status, 0U);
    daemon->move_to(other_dns, other_http);
    write(two_services);  // and back
    EXPECT_EQ(reload().status, 200U);
    daemon->move_to(dns_port, http_port);
    EXPECT_THAT(daemon->ask_a("a.local"), ElementsAre("127.0.0.1"));
}

TEST_F(Reload, ChangesNothingWhenTheFileIsWrong) {
    write(two_services);
    start();
    const std::string before = daemon->get("/v1/services/a.local").headers.at("x-taskdns-index");
    write("servcies: []\nlog: {level: loud}\n");
    const HttpReply reply = reload();
    EXPECT_EQ(reply.status, 422U);
    EXPECT_THAT(reply.headers.at("content-type"), HasSubstr("application/problem+json"));
    EXPECT_THAT(reply.body, HasSubstr(path + ":3:1: servcies: unknown key"));
    EXPECT_THAT(reply.body, HasSubstr("log.level"));
    EXPECT_THAT(daemon->ask_a("a.local"), ElementsAre("127.0.0.1"));
    EXPECT_EQ(daemon->get("/v1/services/a.local").headers.at("x-taskdns-index"), before);
    const auto logged = [&] { return daemon->log().find(path + ":3:1: servcies: unknown key") != std::string::npos; };
    EXPECT_TRUE(wait_until(5s, logged)) << daemon->log();
    EXPECT_THAT(daemon->get("/metrics").body, HasSubstr("taskdns_config_last_reload_successful 0\n"));

    write(two_others);
    EXPECT_EQ(reload().status, 200U);
    EXPECT_THAT(daemon->get("/metrics").body, HasSubstr("taskdns_config_last_reload_successful 1\n"));
}

TEST_F(Reload, ChangesNothingWhenAListenerCannotBeHad) {
    write(two_services);
    start();
    const std::uint16_t free_dns = pick_port();
    const Backend taken("127.0.0.1", pick_port());
    write_file(path, head(free_dns, taken.port()) + two_others);
    const HttpReply reply = reload();
    EXPECT_EQ(reply.status, 422U);
    EXPECT_THAT(reply.body, HasSubstr("127.0.0.1:" + std::to_string(taken.port())));
    EXPECT_FALSE(ask({.name = "a.local", .port = free_dns, .timeout = 200ms}).arrived) << "bound, and given back";
    EXPECT_THAT(daemon->ask_a("a.local"), ElementsAre("127.0.0.1"));
    EXPECT_THAT(daemon->ask_a("c.local"), IsEmpty());
}

TEST_F(Reload, RefusesToAskItself) {
    write(two_services);
    start();
    write_file(path, "listen: {dns: [127.0.0.1:" + std::to_string(dns_port) +
                         "]}\nupstream: {servers: [127.0.0.1:" + std::to_string(dns_port) + "]}\n" + two_services);
    EXPECT_EQ(reload().status, 422U);
    EXPECT_THAT(daemon->ask_a("a.local"), ElementsAre("127.0.0.1"));
}

TEST_F(Reload, ToOtherServersLeavesNobodyWithoutAnAnswer) {
    FakeRegistry old_server;
    const FakeRegistry new_server;
    old_server.silence("late.example");
    const auto asking = [&](const FakeRegistry& server) {
        return "listen: {dns: [127.0.0.1:" + std::to_string(dns_port) +
               "], http: [127.0.0.1:" + std::to_string(http_port) +
               "]}\nupstream: {servers: [127.0.0.1:" + std::to_string(server.port()) +
               "], timeout: 500ms, attempts: 2}\n" + two_services;
    };
    write_file(path, asking(old_server));
    start();
    std::future<DnsReply> reply =
        std::async(std::launch::async, [this] { return daemon->ask({.name = "late.example", .timeout = 3s}); });
    std::this_thread::sleep_for(150ms);  // it is in flight
    write_file(path, asking(new_server));
    ASSERT_EQ(reload().status, 200U);
    old_server.set("late.example", {"10.0.0.1"}, 60);
    EXPECT_THAT(reply.get().rdata("A"), ElementsAre("10.0.0.1")) << "by the second attempt";
    EXPECT_EQ(daemon->ask({.name = "late.example"}).rcode, "NXDOMAIN") << "the new server is asked now";
}

/// What the registry says and the checks have seen stays, and nothing is asked or checked anew.
TEST(ReloadOfAService, KeepsMembersHealthAndRotationOfWhatIsUnchanged) {
    Vpc vpc;
    vpc.backends["127.0.0.14"].kill();
    TempDir dir;
    const std::uint16_t dns_port = pick_port();
    const std::uint16_t http_port = pick_port();
    const auto text = [&](const std::string& more) {
        return "listen: {dns: [127.0.0.1:" + std::to_string(dns_port) +
               "], http: [127.0.0.1:" + std::to_string(http_port) +
               "]}\nupstream: {servers: [127.0.0.1:" + std::to_string(vpc.resolver.port()) +
               "]}\nservices:\n  - {name: resource-server.local, port: " + std::to_string(vpc.backends.port()) +
               ", poll: {min: 30s, max: 30s}}\n" + more;
    };
    write_file(dir / "f.yaml", text(""));
    DaemonUnderTest daemon({.file = dir / "f.yaml", .dns_port = dns_port, .http_port = http_port});
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_TRUE(wait_until(5s, [&] { return daemon.ask_a("resource-server.local").size() == 3; }));
    const std::string index = daemon.get("/v1/services/resource-server.local").headers.at("x-taskdns-index");
    const std::string polls =
        "taskdns_discovery_polls_total{service=\"resource-server.local\",outcome=\"records\"} 1\n";
    EXPECT_THAT(daemon.get("/metrics").body, HasSubstr(polls));

    write_file(dir / "f.yaml", text("  - {name: x.local, source: static, addresses: [127.0.0.9]}\n"));
    const HttpReply reloaded = http_get(http_port, "/v1/reload", {{"Content-Type", "application/json"}}, "POST");
    ASSERT_EQ(reloaded.status, 200U) << reloaded.body;
    const HttpReply after = daemon.get("/v1/services/resource-server.local");
    EXPECT_EQ(after.headers.at("x-taskdns-index"), index);
    EXPECT_THAT(after.body, HasSubstr("unhealthy:refused"));
    EXPECT_THAT(daemon.get("/metrics").body, HasSubstr(polls)) << "not polled again";

    // Another setting of the service: it is polled again, and answers without a gap meanwhile.
    std::string changed = text("");
    changed.replace(changed.find("poll: {min: 30s, max: 30s}"), 26, "health: {interval: 3s}");
    write_file(dir / "f.yaml", changed);
    ASSERT_EQ(http_get(http_port, "/v1/reload", {{"Content-Type", "application/json"}}, "POST").status, 200U);
    EXPECT_EQ(daemon.ask_a("resource-server.local").size(), 3U);
    EXPECT_THAT(daemon.get("/v1/services/resource-server.local").body, HasSubstr("unhealthy:refused"));
}

/// Questions at a steady rate from one socket, and which of them were answered.
class Load {
public:
    Load(std::uint16_t port, unsigned per_second) : per_millisecond_(per_second / 1000) {
        socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        const int octets = 8 << 20;
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
        query_ = encode_query({.name = "b.local"}, 0);
    }
    ~Load() { ::close(socket_); }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    void run_for(std::chrono::milliseconds time) {
        const auto begin = std::chrono::steady_clock::now();
        for (long turn = 0; std::chrono::steady_clock::now() - begin < time; ++turn) {
            for (unsigned i = 0; i < per_millisecond_; ++i) send();
            while (receive()) continue;
            std::this_thread::sleep_until(begin + (turn + 1) * 1ms);
        }
        wait_until(2s, [this] {
            while (receive()) continue;
            return answered_ + failed_ == sent_;
        });
    }
    unsigned long sent() const { return sent_; }
    unsigned long answered() const { return answered_; }

private:
    void send() {
        query_[0] = static_cast<std::uint8_t>(sent_ >> 8);
        query_[1] = static_cast<std::uint8_t>(sent_);
        if (::send(socket_, query_.data(), query_.size(), 0) > 0) ++sent_;
    }
    bool receive() {
        std::array<std::uint8_t, 512> answer{};
        const ssize_t size = ::recv(socket_, answer.data(), answer.size(), 0);
        if (size < 12) return false;
        const bool good = (answer[3] & 15) == 0 && answer[7] > 0;  // NOERROR, with records
        ++(good ? answered_ : failed_);
        return true;
    }

    unsigned per_millisecond_;
    int socket_ = -1;
    WireBytes query_;
    unsigned long sent_ = 0;
    unsigned long answered_ = 0;
    unsigned long failed_ = 0;
};

TEST_F(Reload, LosesNoQueryOfTwentyThousandASecond) {
    write(two_services);
    start();
    Load load(dns_port, 20'000);
    std::thread asking([&load] { load.run_for(4s); });
    unsigned reloads = 0;
    for (int i = 0; i < 30; ++i) {
        write(i % 2 == 0 ? two_others : two_services);
        if (reload().status == 200) ++reloads;
        std::this_thread::sleep_for(100ms);
    }
    asking.join();
    EXPECT_EQ(reloads, 30U);
    EXPECT_GT(load.sent(), 60'000U);
    EXPECT_EQ(load.answered(), load.sent());
    RecordProperty("sent", static_cast<int>(load.sent()));
}

}  // namespace
}  // namespace taskdns
