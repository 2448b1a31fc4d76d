// File operations, one after the other, on a thread of their own: a file system that is slow, or hangs for good,
// holds up nobody.
// Layer: base. Threads: submit() and stop() from one thread; jobs run on the file thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/time.hpp"

namespace taskdns {

class FileThread {
public:
    /// One that throws for want of memory is run again after a pause, until it does not: it must bear that. One that
    /// throws anything else has a mistake: it is given up when it has done so five times, and the log says what it
    /// was.
    using Job = std::function<void()>;

    static constexpr std::size_t max_waiting = 16;

    FileThread();
    FileThread(const FileThread&) = delete;
    FileThread& operator=(const FileThread&) = delete;
    /// As stop(0).
    ~FileThread();

    /// Runs `job` after those before it; the first one starts the thread. False, and no job: `max_waiting` wait
    /// already, no thread can be had, or we have stopped.
    bool submit(Job job);
    /// Waits at most `limit` for what was submitted, then leaves the thread behind: what still waits is not begun,
    /// and what hangs ends with the process. True if all was done.
    bool stop(milliseconds limit);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns
