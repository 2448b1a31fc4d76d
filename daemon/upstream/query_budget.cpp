// The budget that all outgoing queries share (GCRA). Layer: upstream. Pure (given `now`), lock-free. Threads: any.
#include "upstream/query_budget.hpp"

#include <algorithm>
#include <limits>

namespace taskdns::upstream {
namespace {

constexpr Duration::rep second = std::chrono::duration_cast<Duration>(seconds(1)).count();

/// How far ahead of `now` the bucket may be used up. A cost above the whole bucket passes when the bucket is full, as
/// else it would wait for ever (TCP, with max_qps below 5).
Duration::rep allowance(Purpose purpose, Duration::rep cost) {
    const Duration::rep bucket = purpose == Purpose::poll ? second : second / 5 * 4;
    return std::max(bucket, cost);
}

}  // namespace

QueryBudget::QueryBudget(unsigned max_qps) : used_up_to_(std::numeric_limits<Duration::rep>::min()) {
    set_max_qps(max_qps);
}

void QueryBudget::set_max_qps(unsigned max_qps) {
    per_query_.store(second / std::max(max_qps, 1U), std::memory_order_relaxed);
}

bool QueryBudget::take(Purpose purpose, unsigned cost, TimePoint now) {
    const Duration::rep at = now.time_since_epoch().count();
    const Duration::rep price = per_query_.load(std::memory_order_relaxed) * cost;
    // Relaxed: the value guards nothing but itself.
    Duration::rep before = used_up_to_.load(std::memory_order_relaxed);
    Duration::rep after = 0;
    do {
        after = std::max(before, at) + price;
        if (after - at > allowance(purpose, price)) return false;
    } while (!used_up_to_.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return true;
}

Duration QueryBudget::wait(Purpose purpose, unsigned cost, TimePoint now) const {
    const Duration::rep at = now.time_since_epoch().count();
    const Duration::rep price = per_query_.load(std::memory_order_relaxed) * cost;
    const Duration::rep after = std::max(used_up_to_.load(std::memory_order_relaxed), at) + price;
    return Duration(std::max<Duration::rep>(0, after - at - allowance(purpose, price)));
}

double QueryBudget::used(TimePoint now) const {
    const Duration::rep used_up_to = used_up_to_.load(std::memory_order_relaxed);
    const Duration::rep at = now.time_since_epoch().count();
    return used_up_to <= at ? 0 : static_cast<double>(used_up_to - at) / static_cast<double>(second);
}

}  // namespace taskdns::upstream
