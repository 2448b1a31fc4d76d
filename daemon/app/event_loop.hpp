// An event loop that no exception ends, on this thread or on one of its own.
// Layer: app (may include Asio).
#pragma once

#include <cstdint>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"

namespace taskdns::app {

/// Runs `context` until it is stopped. An exception that reaches this loop, mostly for want of memory, is not the end
/// of the task: it is counted, and the loop goes on.
void run_loop(asio::io_context& context, const char* thread_name);
/// Exceptions that reached the loops of this process.
std::uint64_t caught_by_loops();

/// A thread that runs `context` for as long as this object lives, however its scope is left.
class LoopThread {
public:
    LoopThread(asio::io_context& context, const char* name);
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    ~LoopThread();

private:
    asio::io_context& context_;
    std::thread thread_;
};

}  // namespace taskdns::app
