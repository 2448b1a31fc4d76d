// bench_balancing_backends --port PORT ADDRESS=MILLISECONDS...: servers that take their time. Each reads a line,
// waits, says the last octet of its address, and closes: so the closed connections' state is here, and costs clients
// no ports.
//
// One thread, epoll, one timer: a request costs next to no CPU, however long it takes. The time of each is that of
// its address, 20 % more or less. With --workers each address serves so many at once, and the rest waits in its
// order.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <iostream>
#include <queue>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load_descriptor.hpp"

namespace {

using taskdns::bench::Descriptor;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

Descriptor listen_on(const std::string& address, std::uint16_t port) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &native.sin_addr) != 1)
        throw std::runtime_error(address + ": no address");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native) != 0) fail("bind " + address);
    if (::listen(socket.get(), 4096) != 0) fail("listen");
    return socket;
}

struct Endpoint {
    Descriptor listener;
    std::string answer;
    double milliseconds = 0;
    std::size_t busy = 0;
    std::deque<Descriptor> waiting;
};

class Backends {
public:
    Backends(const std::vector<std::string>& endpoints, std::uint16_t port, std::size_t workers)
        : workers_(workers),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
        for (const std::string& each : endpoints) {
            const std::size_t split = each.find('=');
            const std::string address = each.substr(0, split);
            endpoints_.push_back({listen_on(address, port),
                                  address.substr(address.rfind('.') + 1) + "\n",
                                  std::stod(each.substr(split + 1)),
                                  0,
                                  {}});
        }
        for (std::size_t i = 0; i < endpoints_.size(); ++i) watch(endpoints_[i].listener.get(), listening, i);
        watch(timer_.get(), timing, 0);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 256> events{};
        for (;;) {
            const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
            if (count < 0 && errno != EINTR) fail("epoll_wait");
            for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)].data.u64);
            answer_the_due();
        }
    }

private:
    enum Kind : std::uint64_t { listening, timing, reading };
    struct Request {
        Clock::time_point due;
        std::size_t endpoint;
        int descriptor;                                                         // ours: closed by answer_the_due()
        bool operator<(const Request& other) const { return due > other.due; }  // the first one due is on top
    };

    void watch(int descriptor, Kind kind, std::size_t endpoint) {
        epoll_event event{};
        event.events = EPOLLIN | (kind == reading ? EPOLLONESHOT : 0U);
        event.data.u64 = static_cast<std::uint64_t>(descriptor) << 16 | endpoint << 2 | kind;
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
    }

    void handle(std::uint64_t data) {
        const auto descriptor = static_cast<int>(data >> 16);
        const std::size_t endpoint = (data & 0xFFFF) >> 2;
        const std::uint64_t kind = data & 3;
        if (kind == listening) {
            accept_all(descriptor, endpoint);
        } else if (kind == timing) {
            std::uint64_t expirations = 0;
            static_cast<void>(!::read(descriptor, &expirations, sizeof expirations));
        } else {
            read_request(Descriptor(descriptor), endpoint);
        }
    }

    void accept_all(int listener, std::size_t endpoint) {
        for (;;) {
            const int descriptor = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (descriptor < 0) return;
            watch(descriptor, reading, endpoint);
        }
    }

    /// What closes without a word is a health check.
    void read_request(Descriptor connection, std::size_t number) {
        std::array<char, 256> line{};
        if (::recv(connection.get(), line.data(), line.size(), MSG_DONTWAIT) <= 0) return;
        Endpoint& endpoint = endpoints_[number];
        if (endpoint.busy == workers_) {
            endpoint.waiting.push_back(std::move(connection));
        } else {
            ++endpoint.busy;
            begin(std::move(connection), number);
        }
    }

    void begin(Descriptor connection, std::size_t number) {
        std::uniform_real_distribution<double> jitter(0.8, 1.2);
        const std::chrono::duration<double, std::milli> time(endpoints_[number].milliseconds * jitter(random_));
        const Clock::time_point due = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
        const bool first = requests_.empty() || due < requests_.top().due;
        requests_.push({due, number, connection.release()});
        if (first) set_timer(due);
    }

    void answer_the_due() {
        if (requests_.empty() || requests_.top().due > Clock::now()) return;
        while (!requests_.empty() && requests_.top().due <= Clock::now()) {
            const Request request = requests_.top();
            requests_.pop();
            Endpoint& endpoint = endpoints_[request.endpoint];
            const Descriptor connection(request.descriptor);
            static_cast<void>(::send(connection.get(), endpoint.answer.data(), endpoint.answer.size(), MSG_NOSIGNAL));
            if (endpoint.waiting.empty()) {
                --endpoint.busy;
            } else {
                begin(std::move(endpoint.waiting.front()), request.endpoint);
                endpoint.waiting.pop_front();
            }
        }
        if (!requests_.empty()) set_timer(requests_.top().due);
    }

    void set_timer(Clock::time_point due) {
        const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(due.time_since_epoch()).count();
        itimerspec at{};
        at.it_value.tv_sec = time / 1'000'000'000;
        at.it_value.tv_nsec = time % 1'000'000'000;
        if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr) != 0) fail("timerfd_settime");
    }

    std::size_t workers_;
    Descriptor epoll_;
    Descriptor timer_;
    std::vector<Endpoint> endpoints_;
    std::priority_queue<Request> requests_;
    std::minstd_rand random_;
};

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app("Servers that take their time.");
    std::vector<std::string> endpoints;
    std::uint16_t port = 0;
    std::size_t workers = 1'000'000;
    app.add_option("endpoints", endpoints, "ADDRESS=MILLISECONDS")->required();
    app.add_option("--port", port, "of all addresses")->required();
    app.add_option("--workers", workers, "requests that each address serves at once")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    Backends(endpoints, port, workers).run();
} catch (const std::exception& failure) {
    std::cerr << "bench_balancing_backends: " << failure.what() << '\n';
    return 1;
}
