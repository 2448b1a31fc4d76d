// Floods for tests, and what a daemon says of itself meanwhile.
#include "support/overload.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

int connected(std::uint16_t port, int type) {
    const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    static_cast<void>(connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to));
    return descriptor;
}

std::string process_path(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

}  // namespace

DeafConnections::DeafConnections(std::uint16_t port, std::size_t count) : port_(port) {
    for (std::size_t i = 0; i < count; ++i) {
        descriptors_.push_back(connected(port, SOCK_STREAM));
        pollfd writable{descriptors_.back(), POLLOUT, 0};
        poll(&writable, 1, 2'000);  // where nobody takes connections fast enough, the kernel lets them wait
    }
}

DeafConnections::~DeafConnections() {
    for (const int descriptor : descriptors_) close(descriptor);
}

void DeafConnections::send(const std::string& octets) {
    for (int& descriptor : descriptors_) {
        if (::send(descriptor, octets.data(), octets.size(), MSG_NOSIGNAL) >= 0) continue;
        if (errno == EAGAIN) continue;
        close(descriptor);
        descriptor = connected(port_, SOCK_STREAM);
    }
}

void DeafConnections::send_once(const std::string& octets) const {
    for (const int descriptor : descriptors_) ::send(descriptor, octets.data(), octets.size(), MSG_NOSIGNAL);
}

std::size_t DeafConnections::answered_with(const std::string& beginning) const {
    std::size_t count = 0;
    for (const int descriptor : descriptors_) {
        std::array<char, 4096> octets{};
        const ssize_t length = recv(descriptor, octets.data(), octets.size(), 0);
        if (length > 0 && std::string(octets.data(), static_cast<std::size_t>(length)).starts_with(beginning))
            ++count;
    }
    return count;
}

NameFlood::NameFlood(std::uint16_t port, unsigned per_millisecond, std::string name)
    : name_(std::move(name)),
      thread_(std::make_unique<Beside>(
          [this, port, per_millisecond](const std::atomic<bool>& over) { run(port, per_millisecond, over); })) {}

NameFlood::~NameFlood() = default;

void NameFlood::run(std::uint16_t port, unsigned per_millisecond, const std::atomic<bool>& over) {
    const int descriptor = connected(port, SOCK_DGRAM);
    std::array<std::uint8_t, 1500> answer{};
    const auto read = [&] {
        while (recv(descriptor, answer.data(), answer.size(), 0) > 0) ++answered_;
    };
    while (!over) {
        for (unsigned i = 0; i < per_millisecond; ++i) {
            const WireBytes query =
                encode_query({.name = name_.empty() ? "x" + std::to_string(sent_) + ".flood.example" : name_},
                             static_cast<std::uint16_t>(sent_));
            if (::send(descriptor, query.data(), query.size(), 0) > 0) ++sent_;
        }
        read();
        std::this_thread::sleep_for(1ms);
    }
    const auto end = std::chrono::steady_clock::now() + 6s;  // two tries at one server, and the machine's own delays
    while (answered_ < sent_ && std::chrono::steady_clock::now() < end) {
        read();
        std::this_thread::sleep_for(10ms);
    }
    close(descriptor);
}

std::string framed_query(const std::string& name) {
    const WireBytes query = encode_query({.name = name}, 7);
    std::string out{static_cast<char>(query.size() >> 8), static_cast<char>(query.size())};
    out.append(query.begin(), query.end());
    return out;
}

long anonymous_kib(pid_t pid) {
    std::ifstream status(process_path(pid, "status"));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) return std::stol(line.substr(8));
    }
    return -1;
}

std::size_t open_descriptors(pid_t pid) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(process_path(pid, "fd"))) ++count;
    return count;
}

double metric(const DaemonUnderTest& daemon, const std::string& beginning) {
    std::istringstream lines(daemon.get("/metrics").body);
    double sum = -1;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(beginning)) continue;
        sum = std::max(sum, 0.0) + std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
}

}  // namespace taskdns::testing_support
