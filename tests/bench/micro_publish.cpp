// What one change of a service costs the control thread, and what a publication costs a reader. Part of bench_micro.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <thread>

#include "bench/micro_world.hpp"
#include "view/publisher.hpp"

namespace taskdns::bench {
namespace {

/// The change: one endpoint joins or leaves. Its service is built anew, the others are shared, and the view swapped.
class OneChange {
public:
    OneChange(unsigned services, unsigned endpoints)
        : service_(make_service({.endpoints = endpoints})),
          decision_(make_decision({.endpoints = endpoints})),
          publisher_(make_view(services, {.endpoints = endpoints})) {}

    void publish() {
        view::EndpointDecision& endpoint = decision_.endpoints.front();
        endpoint.served = !endpoint.served;
        auto next = std::make_unique<view::View>(publisher_.current());
        ++next->index;
        next->services.front() = view::build_service_view(service_, decision_, true, {});
        publisher_.publish(std::move(next));
    }

    view::Publisher& publisher() { return publisher_; }

private:
    config::Service service_;
    view::Decision decision_;
    view::Publisher publisher_;
};

void build_and_publish(benchmark::State& state) {
    OneChange change(static_cast<unsigned>(state.range(0)), static_cast<unsigned>(state.range(1)));
    for (auto _ : state) change.publish();
}
BENCHMARK(build_and_publish)
    ->ArgNames({"services", "endpoints"})
    ->ArgsProduct({{20}, {10, 100, 1000}})
    ->Args({1000, 100})
    ->Unit(benchmark::kMicrosecond);

/// How long something took, in buckets that double: cheap enough to be within what is measured.
class Times {
public:
    using Clock = std::chrono::steady_clock;

    void add(Clock::duration took) {
        const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count());
        ++counts_[static_cast<std::size_t>(std::bit_width(ns))];
        longest_ = std::max(longest_, ns);
        ++total_;
    }

    /// The upper bound of the bucket below which this share of them lies.
    double percentile_us(double share) const {
        std::uint64_t below = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            below += counts_[bucket];
            if (static_cast<double>(below) >= share * static_cast<double>(total_)) {
                return static_cast<double>(std::min(std::uint64_t{1} << bucket, longest_)) / 1000;
            }
        }
        return longest_us();
    }
    double longest_us() const { return static_cast<double>(longest_) / 1000; }

private:
    std::array<std::uint64_t, 64> counts_{};
    std::uint64_t longest_ = 0;
    std::uint64_t total_ = 0;
};

/// A lease, as the dns thread takes one per batch: with nobody publishing, and with a publication every 1 ms. The
/// longest time has in it whatever else had the CPU: what publishing adds is the difference of the two.
void lease(benchmark::State& state) {
    OneChange change(20, 1000);
    std::atomic<bool> stop{false};
    std::thread control;
    if (state.range(0) != 0) {
        control = std::thread([&change, &stop] {
            while (!stop.load(std::memory_order_relaxed)) {
                change.publish();
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        });
    }
    Times times;
    for (auto _ : state) {
        const auto before = Times::Clock::now();
        {
            const view::Publisher::Lease lease(change.publisher());
            benchmark::DoNotOptimize(lease.view().index);
        }
        times.add(Times::Clock::now() - before);
    }
    stop = true;
    if (control.joinable()) control.join();
    state.counters["p99.99_us"] = times.percentile_us(0.9999);
    state.counters["longest_us"] = times.longest_us();
}
BENCHMARK(lease)->ArgName("publishing")->Arg(0)->Arg(1)->UseRealTime();

}  // namespace
}  // namespace taskdns::bench
