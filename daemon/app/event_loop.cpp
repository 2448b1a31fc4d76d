// An event loop that no exception ends. Layer: app.
#include "app/event_loop.hpp"

#include <exception>
#include <functional>

#include "base/log.hpp"

namespace taskdns::app {

void run_loop(asio::io_context& context, const char* thread_name) {
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception& e) {
            log::error("app", "exception reached the event loop", {{"thread", thread_name}, {"what", e.what()}});
        }
    }
}

LoopThread::LoopThread(asio::io_context& context, const char* name)
    : context_(context), thread_(run_loop, std::ref(context), name) {}

LoopThread::~LoopThread() {
    context_.stop();
    thread_.join();
}

}  // namespace taskdns::app
