// Loops that go on after an exception. Layer: base.
#include "base/keep_going.hpp"

#include <algorithm>
#include <atomic>
#include <exception>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.hpp"
#include "base/time.hpp"

namespace taskdns {
namespace {

constexpr milliseconds first_pause{100};
constexpr milliseconds longest_pause{5'000};
constexpr milliseconds long_enough{10'000};  // what went on for so long begins with the first pause again

std::atomic<std::uint64_t> begun_again{0};

void report(const std::exception& e) try {
    begun_again.fetch_add(1, std::memory_order_relaxed);
    log::error("base", "a loop begins again after an exception", {{"what", e.what()}});
} catch (const std::exception&) {  // no memory for the line's fields; it is counted all the same
}

}  // namespace

asio::awaitable<void> keep_going(std::function<asio::awaitable<void>()> make) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    milliseconds pause{0};
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        const TimePoint begun = Clock::now();
        try {
            co_await make();
            co_return;
        } catch (const std::exception& e) {
            if (cancellation.cancelled() != asio::cancellation_type::none) throw;  // how Asio ends it, perhaps
            report(e);
        }
        if (Clock::now() - begun >= long_enough) pause = milliseconds(0);
        pause = std::clamp(2 * pause, first_pause, longest_pause);
        timer.expires_after(pause);
        co_await timer.async_wait(as_result);
    }
}

std::uint64_t loops_begun_again() { return begun_again.load(std::memory_order_relaxed); }

}  // namespace taskdns
