// Questions that are being asked, and the clients that wait for each: a question is asked once, for all of them.
// Layer: forward (may include base, dns, Asio). Threads: the dns thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/asio.hpp"
#include "forward/client_answer.hpp"

namespace taskdns::forward {

/// Called exactly once per query, on the dns thread, possibly before forward() returns. The answer is complete: the
/// client's ID, question octets and RD; to be sent as it is. It must not ask the forwarder again before it returns.
using Reply = std::function<void(dns::Bytes answer)>;

struct Waiter {
    dns::Bytes head;  ///< the client's header and question
    Client client;
    Reply reply;
};

struct Flight {
    std::shared_ptr<const Question> question;
    std::vector<Waiter> waiters;
    std::optional<asio::steady_timer> stale_timer;
    bool overdue = false;  ///< stale_after has passed: who asks now gets what is stale at once
};

class Flights {
public:
    using Shared = std::shared_ptr<Flight>;

    /// Null if this question is not being asked.
    Shared find(const KeyView& key) const {
        const auto [begin, end] = flights_.equal_range(key.hash);
        for (auto at = begin; at != end; ++at) {
            if (at->second->question->key() == key) return at->second;
        }
        return nullptr;
    }
    Shared add(std::shared_ptr<const Question> question) {
        auto flight = std::make_shared<Flight>();
        flight->question = std::move(question);
        flight->waiters.reserve(1);  // who begins it waits for it, memory or not
        flights_.emplace(flight->question->hash, flight);
        return flight;
    }
    void remove(const Flight& flight) {
        const auto [begin, end] = flights_.equal_range(flight.question->hash);
        for (auto at = begin; at != end; ++at) {
            if (at->second.get() != &flight) continue;
            flights_.erase(at);
            return;
        }
    }
    std::size_t size() const { return flights_.size(); }
    std::vector<Shared> all() const {
        std::vector<Shared> out;
        out.reserve(flights_.size());
        for (const auto& [hash, flight] : flights_) out.push_back(flight);
        return out;
    }

private:
    std::unordered_multimap<std::uint64_t, Shared> flights_;  // by the question's own hash
};

}  // namespace taskdns::forward
