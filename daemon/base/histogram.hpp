// A histogram of durations with one writing thread that any thread may read, beside Counter.
// Layer: base. HOT PATH: to observe is a walk over the bounds and two plain adds; no lock, no allocation.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/counter.hpp"

namespace taskdns {

class Histogram {
public:
    using Bounds = std::span<const std::chrono::nanoseconds>;
    static constexpr std::size_t most_bounds = 20;

    /// `bounds`: ascending, at most `most_bounds`, and they outlive the histogram. A bucket holds what is not greater
    /// than its bound, as Prometheus' `le` says; one more holds the rest.
    explicit Histogram(Bounds bounds) : bounds_(bounds) {}

    /// `times`: so many observations of the same duration. Only ever from the one thread that owns this histogram.
    void observe(std::chrono::nanoseconds duration, std::uint64_t times = 1) {
        std::size_t bucket = 0;
        while (bucket < bounds_.size() && duration > bounds_[bucket]) ++bucket;
        buckets_[bucket].add(times);
        sum_.add(static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count()) * times);
    }

    struct Reading {
        Bounds bounds;
        std::vector<std::uint64_t> buckets;  ///< one more than bounds; each counts what lies in it alone
        std::uint64_t count = 0;             ///< of all buckets
        std::chrono::nanoseconds sum{0};     ///< where the writer is just observing, of one observation more or less

        /// The duration that the share `quantile` (0 to 1) of the observations did not exceed, interpolated within
        /// its bucket; the largest bound where it lies beyond that, zero where nothing was observed.
        std::chrono::nanoseconds quantile(double quantile) const;
        /// What was observed since `before`, an earlier reading of the same histogram.
        Reading since(const Reading& before) const;
    };
    /// From any thread.
    Reading read() const;

private:
    Bounds bounds_;
    std::array<Counter, most_bounds + 1> buckets_;
    Counter sum_;  // nanoseconds
};

}  // namespace taskdns
