// File operations on a thread of their own. Layer: base.
#include "base/file_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "base/report.hpp"
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
    void finish(const Job& job);
};

namespace {

constexpr milliseconds retry_pause{100};
constexpr unsigned most_failures = 5;  // for another reason than memory

/// What `job` has thrown.
std::exception_ptr run_once(const FileThread::Job& job) {
    try {
        job();
        return nullptr;
    } catch (...) {
        return std::current_exception();
    }
}

bool is_shortage(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
        return true;
    } catch (const std::system_error& e) {
        return e.code() == std::errc::not_enough_memory;
    } catch (...) {
        return false;
    }
}

}  // namespace

/// Again until it is done, and before the others: somebody waits for what comes of it.
void FileThread::State::finish(const Job& job) {
    for (unsigned failures = 0;;) {
        const std::exception_ptr thrown = run_once(job);
        if (!thrown) return;
        if (!is_shortage(thrown) && ++failures == most_failures) {
            return report("base", "file job is given up", "thread", "files", thrown);
        }
        std::unique_lock lock(mutex);
        if (work.wait_for(lock, retry_pause, [this] { return stopped; })) return;
    }
}

void FileThread::State::run(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    for (;;) {
        state->work.wait(lock, [&] { return state->stopped || !state->waiting.empty(); });
        if (state->waiting.empty()) return;
        const Job job = std::move(state->waiting.front());
        state->waiting.pop_front();
        state->running = true;
        lock.unlock();
        state->finish(job);
        lock.lock();
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
