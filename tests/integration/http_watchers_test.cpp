// 300 blocking queries and 100 event streams at once: what they cost, how soon they hear of a change, and that none
// misses one of 1,000. Prints the figures.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include <gmock/gmock.h>

#include "support/child_process.hpp"
#include "support/daemon_under_test.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t queries = 300;
constexpr std::size_t streams = 100;
constexpr std::size_t rounds = 100;
constexpr std::size_t changes_a_round = 10;
constexpr std::size_t most_kib_each = 16;

/// A connection that is read as far as something is there.
class Watcher {
public:
    explicit Watcher(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(connect(descriptor_, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    }
    ~Watcher() { close(descriptor_); }
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    void ask(const std::string& method, const std::string& target, const std::string& body = "") const {
        std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
        if (!body.empty()) {
            request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
        }
        request += "\r\n" + body;
        EXPECT_EQ(send(descriptor_, request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
    }
    int descriptor() const { return descriptor_; }
    void read() {
        char part[16 * 1024];
        const ssize_t size = recv(descriptor_, part, sizeof part, MSG_DONTWAIT);
        if (size > 0) received_.append(part, static_cast<std::size_t>(size));
    }
    /// The index of a whole response, which is forgotten; 0: there is none yet.
    std::uint64_t take_response() {
        const std::size_t end = received_.find("\r\n\r\n");
        if (end == std::string::npos) return 0;
        const std::uint64_t length = field("\r\nContent-Length: ");
        if (received_.size() < end + 4 + length) return 0;
        const std::uint64_t index = field("\r\nX-Taskdns-Index: ");
        EXPECT_TRUE(received_.starts_with("HTTP/1.1 200 OK\r\n")) << received_;
        received_.erase(0, end + 4 + length);
        return index;
    }
    /// The ids of all events so far, in order.
    std::vector<std::uint64_t> ids() const {
        std::vector<std::uint64_t> out;
        std::istringstream lines(received_);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("id: ")) out.push_back(std::stoull(line.substr(4)));
        }
        return out;
    }
    bool has(const std::string& text) const { return received_.find(text) != std::string::npos; }

private:
    std::uint64_t field(const std::string& name) const {
        const std::size_t at = received_.find(name);
        return at == std::string::npos ? 0 : std::stoull(received_.substr(at + name.size(), 20));
    }

    int descriptor_;
    std::string received_;
};

using List = std::vector<std::unique_ptr<Watcher>>;

/// Reads from all until `done` says so of each, or `limit` has passed; true in the first case.
template <class Done>
bool read_until(const List& list, std::chrono::milliseconds limit, Done done) {
    const auto end = SteadyClock::now() + limit;
    std::vector<bool> is_done(list.size());
    std::size_t left = list.size();
    for (std::size_t i = 0; i < list.size(); ++i) {  // it may all have been read before
        is_done[i] = done(*list[i]);
        if (is_done[i]) --left;
    }
    while (left > 0) {
        std::vector<pollfd> waiting;
        std::vector<std::size_t> which;
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (is_done[i]) continue;
            waiting.push_back({list[i]->descriptor(), POLLIN, 0});
            which.push_back(i);
        }
        if (SteadyClock::now() > end) return false;
        if (poll(waiting.data(), waiting.size(), 100) < 0) return false;
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            if (waiting[i].revents == 0) continue;
            list[which[i]]->read();
            if (!done(*list[which[i]])) continue;
            is_done[which[i]] = true;
            --left;
        }
    }
    return true;
}

std::size_t rss_anon_kib(int process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    std::size_t kib = 0;
    for (std::string word; file >> word;) {
        if (word == "RssAnon:") file >> kib;
    }
    return kib;
}

class HttpWatchers : public testing::Test {
protected:
    static constexpr const char* endpoints = "/v1/services/static.local/endpoints";
    const DaemonUnderTest daemon{{.yaml = "services:\n"
                                          "  - name: static.local\n"
                                          "    source: static\n"
                                          "    addresses: ['127.0.0.11:8080', '127.0.0.12:8080', '127.0.0.13:8080']\n"
                                          "    health: {check: none}\n"}};
    List list_of_queries;
    List list_of_streams;
    std::unique_ptr<Watcher> changer;
    std::uint64_t index = 0;
    bool drained = false;

