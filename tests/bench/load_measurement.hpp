// The clock of one run and what it counts: nothing in the warm-up, everything after it. Part of bench_load.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/load_options.hpp"
#include "bench/load_process.hpp"

namespace taskdns::bench {

using Clock = std::chrono::steady_clock;

class Measurement {
public:
    explicit Measurement(const Options& options);

    /// Called once per turn of a mode's loop, with the turn's time: false when the run is over.
    bool goes_on(Clock::time_point now);

    void count_answer(bool right) {
        if (!counting_) return;
        if (right) {
            ++right_;
        } else {
            ++wrong_;
        }
    }
    void count_sent(std::uint64_t queries) {
        if (counting_) sent_ += queries;
    }
    void count_lost(std::uint64_t queries) {
        if (counting_) lost_ += queries;
    }
    void count_reconnect() {
        if (counting_) ++reconnects_;
    }
    void note_latency(std::chrono::nanoseconds latency) {
        if (counting_) latencies_.push_back(static_cast<std::uint32_t>(latency.count()));
    }

    /// One line of JSON. Call once, after the end.
    std::string json();

private:
    double percentile_us(double share) const;

    const Options& options_;
    Clock::time_point counting_from_;
    Clock::time_point end_;
    Clock::time_point counting_since_;
    Clock::time_point ended_;
    bool counting_ = false;
    Clock::time_point last_turn_;
    std::uint64_t answers_at_last_turn_ = 0;
    Clock::duration idle_{0};  ///< of turns that brought no answer: what the client has left
    CpuTime cpu_before_;
    CpuTime cpu_after_;
    std::uint64_t right_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t sent_ = 0;  ///< where a mode counts them
    std::uint64_t lost_ = 0;
    std::uint64_t reconnects_ = 0;
    std::vector<std::uint32_t> latencies_;  // nanoseconds; sorted by json()
};

}  // namespace taskdns::bench
