// A real HTTP server on a loopback address: one task of a service. Answers every GET with its own address.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace taskdns::testing_support {

/// Threads: one of its own while it runs; member functions are called from the test's.
class Backend {
public:
    Backend(std::string address, std::uint16_t port);  ///< starts it; IPv4
    ~Backend();
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    const std::string& address() const { return address_; }
    std::uint16_t port() const { return port_; }
    /// As killing its process would: on return, connections are refused.
    void kill();
    void start();
    /// The status of further answers; 200 at first.
    void answer_with(unsigned status) { status_ = status; }
    unsigned connections() const { return connections_; }

private:
    void serve();

    std::string address_;
    std::uint16_t port_;
    int listener_ = -1;
    std::atomic<bool> stopping_ = false;
    std::atomic<unsigned> status_ = 200;
    std::atomic<unsigned> connections_ = 0;
    std::thread thread_;
};

/// One backend per address, all on one port that is free on each.
class Backends {
public:
    explicit Backends(const std::vector<std::string>& addresses = {"127.0.0.11", "127.0.0.12", "127.0.0.13",
                                                                   "127.0.0.14"});

    std::uint16_t port() const { return port_; }
    const std::vector<std::string>& addresses() const { return addresses_; }
    Backend& operator[](const std::string& address);

private:
    std::vector<std::string> addresses_;
    std::uint16_t port_;
    std::vector<std::unique_ptr<Backend>> backends_;
};

}  // namespace taskdns::testing_support