    void wait_all() {
        for (const auto& query : list_of_queries) {
            query->ask("GET", std::string(endpoints) + "?wait=2m&index=" + std::to_string(index));
        }
    }
    /// Drains an endpoint, or ends that; its answer is read later.
    void send_change() {
        const std::string target = std::string(endpoints) + "/127.0.0.11:8080/admin";
        drained = !drained;
        if (drained) {
            changer->ask("PUT", target, R"({"state": "drained"})");
        } else {
            changer->ask("DELETE", target);
        }
    }
    bool read_change() {
        std::uint64_t now = 0;
        pollfd waiting{changer->descriptor(), POLLIN, 0};
        while (now == 0 && poll(&waiting, 1, 5'000) == 1) {
            changer->read();
            now = changer->take_response();
        }
        const bool one_more = now == index + 1;
        index = now;
        return one_more;
    }
};

TEST_F(HttpWatchers, HearOfEveryChangeAtOnceAndCostLittle) {
    ASSERT_TRUE(daemon.wait_until_ready());
    changer = std::make_unique<Watcher>(daemon.http_port());
    send_change();
    read_change();  // whatever the first answer allocates is there
    const std::uint64_t first = index;
    const int process = const_cast<DaemonUnderTest&>(daemon).process().pid();
    const std::size_t before = rss_anon_kib(process);
    for (std::size_t i = 0; i < queries; ++i) {
        list_of_queries.push_back(std::make_unique<Watcher>(daemon.http_port()));
    }
    for (std::size_t i = 0; i < streams; ++i) {
        list_of_streams.push_back(std::make_unique<Watcher>(daemon.http_port()));
        list_of_streams.back()->ask("GET", "/v1/events");
    }
    const std::string present = "\nid: " + std::to_string(first) + "\n\n";
    ASSERT_TRUE(read_until(list_of_streams, 10s, [&](const Watcher& stream) { return stream.has(present); }));
    wait_all();
    const auto refused = [this] {
        return daemon.get(std::string(endpoints) + "?wait=100ms&index=" + std::to_string(index)).status == 503;
    };
    EXPECT_TRUE(wait_until(10s, refused)) << "400 watchers, and no more";
    const std::size_t waiting = rss_anon_kib(process);

    std::vector<double> latencies;
    for (std::size_t round = 0; round < rounds; ++round) {
        const auto begin = SteadyClock::now();
        send_change();
        ASSERT_TRUE(read_until(list_of_queries, 10s,
                               [&](Watcher& query) {
                                   const std::uint64_t told = query.take_response();
                                   if (told == 0) return false;
                                   EXPECT_EQ(told, index + 1);
                                   latencies.push_back(
                                       std::chrono::duration<double, std::milli>(SteadyClock::now() - begin).count());
                                   return true;
                               }))
            << "round " << round;
        ASSERT_TRUE(read_change());
        for (std::size_t i = 1; i < changes_a_round; ++i) {
            send_change();
            ASSERT_TRUE(read_change());
        }
        wait_all();
        for (const auto& stream : list_of_streams) stream->read();
    }
    const std::string last = "\nid: " + std::to_string(index) + "\n";
    ASSERT_TRUE(read_until(list_of_streams, 10s, [&](const Watcher& stream) { return stream.has(last); }));
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = first; i <= first + rounds * changes_a_round; ++i) all.push_back(i);
    for (const auto& stream : list_of_streams) EXPECT_EQ(stream->ids(), all);
    const std::size_t after = rss_anon_kib(process);

    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](double share) {
        return latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
    };
    const auto each = [&](std::size_t now) {
        return static_cast<double>(now - std::min(now, before)) / (queries + streams);
    };
    std::cout << "change to answer, " << queries << " queries, ms: p50 " << at(0.5) << ", p99 " << at(0.99)
              << ", max " << latencies.back() << "\nRssAnon each of " << queries + streams
              << " watchers, KiB: " << each(waiting) << " waiting, " << each(after) << " after "
              << rounds * changes_a_round << " changes (" << before << " KiB before)\n";
    EXPECT_LE(at(0.5), 500) << "generous: continuous integration is slow";
    EXPECT_LE(each(waiting), most_kib_each);
    EXPECT_LE(each(after), most_kib_each);
}

}  // namespace
}  // namespace taskdns::testing_support
