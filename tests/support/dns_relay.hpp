// Stands between the daemon and its resolver and notes, to the millisecond, every question and the answer it got:
// what a log with whole seconds cannot show. UDP only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/dns_client.hpp"

namespace taskdns::testing_support {

struct RelayedQuery {
    std::chrono::steady_clock::time_point asked;
    std::optional<std::chrono::steady_clock::time_point> answered;
    std::string question;  ///< "orders.local. IN A"
    DnsReply reply;

    /// The least TTL of the answer section, or the SOA's for a negative answer.
    std::chrono::seconds ttl() const;
};

/// Threads: one of its own from start to destruction; every member function may be called from any.
class DnsRelay {
public:
    explicit DnsRelay(std::uint16_t resolver_port);
    ~DnsRelay();
    DnsRelay(const DnsRelay&) = delete;
    DnsRelay& operator=(const DnsRelay&) = delete;

    std::uint16_t port() const { return port_; }
    /// From now on questions are noted and get no answer, until told otherwise.
    void be_silent(bool silent) { silent_ = silent; }
    std::vector<RelayedQuery> queries() const;
    /// Only those for this question, such as "orders.local. IN A".
    std::vector<RelayedQuery> queries(const std::string& question) const;

private:
    void serve();
    void relay_one(const WireBytes& packet, const void* client, unsigned client_length);

    std::uint16_t resolver_port_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> silent_ = false;
    mutable std::mutex mutex_;  // guards queries_
    std::vector<RelayedQuery> queries_;
    std::thread thread_;
};

}  // namespace taskdns::testing_support
