// Coroutines that share an owner: started together, cancelled together, and none outlives the group's join().
// Layer: base (may include Asio). Threads: all calls from the executor's one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

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

    /// Runs `task` until it returns; on the executor's own thread it runs at once, up to its first wait. An exception
    /// that leaves it is a bug: it is logged under `name`, counted, and the task has ended; it never ends the
    /// process.
    /// (`operation_aborted` out of a task that was cancelled is how Asio ends it, and no bug.) Where Asio has no
    /// memory for what the task awaits, the task is destroyed where it stands: that counts as an exception, too.
    /// Throws, and begins nothing, where there is no memory to begin it.
    Id spawn(std::string name, asio::awaitable<void> task);
    /// The same for a loop that must not end: what `make` makes is begun again if an exception ends it, after a pause
    /// of 100 ms that grows to 5 s. Once this has returned, no lack of memory ends the loop for good.
    Id keep(std::string name, std::function<asio::awaitable<void>()> make);
    /// Asks one task to stop: what it awaits ends with `operation_aborted` (Asio's terminal cancellation, which
    /// timers and sockets obey). A task that has not begun never begins; nothing happens if it has ended.
    void cancel(Id id);
    void cancel_all();
    std::size_t running() const;
    /// Tasks that an exception ended, since the group was made.
    std::size_t failed() const;
    /// Loops that were begun again, in all groups of this process.
    static std::uint64_t revived();

    /// Resumes when no task is running, or when `limit` has passed; true in the first case. Several may wait at once,
    /// but no task of the group itself: it would wait for its own end.
    asio::awaitable<bool> join(std::chrono::milliseconds limit);

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the completion handlers, which may run after the group is gone
};

}  // namespace taskdns
