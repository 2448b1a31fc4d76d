// No memory: from one moment on the kernel gives the daemon no more of it, while it polls, checks, forwards, serves
// HTTP and is told to reload. Configured names are answered all the time, and all is well again once there is memory.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <sstream>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto patience = 20s;  // pauses grow to 5 s

/// The process can map nothing more, nor make its heap larger. What it has it keeps.
void take_memory_away(pid_t pid) {
    const rlimit none{1, RLIM_INFINITY};
    ASSERT_EQ(prlimit(pid, RLIMIT_DATA, &none, nullptr), 0);
    ASSERT_EQ(prlimit(pid, RLIMIT_AS, &none, nullptr), 0);
}

void give_memory_back(pid_t pid) {
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ASSERT_EQ(prlimit(pid, RLIMIT_DATA, &all, nullptr), 0);
    ASSERT_EQ(prlimit(pid, RLIMIT_AS, &all, nullptr), 0);
}

/// A sum over all labels, or with the labels.
double metric(const std::string& text, const std::string& name) {
    double sum = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name + "{") && !line.starts_with(name + " ")) continue;
        sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
}

/// Whoever uses the daemon while it has no memory: names that it has to forward, and keep; requests that take memory
/// to be answered, and some that never end. It hears no answers.
class Crowd {
public:
    Crowd(std::uint16_t dns_port, std::uint16_t http_port) : dns_(loopback(dns_port)), http_(loopback(http_port)) {
        udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(udp_, reinterpret_cast<const sockaddr*>(&dns_), sizeof dns_);
    }
    ~Crowd() {
        close(udp_);
        for (const int connection : connections_) close(connection);
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    void turn() {
        for (int i = 0; i < 20; ++i) {
            const std::string name = "n" + std::to_string(names_++) + ".other.";
            const WireBytes query = encode_query({.name = name, .type = "TXT"}, static_cast<std::uint16_t>(names_));
            send(udp_, query.data(), query.size(), 0);
        }
        WireBytes answer(2'048);
        while (recv(udp_, answer.data(), answer.size(), 0) > 0) continue;
        say(http_, "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        say(http_, "GET /v1/services HTTP/1.1\r\nHost: 127.0");
        say(dns_, std::string("\0", 1));
    }

private:
    /// Waits for nobody. The oldest go: descriptors shall not be what is missing.
    void say(const sockaddr_in& to, const std::string& text) {
        const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(connection, reinterpret_cast<const sockaddr*>(&to), sizeof to);
        send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        connections_.push_back(connection);
        if (connections_.size() < 150) return;
        close(connections_.front());
        connections_.erase(connections_.begin());
    }

    sockaddr_in dns_;
    sockaddr_in http_;
    int udp_;
    unsigned names_ = 0;
    std::vector<int> connections_;
};

class MemoryRunsOut : public testing::Test {
protected:
    static VpcOptions vpc_options() {
        const std::string text(200, 'x');
        return {.other_zones = {
                    {.origin = "other.", .ttl = 300s, .records = {"* TXT \"" + text + "\"", "* A 10.0.0.9"}}}};
    }
    static DaemonOptions options(const Vpc& vpc) {
        return vpc.daemon_options(
            "    poll: {min: 1s, max: 1s}\n    health: {interval: 300ms, fast_interval: 250ms, timeout: 200ms}\n",
            "upstream: {max_qps: 10000}\nforward: {cache_bytes: 64MiB}\n");
    }

    Vpc vpc{vpc_options()};
    DaemonUnderTest daemon{options(vpc)};

    /// A client that retries once, as a stub does.
    bool answers() {
        for (int i = 0; i < 2; ++i) {
            if (!daemon.ask({.name = Vpc::service, .timeout = 1s}).rdata("A").empty()) return true;
        }
        return false;
    }
    pid_t pid() { return daemon.process().pid(); }

    /// Each loop is at work again: polls, publishing, checks, forwarding, HTTP, TCP, reloads.
    void expect_all_is_well() {
        vpc.register_only({"127.0.0.12", "127.0.0.13"});
        EXPECT_TRUE(wait_until(patience, [this] {
            return sorted(daemon.ask_a(Vpc::service)) == std::vector<std::string>{"127.0.0.12", "127.0.0.13"};
        })) << "polls go on, their answers are published";
        vpc.backends["127.0.0.12"].kill();
        EXPECT_TRUE(wait_until(patience, [this] {
            return daemon.ask_a(Vpc::service) == std::vector<std::string>{"127.0.0.13"};
        })) << "checks go on";
        EXPECT_TRUE(wait_until(patience, [this] {
            const auto answer = daemon.ask({.name = "well.other", .timeout = 1s});
            return answer.rdata("A") == std::vector<std::string>{"10.0.0.9"};
        })) << "names are forwarded";
        EXPECT_TRUE(wait_until(patience, [this] {
            return daemon.ask({.name = Vpc::service, .tcp = true, .timeout = 1s}).rdata("A").size() == 1;
        })) << "TCP connections are accepted";
        std::string metrics;
        EXPECT_TRUE(wait_until(patience, [&] {
            const HttpReply answer = daemon.get("/metrics");
            metrics = answer.body;
            return answer.status == 200;
        })) << "HTTP connections are accepted";
        const double went_without = metric(metrics, "taskdns_memory_reserve_total") +
                                    metric(metrics, "taskdns_recoveries_total") +
                                    metric(metrics, "taskdns_forward_uncached_answers_total");
        EXPECT_TRUE(went_without > 0 || daemon.says("no memory"))
            << "there was some all the time: this shows nothing";
        EXPECT_EQ(metric(metrics, "taskdns_memory_reserve_total{outcome=\"refused\"}"), 0) << metrics;
        EXPECT_LT(metric(metrics, "taskdns_memory_reserve_blocks"), 100) << "what the reserve gave comes back";
        daemon.process().signal(SIGHUP);
        EXPECT_TRUE(daemon.says("reloaded"));
        if (HasFailure()) std::cout << metrics;
    }
};

TEST_F(MemoryRunsOut, NamesAreAnsweredAndAllIsWellAfterwards) {
    ASSERT_TRUE(daemon.wait_until_ready());
    {
        Crowd crowd(daemon.dns_port(), daemon.http_port());
        const auto begin = steady_clock::now();
        take_memory_away(pid());
        for (int turn = 0; steady_clock::now() - begin < 8s; ++turn) {
            crowd.turn();
            ASSERT_TRUE(answers()) << "in turn " << turn << (daemon.process().running() ? "" : ": it has ended");
            if (turn % 64 == 32) daemon.process().signal(SIGHUP);
            if (turn % 64 == 48) vpc.backends["127.0.0.14"].kill();
        }
        give_memory_back(pid());
    }
    expect_all_is_well();
}

TEST_F(MemoryRunsOut, SigtermEndsItWell) {
    ASSERT_TRUE(daemon.wait_until_ready());
    Crowd crowd(daemon.dns_port(), daemon.http_port());
    take_memory_away(pid());
    for (int turn = 0; turn < 100; ++turn) crowd.turn();
    ASSERT_TRUE(answers());
    EXPECT_EQ(daemon.stop().status, std::optional(0));
}

}  // namespace
}  // namespace taskdns::testing_support
