// A FakeUpstream that runs by itself, on a thread of its own, beside a daemon under test; and a forger, who knows the
// port that a query came from and sends what he likes, from wherever he likes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "support/fake_upstream.hpp"

namespace taskdns::testing_support {

/// Threads: every member function may be called from the test's.
class HostileUpstream {
public:
    HostileUpstream();
    ~HostileUpstream();
    HostileUpstream(const HostileUpstream&) = delete;
    HostileUpstream& operator=(const HostileUpstream&) = delete;

    std::uint16_t port() const { return port_; }
    void on(const std::string& name, dns::RrType type, Reply reply);
    /// The last query for this, once there is one; null if none has come within 8 s.
    std::optional<Seen> wait_for(const std::string& name, dns::RrType type = dns::RrType::a);
    std::size_t times_asked(const std::string& name, dns::RrType type = dns::RrType::a);
    /// From the server's own address and port to `to_port` of 127.0.0.1: what only the strongest attacker can do.
    /// Returns when all are sent.
    void forge(const std::vector<dns::Bytes>& messages, std::uint16_t to_port);

private:
    template <class Task>
    auto on_its_thread(Task task);

    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    std::unique_ptr<FakeUpstream> upstream_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// The same from another address or port: a socket that is bound there.
class Forger {
public:
    /// Port 0: any.
    Forger(const std::string& address, std::uint16_t port);
    ~Forger();
    Forger(const Forger&) = delete;
    Forger& operator=(const Forger&) = delete;
    void send(const dns::Bytes& message, std::uint16_t to_port) const;

private:
    int socket_ = -1;
};

/// A query from `port` of 127.0.0.1 to `server_port` waits for its answer: any process of this network namespace can
/// read it, and so the port, in /proc/net/udp.
bool query_waits(std::uint16_t port, std::uint16_t server_port);

/// RssAnon of a process, in KiB (overload.hpp).
long anonymous_kib(int pid);

}  // namespace taskdns::testing_support
