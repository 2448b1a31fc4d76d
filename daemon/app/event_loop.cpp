// An event loop that no exception ends. Layer: app.
#include "app/event_loop.hpp"

#include <atomic>
#include <exception>
#include <functional>

#include "base/log.hpp"

namespace taskdns::app {
namespace {

std::atomic<std::uint64_t> caught{0};

void report(const char* thread_name, const std::exception& e) try {
    caught.fetch_add(1, std::memory_order_relaxed);
    log::error("app", "exception reached the event loop", {{"thread", thread_name}, {"what", e.what()}});
} catch (const std::exception&) {  // no memory for the line's fields; it is counted all the same
}

}  // namespace

void run_loop(asio::io_context& context, const char* thread_name) {
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception& e) {
            report(thread_name, e);
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
