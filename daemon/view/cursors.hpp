// Where each rotation stands. Belongs to no single view, since a publication must not restart a rotation.
// Layer: view (standard library only). Threads: take() the dns thread; what only reads, any. HOT PATH: take() is a
// load and a store.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace taskdns::view {

/// One number for each rotation; OwnerName::cursor says which.
class Cursors {
public:
    explicit Cursors(std::size_t count) : size_(count), rotations_(std::make_unique<Rotation[]>(count)) {}

    std::size_t size() const { return size_; }
    /// The slot to answer with; the next answer gets the one after.
    std::uint64_t take(std::size_t cursor) {
        std::atomic<std::uint64_t>& next = rotations_[cursor].next;
        const std::uint64_t taken = next.load(std::memory_order_relaxed);
        next.store(taken + 1, std::memory_order_relaxed);
        return taken;
    }
    /// The slot of the next answer.
    std::uint64_t next(std::size_t cursor) const { return rotations_[cursor].next.load(std::memory_order_relaxed); }
    /// How many were taken.
    std::uint64_t taken(std::size_t cursor) const { return next(cursor) - rotations_[cursor].first; }

    // Before others know of it.
    void begin_at(std::size_t cursor, std::uint64_t slot) { set(cursor, slot, slot); }
    void go_on(std::size_t cursor, const Cursors& others, std::size_t other) {
        set(cursor, others.rotations_[other].first, others.next(other));
    }

private:
    struct Rotation {
        std::atomic<std::uint64_t> next{0};
        std::uint64_t first = 0;
    };
    void set(std::size_t cursor, std::uint64_t first, std::uint64_t next) {
        rotations_[cursor].first = first;
        rotations_[cursor].next.store(next, std::memory_order_relaxed);
    }

    std::size_t size_;
    std::unique_ptr<Rotation[]> rotations_;
};

}  // namespace taskdns::view
