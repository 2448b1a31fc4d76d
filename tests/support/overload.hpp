// Floods for tests, each from a thread of its own until it is destroyed; and what a daemon says of itself meanwhile.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/daemon_under_test.hpp"

namespace taskdns::testing_support {

/// What runs beside the test until its end.
class Beside {
public:
    explicit Beside(std::function<void(const std::atomic<bool>& over)> body)
        : thread_([this, body = std::move(body)] { body(over_); }) {}
    ~Beside() {
        over_ = true;
        thread_.join();
    }
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;

private:
    std::atomic<bool> over_ = false;
    std::thread thread_;
};

/// Connections to a port of 127.0.0.1 that send and never read, open until destruction.
class DeafConnections {
public:
    DeafConnections(std::uint16_t port, std::size_t count);
    ~DeafConnections();
    DeafConnections(const DeafConnections&) = delete;
    DeafConnections& operator=(const DeafConnections&) = delete;

    /// As much of `octets` as each takes at once, again and again; one that was closed is connected again.
    void send(const std::string& octets);
    /// To each, once.
    void send_once(const std::string& octets) const;
    /// How many have something to read that begins like this; it is read.
    std::size_t answered_with(const std::string& beginning) const;

private:
    std::uint16_t port_;
    std::vector<int> descriptors_;
};

/// Asks over UDP, `per_millisecond` times, and reads the answers: for `name`, or for names under `flood.example` that
/// nobody has asked for.
class NameFlood {
public:
    NameFlood(std::uint16_t port, unsigned per_millisecond, std::string name = {});
    ~NameFlood();

    /// Sends no more, and reads on until every question has its answer, for as long as answers may come.
    void finish() { thread_.reset(); }
    std::uint64_t sent() const { return sent_; }
    std::uint64_t answered() const { return answered_; }

private:
    void run(std::uint16_t port, unsigned per_millisecond, const std::atomic<bool>& over);

    std::string name_;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<std::uint64_t> answered_ = 0;
    std::unique_ptr<Beside> thread_;
};

/// A query as it goes over TCP, its length before it.
std::string framed_query(const std::string& name);

/// RssAnon in KiB.
long anonymous_kib(pid_t pid);
std::size_t open_descriptors(pid_t pid);
/// The sum of the samples on /metrics that begin so, as `name{label="value"}` or `name`; -1: there is none.
double metric(const DaemonUnderTest& daemon, const std::string& beginning);

}  // namespace taskdns::testing_support
