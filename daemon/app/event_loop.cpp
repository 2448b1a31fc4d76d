// An event loop that no exception ends. Layer: app.
#include "app/event_loop.hpp"

#include <malloc.h>

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/report.hpp"
#include "base/time.hpp"

namespace taskdns::app {
namespace {

std::atomic<std::uint64_t> caught{0};

/// Asio's queue of timers grows with the most that were there at once, and is never smaller again. Where it cannot,
/// the coroutine that wanted to wait is destroyed: so it grows now. The timers themselves, ten times as large, are
/// given back.
void make_room_for_timers(asio::io_context& context) {
    constexpr std::size_t most_timers = 1024;  // of connections, checks and questions
    std::vector<asio::steady_timer> timers;
    timers.reserve(most_timers);
    for (std::size_t i = 0; i < most_timers; ++i) {
        timers.emplace_back(context, never).async_wait([](const boost::system::error_code&) {});
    }
    timers.clear();
    asio::post(context, [] {              // behind the handlers of what was cancelled
        static std::mutex one_at_a_time;  // under AddressSanitizer two at once would make glibc's heap twice
        const std::lock_guard lock(one_at_a_time);
        malloc_trim(0);
    });
}

}  // namespace

void run_loop(asio::io_context& context, const char* thread_name) {
    make_room_for_timers(context);
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception&) {
            caught.fetch_add(1, std::memory_order_relaxed);
            report("app", "exception reached the event loop", "thread", thread_name, std::current_exception());
        }
    }
}

std::uint64_t caught_by_loops() { return caught.load(std::memory_order_relaxed); }

LoopThread::LoopThread(asio::io_context& context, const char* name)
    : context_(context), thread_(run_loop, std::ref(context), name) {}

LoopThread::~LoopThread() {
    context_.stop();
    thread_.join();
}

}  // namespace taskdns::app
