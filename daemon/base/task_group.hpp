// Coroutines that share an owner: started together, cancelled together, and none outlives the group's join().
// Layer: base (may include Asio). Threads: all calls from the executor's one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/cancellation_signal.hpp>

#include "base/asio.hpp"

namespace taskdns {

class TaskGroup {
public:
    explicit TaskGroup(asio::any_io_executor executor);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    /// Emits cancellation; the coroutines then end on their own while the executor still runs.
    ~TaskGroup();

    using Id = std::size_t;

    /// Runs `task` until it returns. An exception that leaves it is a bug: it is logged under `name`, counted, and
    /// the task has ended; it never ends the process.
    Id spawn(std::string name, asio::awaitable<void> task);
    /// Asks one task to stop; nothing happens if it has ended.
    void cancel(Id id);
    void cancel_all();
    std::size_t running() const;

    /// Resumes when no task is running, or when `limit` has passed; true in the first case.
    asio::awaitable<bool> join(std::chrono::milliseconds limit);

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the completion handlers, which may run after the group is gone
};

}  // namespace taskdns
