// A registry that runs by itself while a test does something else: it knows all tasks of each service, shows all of
// them or only some at random, changes from one answer to the next, and notes what it said when. UDP, usually on
// 127.0.0.1.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/dns_reply.hpp"

namespace taskdns::testing_support {

/// What the registry holds for one name and type.
struct Registered {
    std::vector<Rr> records;          ///< none: the name does not exist
    std::size_t shown = 0;            ///< so many of them in each answer, drawn at random; 0: all
    std::vector<Rr> additional = {};  ///< of every answer, such as the addresses of SRV targets
    bool silent = false;              ///< no answer at all
};

/// A records for `name`.
Registered registered(const std::string& name, const std::vector<std::string>& addresses, std::uint32_t ttl,
                      std::size_t shown = 0);

/// Threads: one of its own from start to destruction; every member function may be called from any.
class FakeRegistry {
public:
    struct Answered {
        std::chrono::steady_clock::time_point at;
        std::size_t records = 0;
        std::vector<std::string> addresses;  ///< of A records
    };

    /// `port` 0: a free one.
    explicit FakeRegistry(const char* address = "127.0.0.1", std::uint16_t port = 0);
    ~FakeRegistry();  ///< from here on its port is closed
    FakeRegistry(const FakeRegistry&) = delete;
    FakeRegistry& operator=(const FakeRegistry&) = delete;

    std::uint16_t port() const { return port_; }
    /// From the next answer on.
    void set(const std::string& name, dns::RrType type, Registered held);
    /// The same for A records.
    void set(const std::string& name, const std::vector<std::string>& addresses, std::uint32_t ttl,
             std::size_t shown = 0);
    /// From now on there is no answer for this name and type.
    void silence(const std::string& name, dns::RrType type = dns::RrType::a) { set(name, type, {.silent = true}); }
    /// What it said so far, the oldest first.
    std::vector<Answered> answers(const std::string& name, dns::RrType type = dns::RrType::a) const;

private:
    using Key = std::pair<dns::Name, dns::RrType>;

    void serve();
    void answer_one(const dns::Bytes& query, const void* client, unsigned client_length);
    Sections draw(const Registered& held);

    int socket_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;  // guards what follows
    std::map<Key, Registered> held_;
    std::map<Key, std::vector<Answered>> answers_;
    std::mt19937 random_{std::random_device{}()};
    std::thread thread_;
};

}  // namespace taskdns::testing_support
