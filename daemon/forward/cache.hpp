// Answers of the upstream, bounded in octets, looked up without a copy.
// Layer: forward (may include base, dns, config). Pure (given `now`). Threads: one. HOT PATH: find() allocates
// nothing.
//
// Eviction is SIEVE (Zhang et al., NSDI 2024): one queue in order of insertion, one bit per entry that a hit sets,
// and a hand that goes from the oldest to the newest, clears bits and evicts the first entry without one. So names
// that are asked for once leave soon, in whatever number they come, and popular ones stay: decision 0012.
#pragma once

#include <vector>

#include "base/time.hpp"
#include "forward/question.hpp"
#include "forward/upstream_answer.hpp"

namespace taskdns::forward {

/// One answer, in one block of memory with its octets behind it. The public fields are what a hit reads and writes.
class Entry {
public:
    TimePoint stored;
    TimePoint expiry;
    TimePoint prefetch_at;  ///< from here on a popular entry is fetched anew: the last tenth of its life
    TimePoint retry_at{};   ///< after a failure: not asked for again before
    Kind kind = Kind::positive;
    bool authentic = false;
    bool prefetched = false;  ///< fetched anew, or tried to: once is enough
    std::uint32_t hits = 0;   ///< since it was stored

    KeyView key() const { return {{octets(), name_size_}, form_, hash_}; }
    std::span<const std::uint8_t> message() const { return {octets() + name_size_, message_size_}; }
    std::span<const std::uint8_t> errors() const { return {octets() + name_size_ + message_size_, errors_size_}; }
    std::size_t additional() const { return additional_; }  ///< where that section begins
    std::span<const std::uint16_t> ttls() const { return {offsets(), ttl_count_}; }
    bool is_failure() const { return kind == Kind::failure; }

private:
    friend class Cache;
    Entry() = default;
    const std::uint16_t* offsets() const { return reinterpret_cast<const std::uint16_t*>(this + 1); }
    const std::uint8_t* octets() const { return reinterpret_cast<const std::uint8_t*>(offsets() + ttl_count_); }

    Entry* next_in_bucket_ = nullptr;
    Entry* newer_ = nullptr;
    Entry* older_ = nullptr;
    std::uint64_t hash_ = 0;
    std::uint64_t form_ = 0;
    std::uint32_t taken_ = 0;  // octets of its block
    std::uint16_t message_size_ = 0;
    std::uint16_t additional_ = 0;
    std::uint16_t ttl_count_ = 0;
    std::uint16_t errors_size_ = 0;
    std::uint8_t name_size_ = 0;
    bool visited_ = false;
};

class Cache {
public:
    /// `limit`: octets for all that the cache holds, its own table and what malloc adds to each block included; 0: it
    /// holds nothing. `serve_stale`: how long an entry is of use beyond its expiry.
    Cache(std::size_t limit, Duration serve_stale);
    ~Cache();
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    /// Null if there is none. One that is found may have expired; it counts as asked for.
    Entry* find(const KeyView& key);
    /// Replaces what is there. Nothing is stored for a lifetime of 0, or where it would take more than half of all.
    void store(const KeyView& key, const UpstreamAnswer& answer, TimePoint now);
    void remove(const KeyView& key);

    /// Whether an expired entry may stand in for an answer that fails: no failure, and not too old.
    bool is_usable_when_stale(const Entry& entry, TimePoint now) const {
        return !entry.is_failure() && now < entry.expiry + serve_stale_;
    }
    std::size_t entries() const { return entries_; }
    std::size_t bytes() const { return bytes_; }
    std::uint64_t evictions() const { return evictions_; }

private:
    Entry*& bucket(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
    bool is_dead(const Entry& entry, TimePoint now) const {
        return now >= entry.expiry && !is_usable_when_stale(entry, now);
    }
    void make_room(std::size_t needed, TimePoint now);
    void link(Entry* entry);
    void unlink(Entry* entry);
    void destroy(Entry* entry);

    const std::size_t limit_;
    const Duration serve_stale_;
    std::vector<Entry*> buckets_;  // a power of two
    Entry* newest_ = nullptr;
    Entry* oldest_ = nullptr;
    Entry* hand_ = nullptr;  // null: at the oldest
    std::size_t entries_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t evictions_ = 0;
};

}  // namespace taskdns::forward
