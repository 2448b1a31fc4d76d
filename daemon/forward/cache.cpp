// Answers of the upstream, bounded in octets. Layer: forward. HOT PATH: find().
#include "forward/cache.hpp"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <new>

namespace taskdns::forward {
namespace {

constexpr std::size_t most_spared = 4096;       // by one store: some 20 us
constexpr std::size_t octets_per_bucket = 256;  // about what a small entry takes: chains stay short

/// What malloc takes for a block at least: a size field, and multiples of 16 (glibc).
constexpr std::size_t with_overhead(std::size_t size) {
    return std::max<std::size_t>(32, (size + sizeof(void*) + 15) & ~std::size_t{15});
}

/// What it took: where the rest of a free block was too small to be one, it is part of this one.
std::size_t taken_by(void* block) { return malloc_usable_size(block) + sizeof(void*); }

std::size_t bucket_count(std::size_t limit) {
    return std::bit_floor(std::max<std::size_t>(limit / octets_per_bucket, 1));
}

std::uint8_t* append(std::uint8_t* to, std::span<const std::uint8_t> octets) {
    return std::copy(octets.begin(), octets.end(), to);
}

}  // namespace

Cache::Cache(std::size_t limit, Duration serve_stale)
    : limit_(limit), serve_stale_(serve_stale), buckets_(bucket_count(limit)) {
    bytes_ = with_overhead(buckets_.size() * sizeof(void*));
}

Cache::~Cache() {
    while (newest_ != nullptr) destroy(newest_);
}

Entry* Cache::find(const KeyView& key) {
    for (Entry* entry = bucket(key.hash); entry != nullptr; entry = entry->next_in_bucket_) {
        if (entry->hash_ != key.hash || !(entry->key() == key)) continue;
        entry->visited_ = true;
        return entry;
    }
    return nullptr;
}

void Cache::store(const KeyView& key, const UpstreamAnswer& answer, TimePoint now) {
    Entry* const before = find(key);
    const bool was_popular = before != nullptr && before->hits > 0;
    if (before != nullptr) destroy(before);
    const std::size_t size = sizeof(Entry) + answer.ttls.size() * sizeof(std::uint16_t) + key.name.size() +
                             answer.message.size() + answer.errors.size();
    const std::size_t needed = with_overhead(size);
    if (answer.lifetime <= seconds(0) || needed > limit_ / 2) return;
    make_room(needed, now);
    if (bytes_ + needed > limit_) return;

    auto* const entry = new (::operator new(size)) Entry();
    entry->stored = now;
    entry->expiry = now + answer.lifetime;
    entry->prefetch_at = entry->expiry - Duration(answer.lifetime) / 10;
    entry->kind = answer.kind;
    entry->authentic = answer.authentic;
    entry->hash_ = key.hash;
    entry->form_ = key.form;
    entry->message_size_ = static_cast<std::uint16_t>(answer.message.size());
    entry->additional_ = static_cast<std::uint16_t>(answer.additional);
    entry->ttl_count_ = static_cast<std::uint16_t>(answer.ttls.size());
    entry->errors_size_ = static_cast<std::uint16_t>(answer.errors.size());
    entry->name_size_ = static_cast<std::uint8_t>(key.name.size());
    entry->visited_ = was_popular;
    std::copy(answer.ttls.begin(), answer.ttls.end(), const_cast<std::uint16_t*>(entry->offsets()));
    append(append(append(const_cast<std::uint8_t*>(entry->octets()), key.name), answer.message), answer.errors);
    entry->taken_ = static_cast<std::uint32_t>(taken_by(entry));
    make_room(entry->taken_, now);  // seldom any: a few octets more than needed
    link(entry);
    bytes_ += entry->taken_;
    ++entries_;
}

void Cache::remove(const KeyView& key) {
    if (Entry* const entry = find(key)) destroy(entry);
}

/// SIEVE's hand. Where everything was asked for again, it evicts where it stands rather than go all the way round
/// while queries wait.
void Cache::make_room(std::size_t needed, TimePoint now) {
    std::size_t spared = 0;
    while (bytes_ + needed > limit_ && entries_ > 0) {
        Entry* const entry = hand_ != nullptr ? hand_ : oldest_;
        if (entry->visited_ && !is_dead(*entry, now) && spared++ < most_spared) {
            entry->visited_ = false;
            hand_ = entry->newer_;
            continue;
        }
        hand_ = entry;  // unlink() moves it on
        destroy(entry);
        ++evictions_;
    }
}

void Cache::link(Entry* entry) {
    Entry*& first = bucket(entry->hash_);
    entry->next_in_bucket_ = first;
    first = entry;
    entry->older_ = newest_;
    (newest_ != nullptr ? newest_->newer_ : oldest_) = entry;
    newest_ = entry;
}

void Cache::unlink(Entry* entry) {
    Entry** at = &bucket(entry->hash_);
    while (*at != entry) at = &(*at)->next_in_bucket_;
    *at = entry->next_in_bucket_;
    if (hand_ == entry) hand_ = entry->newer_;
    (entry->newer_ != nullptr ? entry->newer_->older_ : newest_) = entry->older_;
    (entry->older_ != nullptr ? entry->older_->newer_ : oldest_) = entry->newer_;
}

void Cache::destroy(Entry* entry) {
    unlink(entry);
    bytes_ -= entry->taken_;
    --entries_;
    entry->~Entry();
    ::operator delete(entry);
}

}  // namespace taskdns::forward
