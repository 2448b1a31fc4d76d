// bench_balancing_clients: closed-loop clients, each of which looks a name up for every request, connects to the
// first address of the answer, sends a line, reads until the server closes, and begins again. One line of JSON.
//
// One thread, epoll. A latency is from before the query is sent to the end of the answer, so it holds all that an
// application without connections of its own would wait for. The server closes first, so a client's port is free at
// once. What fails counts as failed, has no latency, and its client pauses for a moment.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load_descriptor.hpp"
#include "bench/load_questions.hpp"

namespace {

using namespace taskdns::bench;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto patience = 5s;  // with one request
constexpr auto pause = 100ms;  // after a failure, and between two looks for who waits too long

struct Options {
    std::uint16_t dns_port = 0;
    std::uint16_t port = 0;
    std::string names_file;
    std::size_t clients = 64;
    double seconds = 10;
    double warm_up = 15;
};

/// The first A record behind one question; names in answers are compressed, or of the question's length.
std::optional<in_addr> first_address(const std::uint8_t* message, std::size_t length) {
    if (!is_right({message, length}, 1)) return std::nullopt;
    const auto skip_name = [&](std::size_t at) {
        while (at < length && message[at] != 0 && message[at] < 0xC0) at += message[at] + 1U;
        return at < length && message[at] >= 0xC0 ? at + 2 : at + 1;
    };
    const std::size_t record = skip_name(skip_name(12) + 4);
    constexpr std::size_t fixed_part = 10;  // type, class, TTL, length
    if (record + fixed_part + 4 > length || message[record + 1] != 1) return std::nullopt;
    in_addr out{};
    std::copy_n(message + record + fixed_part, 4, reinterpret_cast<std::uint8_t*>(&out.s_addr));
    return out;
}

class Measurement {
public:
    Measurement(Clock::time_point from, Clock::time_point to) : from_(from), to_(to) {}

    void count(const std::string& server, Clock::time_point since, Clock::time_point now) {
        if (now < from_ || now > to_) return;
        latencies_.push_back(std::chrono::duration<double, std::milli>(now - since).count());
        ++servers_[server];
    }
    void count_failure(Clock::time_point now) {
        if (now >= from_ && now <= to_) ++failures_;
    }

    std::string json() {
        std::sort(latencies_.begin(), latencies_.end());
        double sum = 0;
        for (const double latency : latencies_) sum += latency;
        const auto requests = static_cast<double>(std::max<std::size_t>(latencies_.size(), 1));
        const double seconds = std::chrono::duration<double>(to_ - from_).count();
        std::ostringstream out;
        out << "{\"requests\": " << latencies_.size() << ", \"failures\": " << failures_
            << ", \"requests_per_second\": " << static_cast<double>(latencies_.size()) / seconds
            << ", \"mean_ms\": " << sum / requests << ", \"p50_ms\": " << percentile(0.5)
            << ", \"p99_ms\": " << percentile(0.99) << ", \"shares\": {";
        const char* separator = "";
        for (const auto& [server, count] : servers_) {
            out << std::exchange(separator, ", ") << '"' << server << "\": " << static_cast<double>(count) / requests;
        }
        out << "}}";
        return out.str();
    }

private:
    double percentile(double share) const {
        if (latencies_.empty()) return 0;
        return latencies_[static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1))];
    }

    Clock::time_point from_;
    Clock::time_point to_;
    std::vector<double> latencies_;  // milliseconds; sorted by json()
    std::map<std::string, std::size_t> servers_;
    std::size_t failures_ = 0;
};

class Client {
public:
    Client(const Options& options, Questions& questions, Measurement& measurement, int epoll, std::size_t number)
        : options_(options),
          questions_(questions),
          measurement_(measurement),
          epoll_(epoll),
          number_(number),
          dns_(udp_socket(options.dns_port)) {
        watch(dns_, EPOLLIN);
    }

    void begin() {
        state_ = State::asking;
        since_ = Clock::now();
        held_.clear();
        std::array<std::uint8_t, longest_query> query{};
        const std::size_t length = questions_.write_next(query.data(), ++id_);
        if (::send(dns_.get(), query.data(), length, 0) < 0) fail();
    }

    void go_on() {
        if (state_ == State::asking) read_addresses();
        if (state_ == State::connecting) send_request();
        if (state_ == State::reading) read_answer();
    }

