// A way back to an event loop for a job on another thread, which may outlive whoever gave it.
// Layer: base (may include Asio). Threads: post() any; close() any, before the loop goes.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/asio.hpp"

namespace taskdns {

class WayBack {
public:
    explicit WayBack(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Runs `function` on the loop; nothing happens once it is closed.
    template <class Function>
    void post(Function function) {
        const std::lock_guard lock(mutex_);
        if (executor_) asio::post(*executor_, std::move(function));
    }
    void close() {
        const std::lock_guard lock(mutex_);
        executor_.reset();
    }

private:
    std::mutex mutex_;
    std::optional<asio::any_io_executor> executor_;
};

}  // namespace taskdns
