// bench_observed_connections --members ADDRESS:PORT... --others ADDRESS:PORT... --member-rate N --other-rate N: many
// short connections, each of which is accepted, receives one octet, and is closed by the server first. One line of
// JSON says how many there were and what they cost.
//
// Two threads: one connects in batches, once a millisecond, and one serves.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load_descriptor.hpp"

namespace {

using taskdns::bench::Descriptor;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

sockaddr_in parse(const std::string& text) {
    const std::size_t colon = text.find(':');
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &where.sin_addr) != 1) fail(text);
    return where;
}

Descriptor listen_on(const sockaddr_in& where) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) fail("bind");
    if (::listen(socket.get(), 4096) != 0) fail("listen");
    return socket;
}

/// Says one octet to each that comes, and closes.
void serve(const std::vector<Descriptor>& listeners, const std::atomic<bool>& stopping) {
    const Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    for (const Descriptor& listener : listeners) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = listener.get();
        if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener.get(), &event) != 0) fail("epoll_ctl");
    }
    std::array<epoll_event, 64> events{};
    while (!stopping) {
        const int count = epoll_wait(epoll.get(), events.data(), events.size(), 20);
        for (int i = 0; i < count; ++i) {
            for (;;) {
                const Descriptor connection(
                    accept4(events[static_cast<std::size_t>(i)].data.fd, nullptr, nullptr, SOCK_CLOEXEC));
                if (!connection.is_open()) break;
                static_cast<void>(::send(connection.get(), "x", 1, MSG_NOSIGNAL));
            }
        }
    }
}

/// A rate of connections, and those made so far.
struct Stream {
    std::vector<sockaddr_in> targets;
    double rate = 0;
    std::uint64_t made = 0;
    std::uint64_t failed = 0;
};

constexpr std::uint64_t most_in_a_batch = 200;

void connect_batch(Stream& stream, std::uint64_t due, std::vector<Descriptor>& batch) {
    batch.clear();
    for (std::uint64_t i = 0; stream.made < due && i < most_in_a_batch; ++i, ++stream.made) {
        Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in& where = stream.targets[stream.made % stream.targets.size()];
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) {
            batch.push_back(std::move(socket));
        } else {
            ++stream.failed;
        }
    }
    const timeval patience{.tv_sec = 2, .tv_usec = 0};
    for (const Descriptor& socket : batch) {
        setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char octet = 0;
        if (::recv(socket.get(), &octet, 1, 0) != 1) ++stream.failed;
    }
    batch.clear();
}

/// As many as the rates say, or as can be made.
void run(std::array<Stream, 2>& streams, std::chrono::duration<double> time) {
    std::vector<Descriptor> batch;
    const auto start = Clock::now();
    for (auto tick = start; Clock::now() - start < time;) {
        const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
        for (Stream& stream : streams) {
            if (stream.rate > 0) connect_batch(stream, static_cast<std::uint64_t>(elapsed * stream.rate), batch);
        }
        tick = std::max(tick + 1ms, Clock::now() - 1ms);
        std::this_thread::sleep_until(tick);
    }
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app("Many short connections.");
    std::vector<std::string> members;
    std::vector<std::string> others;
    std::array<Stream, 2> streams;
    double seconds = 10;
    app.add_option("--members", members, "ADDRESS:PORT of endpoints")->required();
    app.add_option("--others", others, "ADDRESS:PORT of others")->required();
    app.add_option("--member-rate", streams[0].rate, "connections a second to the members");
    app.add_option("--other-rate", streams[1].rate, "connections a second to the others");
    app.add_option("--seconds", seconds, "how long");
    CLI11_PARSE(app, argc, argv);

    std::vector<Descriptor> listeners;
    for (std::size_t i = 0; i < streams.size(); ++i) {
        for (const std::string& text : i == 0 ? members : others) {
            streams[i].targets.push_back(parse(text));
            listeners.push_back(listen_on(streams[i].targets.back()));
        }
    }
    std::atomic<bool> stopping = false;
    std::thread server([&] { serve(listeners, stopping); });
    const double cpu_before = cpu_seconds();
    const auto start = Clock::now();
    run(streams, std::chrono::duration<double>(seconds));
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    const double cpu = cpu_seconds() - cpu_before;
    stopping = true;
    server.join();
    std::cout << "{\"members\": " << streams[0].made << ", \"others\": " << streams[1].made
              << ", \"failed\": " << streams[0].failed + streams[1].failed << ", \"seconds\": " << took
              << ", \"cpu_seconds\": " << cpu << "}\n";
} catch (const std::exception& failure) {
    std::cerr << "bench_observed_connections: " << failure.what() << '\n';
    return 1;
}