    void look_at_the_clock(Clock::time_point now) {
        if (state_ == State::pausing) {
            begin();
        } else if (now - since_ > patience) {
            fail();
        }
    }

private:
    enum class State { pausing, asking, connecting, reading };

    void watch(const Descriptor& socket, std::uint32_t events) {
        epoll_event event{};
        event.events = events | EPOLLET;
        event.data.u64 = number_;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.get(), &event) != 0) {
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
        }
    }

    void fail() {
        measurement_.count_failure(Clock::now());
        connection_ = Descriptor();
        state_ = State::pausing;
    }

    void read_addresses() {
        std::array<std::uint8_t, 4096> answer{};
        for (;;) {
            const ssize_t length = ::recv(dns_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
            if (length < 0) return is_not_ready(errno) ? void() : fail();
            if (length < 2 || id_of(answer.data()) != id_) continue;  // of a request that was given up
            const auto address = first_address(answer.data(), static_cast<std::size_t>(length));
            return address ? connect_to(*address) : fail();
        }
    }

    void connect_to(in_addr address) {
        connection_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in native{};
        native.sin_family = AF_INET;
        native.sin_port = htons(options_.port);
        native.sin_addr = address;
        const int status = ::connect(connection_.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native);
        if (status != 0 && errno != EINPROGRESS) return fail();
        watch(connection_, EPOLLIN | EPOLLOUT);
        state_ = State::connecting;
    }

    void send_request() {
        constexpr std::string_view line = "get\n";
        if (::send(connection_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
            state_ = State::reading;
        } else if (!is_not_ready(errno)) {
            fail();
        }
    }

    void read_answer() {
        for (;;) {
            std::array<char, 256> octets{};
            const ssize_t length = ::recv(connection_.get(), octets.data(), octets.size(), MSG_DONTWAIT);
            if (length < 0) return is_not_ready(errno) ? void() : fail();
            if (length > 0) {
                held_.append(octets.data(), static_cast<std::size_t>(length));
                continue;
            }
            if (held_.empty() || held_.back() != '\n') return fail();
            held_.pop_back();
            measurement_.count(held_, since_, Clock::now());
            connection_ = Descriptor();
            return begin();
        }
    }

    const Options& options_;
    Questions& questions_;
    Measurement& measurement_;
    int epoll_;
    std::size_t number_;
    Descriptor dns_;
    Descriptor connection_;
    State state_ = State::pausing;
    Clock::time_point since_;
    std::uint16_t id_ = 0;
    std::string held_;
};

std::string run(const Options& options) {
    const auto duration = [](double seconds) {
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    };
    const Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    const Clock::time_point from = Clock::now() + duration(options.warm_up);
    const Clock::time_point to = from + duration(options.seconds);
    Measurement measurement(from, to);
    Questions questions(options.names_file, false, true);
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t i = 0; i < options.clients; ++i) {
        clients.push_back(std::make_unique<Client>(options, questions, measurement, epoll.get(), i));
    }
    Clock::time_point next_look;
    for (Clock::time_point now = Clock::now(); now < to; now = Clock::now()) {
        if (now >= next_look) {
            for (const auto& client : clients) client->look_at_the_clock(now);
            next_look = now + pause;
        }
        std::array<epoll_event, 64> events{};
        const int count = epoll_wait(epoll.get(), events.data(), events.size(), 20);
        for (int i = 0; i < count; ++i) clients[events[static_cast<std::size_t>(i)].data.u64]->go_on();
    }
    return measurement.json();
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app("Closed-loop clients that look a name up for every request; prints one line of JSON.");
    Options options;
    app.add_option("--dns-port", options.dns_port, "of the resolver, on 127.0.0.1")->required();
    app.add_option("--port", options.port, "of the addresses that it names")->required();
    app.add_option("--names", options.names_file, "a file with the name")->required();
    app.add_option("--clients", options.clients, "requests under way")->check(CLI::Range(1, 10'000));
    app.add_option("--seconds", options.seconds, "after the warm-up")->check(CLI::PositiveNumber);
    app.add_option("--warm-up", options.warm_up, "seconds")->check(CLI::NonNegativeNumber);
    CLI11_PARSE(app, argc, argv);
    std::cout << run(options) << '\n';
    return 0;
} catch (const std::exception& failure) {
    std::cerr << "bench_balancing_clients: " << failure.what() << '\n';
    return 1;
}
