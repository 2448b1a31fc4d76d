// What one change of a service costs the control thread, and what a publication costs a reader. Part of bench_micro.
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
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

/// A lease, as the dns thread takes one per batch, with nobody publishing and with a publication every 1 ms. Its
/// longest time says how long a query may wait for a publication (and for whatever else has the CPU meanwhile).
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
    using Clock = std::chrono::steady_clock;
    Clock::duration longest{0};
    for (auto _ : state) {
        const auto before = Clock::now();
        {
            const view::Publisher::Lease lease(change.publisher());
            benchmark::DoNotOptimize(lease.view().index);
        }
        longest = std::max(longest, Clock::now() - before);
    }
    stop = true;
    if (control.joinable()) control.join();
    state.counters["longest_us"] = std::chrono::duration<double, std::micro>(longest).count();
}
BENCHMARK(lease)->ArgName("publishing")->Arg(0)->Arg(1)->UseRealTime();

}  // namespace
}  // namespace taskdns::bench
