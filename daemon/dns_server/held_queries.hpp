// Queries for a service that has not been polled yet: kept for a moment instead of being failed.
// Layer: dns_server (may include base, view). Pure (given `now`): whoever owns it has the timer.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/time.hpp"
#include "dns_server/answer.hpp"

namespace taskdns::dns_server {

struct HeldQuery {
    std::vector<std::uint8_t> octets;
    Transport transport = Transport::udp;
    Reply reply;
    TimePoint deadline;
};

/// First in, first out; all wait equally long, so the first is always the first to expire.
class HeldQueries {
public:
    explicit HeldQueries(std::size_t capacity) : capacity_(capacity) {}

    bool full() const { return queries_.size() >= capacity_; }
    bool empty() const { return queries_.empty(); }
    std::size_t size() const { return queries_.size(); }
    void add(HeldQuery query) { queries_.push_back(std::move(query)); }
    /// `never` if there is none.
    TimePoint next_deadline() const { return queries_.empty() ? never : queries_.front().deadline; }
    std::vector<HeldQuery> take_expired(TimePoint now);
    std::vector<HeldQuery> take_all() { return take_expired(never); }

private:
    std::size_t capacity_;
    std::deque<HeldQuery> queries_;
};

}  // namespace taskdns::dns_server
