// File operations on a thread of their own. Layer: base.
#include "base/file_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/worker_signals.hpp"

namespace taskdns {

/// Shared with the thread, which may outlive the FileThread.
struct FileThread::State {
    std::mutex mutex;
    std::condition_variable work;
    std::condition_variable idle;
    std::deque<Job> waiting;
    bool running = false;  // a job is at work
    bool started = false;
    bool stopped = false;

    static void run(const std::shared_ptr<State>& state);
};

namespace {

constexpr milliseconds retry_pause{100};

bool run_once(const FileThread::Job& job) {
    try {
        job();
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

}  // namespace

void FileThread::State::run(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    for (;;) {
        state->work.wait(lock, [&] { return state->stopped || !state->waiting.empty(); });
        if (state->waiting.empty()) return;
        const Job job = std::move(state->waiting.front());
        state->waiting.pop_front();
        state->running = true;
        lock.unlock();
        const bool done = run_once(job);
        lock.lock();
        // No memory to say what came of it, and somebody waits for that: again, before the others.
        for (bool again = !done; again && !state->stopped; lock.lock()) {
            state->work.wait_for(lock, retry_pause, [&] { return state->stopped; });
            lock.unlock();
            again = !run_once(job);
        }
        state->running = false;
        if (state->waiting.empty()) state->idle.notify_all();
    }
}

FileThread::FileThread() : state_(std::make_shared<State>()) {}

FileThread::~FileThread() { stop(milliseconds(0)); }

bool FileThread::submit(Job job) {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopped || state_->waiting.size() >= max_waiting) return false;
    if (!state_->started) {
        const sigset_t blocked = blocked_in_workers();
        sigset_t before;
        pthread_sigmask(SIG_SETMASK, &blocked, &before);  // the new thread inherits it
        try {
            std::thread([state = state_] { State::run(state); }).detach();
            state_->started = true;
        } catch (const std::system_error&) {  // no thread to be had: the next submit() tries again
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (!state_->started) return false;
    }
    state_->waiting.push_back(std::move(job));
    state_->work.notify_one();
    return true;
}

bool FileThread::stop(milliseconds limit) {
    std::unique_lock lock(state_->mutex);
    const auto done = [this] { return state_->waiting.empty() && !state_->running; };
    const bool all = state_->idle.wait_for(lock, limit, done);
    state_->stopped = true;
    state_->waiting.clear();
    state_->work.notify_one();
    return all;
}

}  // namespace taskdns
