// When to look again, and the loop that does. Layer: discovery (may include base, dns, config, upstream, Asio).
#include "discovery/poller.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace taskdns::discovery {
namespace {

/// 0 to 10 % of the delay, at most 1 s: tasks that started together do not ask together for ever.
milliseconds with_jitter(milliseconds delay, double jitter) {
    const milliseconds most = std::min<milliseconds>(delay / 10, seconds(1));
    return delay + milliseconds(std::llround(static_cast<double>(most.count()) * jitter));
}

}  // namespace

milliseconds failure_delay(unsigned consecutive_failures, double jitter) {
    constexpr double first_ms = 1'000;
    constexpr double growth = 1.6;
    constexpr double longest_ms = 30'000;
    const double exponent = std::min(consecutive_failures == 0 ? 0 : consecutive_failures - 1, 100U);
    const double ms = std::min(first_ms * std::pow(growth, exponent), longest_ms);
    return milliseconds(std::llround(ms * (0.8 + 0.4 * jitter)));
}

milliseconds next_delay(const Observation& observation, unsigned consecutive_failures, const config::Poll& policy,
                        double jitter) {
    if (std::holds_alternative<Failed>(observation)) return failure_delay(consecutive_failures, jitter);
    const auto* records = std::get_if<Records>(&observation);
    const milliseconds ttl = records != nullptr ? records->ttl : std::get<Empty>(observation).ttl;
    return with_jitter(std::clamp(ttl, policy.min, policy.max), jitter);
}

asio::awaitable<void> poll(Source& source, config::Poll policy, OnObservation on_observation, std::uint32_t seed) {
    // We test for cancellation ourselves so that the loop leaves by returning, not by throwing.
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto stopping = [&cancellation] { return cancellation.cancelled() != asio::cancellation_type::none; };
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    std::minstd_rand random(seed);  // spreads polls, keeps no secret
    std::uniform_real_distribution<double> jitter(0, 1);

    unsigned consecutive_failures = 0;
    while (!stopping()) {
        milliseconds delay{0};
        {
            Observation observation;  // gone before the wait: a thousand pollers would keep what all of them saw
            try {
                Observation seen = co_await source.observe();
                observation = std::move(seen);
            } catch (
                const std::exception& e) {  // a bug, or memory running out: a failed poll, not the end of polling
                observation = Failed{e.what()};
            }
            if (stopping()) break;  // a failure now is our own doing: do not report it
            consecutive_failures = std::holds_alternative<Failed>(observation) ? consecutive_failures + 1 : 0;
            delay = next_delay(observation, consecutive_failures, policy, jitter(random));
            on_observation(observation, delay);
        }
        if (stopping()) break;  // cancelled by whom we told

        timer.expires_after(delay);
        co_await timer.async_wait(as_result);
    }
}

}  // namespace taskdns::discovery
