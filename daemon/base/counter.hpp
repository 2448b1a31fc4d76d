// A counter with one writing thread that any thread may read: how one thread's figures reach the other.
// Layer: base. HOT PATH: adding is a plain load, add and store, no locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace taskdns {

class Counter {
public:
    /// Only ever from the one thread that owns this counter.
    void add(std::uint64_t amount = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// The same for a figure that goes up and down.
class Gauge {
public:
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    void add() { set(value() + 1); }
    void subtract() { set(value() - 1); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace taskdns
