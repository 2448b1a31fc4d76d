// Figures of the forwarder, for the metrics.
// Layer: forward (may include base, upstream). Threads: written by the dns thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/counter.hpp"
#include "upstream/exchange.hpp"

namespace taskdns::forward {

/// A figure that goes up and down.
class Gauge {
public:
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct Counters {
    // What became of the clients' queries. Each is in one of these five.
    Counter hits;        ///< answered from the cache, within the TTL
    Counter stale;       ///< answered with what had expired
    Counter answers;     ///< answered with what the upstream said now, its SERVFAIL and REFUSED included
    Counter failures;    ///< SERVFAIL of our own: every server failed, or we are stopping
    Counter over_limit;  ///< SERVFAIL of our own: max_in_flight, too many clients waiting, or max_qps

    Counter queries;          ///< those that were not answered at once: they started a question, or joined one
    Counter joined;           ///< of those: the question was being asked already
    Counter prefetches;       ///< popular answers that were fetched anew before they ran out
    Counter uncached;         ///< answers that there was no memory to keep
    Counter evictions;        ///< answers that left the cache to make room
    Counter budget_refusals;  ///< queries to the upstream that max_qps did not allow
    upstream::Ignored ignored;
    Counter unusable;         ///< answers whose records were not whole, or whose rcode has no meaning here
    Counter foreign_records;  ///< records that did not belong to the question, and were left out
    Counter local_faults;     ///< queries that this host could not send: descriptors, memory, permissions
    Counter loops;            ///< times that a server was found to bring our own queries back

    Gauge cache_entries;
    Gauge cache_bytes;
    Gauge in_flight;  ///< questions that are being asked
    Gauge waiting;    ///< clients that wait for them
};

}  // namespace taskdns::forward
