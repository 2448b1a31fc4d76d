// Coroutines that share an owner. Layer: base.
#include "base/task_group.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include "base/alarm.hpp"
#include "base/report.hpp"

namespace taskdns {
namespace {

constexpr milliseconds first_pause{100};
constexpr milliseconds longest_pause{5'000};
constexpr milliseconds long_enough{10'000};  // a loop that went on for so long begins with the first pause again

std::atomic<std::uint64_t> begun_again{0};

struct Task {
    explicit Task(std::string n) : name(std::move(n)) {}

    std::string name;
    asio::cancellation_signal signal;
    bool started = false;
    bool running = true;  // or to be begun again
    bool beginning = false;
    bool cancelled = false;
    std::exception_ptr thrown;  // what left the coroutine

    // Of one that is kept:
    std::function<asio::awaitable<void>()> make;
    std::unique_ptr<Alarm> revival;
    TimePoint begun;
    milliseconds pause{0};
};

bool is_abort(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const boost::system::system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;  // whatever else it is, report() names it
    }
}

/// Runs `task` and keeps what it throws. Boost 1.81's co_spawn awaits once more after its coroutine has ended
/// without ever waiting, outside of its own try block: that throws out of the executor's run(), and so ends the
/// process, if the coroutine was cancelled by then. Hence a task cancelled early is not begun, and the flag at the
/// end.
asio::awaitable<void> run(std::shared_ptr<Task> self, asio::awaitable<void> task) {
    if (!self->cancelled) {
        self->started = true;
        try {
            co_await std::move(task);
        } catch (...) {
            self->thrown = std::current_exception();
        }
    }
    co_await asio::this_coro::throw_if_cancelled(false);
}

}  // namespace

struct TaskGroup::State : std::enable_shared_from_this<TaskGroup::State> {
    explicit State(asio::any_io_executor e) : executor(std::move(e)) {}

    using Shared = std::shared_ptr<Task>;

    Id add(const Shared& task) {
        const Id id = next_id++;
        tasks.emplace(id, task);
        return id;
    }
    void begin(Id id, const Shared& task, asio::awaitable<void> coroutine);
    void begin_again(Id id, const Shared& task);
    void end(Id id, const Shared& task, const std::exception_ptr& outside, bool lost) noexcept;
    void forget(Id id);

    asio::any_io_executor executor;
    std::map<Id, Shared> tasks;
    std::vector<asio::steady_timer*> joining;  // one for each join() that waits
    Id next_id = 0;
    std::size_t failed = 0;
};

namespace {

/// Called when a coroutine has ended, or destroyed with it.
template <class State>
class Ended {
public:
    Ended(std::shared_ptr<State> state, std::shared_ptr<Task> task, TaskGroup::Id id)
        : state_(std::move(state)), task_(std::move(task)), id_(id) {}
    Ended(Ended&&) noexcept = default;
    Ended& operator=(Ended&&) = delete;
    Ended(const Ended&) = delete;
    Ended& operator=(const Ended&) = delete;
    ~Ended() {
        if (state_) state_->end(id_, task_, nullptr, true);
    }
    void operator()(const std::exception_ptr& exception) {
        const auto state = std::move(state_);
        state->end(id_, task_, exception, false);
    }

private:
    std::shared_ptr<State> state_;
    std::shared_ptr<Task> task_;
    TaskGroup::Id id_;
};

}  // namespace

/// An exception of a coroutine's first steps comes out of co_spawn() as well: whoever began it is told only if it did
/// not begin at all.
void TaskGroup::State::begin(Id id, const Shared& task, asio::awaitable<void> coroutine) {
    task->beginning = true;
    try {
        asio::co_spawn(executor, run(task, std::move(coroutine)),
                       asio::bind_cancellation_slot(task->signal.slot(), Ended<State>(shared_from_this(), task, id)));
    } catch (...) {
        task->beginning = false;
        if (!task->started) throw;
    }
    task->beginning = false;
}

void TaskGroup::State::begin_again(Id id, const Shared& task) {
    if (task->cancelled || task->running) return;
    task->begun = Clock::now();
    task->running = true;  // first: it may end in its first steps
    try {
        begin(id, task, task->make());
    } catch (...) {
        task->running = false;
        throw;
    }
    begun_again.fetch_add(1, std::memory_order_relaxed);
}

void TaskGroup::State::end(Id id, const Shared& task, const std::exception_ptr& outside, bool lost) noexcept {
    if (lost && task->beginning && !task->started) return;  // begin() throws
    const std::exception_ptr exception = std::exchange(task->thrown, nullptr);
    const std::exception_ptr& reason = exception ? exception : outside;
    const bool stopped = task->cancelled && (lost || (reason && is_abort(reason)));
    if ((!reason && !lost) || stopped) {
        forget(id);
        return;
    }
    ++failed;
    report("base", "task ended by an exception", "task", task->name, reason);
    if (!task->revival || task->cancelled) {
        forget(id);
        return;
    }
    task->running = false;
    task->started = false;
    const TimePoint now = Clock::now();
    if (now - task->begun >= long_enough) task->pause = milliseconds(0);
    task->pause = std::clamp(2 * task->pause, first_pause, longest_pause);
    task->revival->set(now + task->pause);
}

void TaskGroup::State::forget(Id id) {
    const auto found = tasks.find(id);
    if (found == tasks.end()) return;
    found->second->revival.reset();
    tasks.erase(found);
    if (!tasks.empty()) return;
    for (asio::steady_timer* timer : joining) timer->cancel();
}

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() { cancel_all(); }

TaskGroup::Id TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
    const auto self = std::make_shared<Task>(std::move(name));
    const Id id = state_->add(self);
    try {
        state_->begin(id, self, std::move(task));
    } catch (...) {
        state_->forget(id);
        throw;
    }
    return id;
}

TaskGroup::Id TaskGroup::keep(std::string name, std::function<asio::awaitable<void>()> make) {
    const auto self = std::make_shared<Task>(std::move(name));
    self->make = std::move(make);
    self->begun = Clock::now();
    const Id id = state_->add(self);
    try {
        self->revival = std::make_unique<Alarm>(state_->executor, "begin a task again",
                                                [state = std::weak_ptr(state_), id, task = std::weak_ptr(self)] {
                                                    const auto its_state = state.lock();
                                                    const auto its_task = task.lock();
                                                    if (its_state && its_task) its_state->begin_again(id, its_task);
                                                });
        state_->begin(id, self, self->make());
    } catch (...) {
        state_->forget(id);
        throw;
    }
    return id;
}

void TaskGroup::cancel(Id id) {
    const auto found = state_->tasks.find(id);
    if (found == state_->tasks.end()) return;
    const std::shared_ptr<Task> task = found->second;
    task->cancelled = true;
    if (!task->running) return state_->forget(id);
    if (!task->started) return;
    // On the executor, and holding the task: off it, co_spawn would queue the signal's bare address, which a task
    // that ends before its turn has come would leave dangling. It may also end inside of emit().
    asio::dispatch(state_->executor, [task] { task->signal.emit(asio::cancellation_type::terminal); });
}

void TaskGroup::cancel_all() {
    const std::shared_ptr<State> state = state_;
    for (auto next = state->tasks.begin(); next != state->tasks.end();) {
        const Id id = next->first;
        cancel(id);  // which may end it, and others
        next = state->tasks.upper_bound(id);
    }
}

std::size_t TaskGroup::running() const { return state_->tasks.size(); }

std::size_t TaskGroup::failed() const { return state_->failed; }

std::uint64_t TaskGroup::revived() { return begun_again.load(std::memory_order_relaxed); }

namespace {

/// In the list of those that wait, as long as it is there: its coroutine may be destroyed.
class Joining {
public:
    Joining(std::vector<asio::steady_timer*>& all, asio::steady_timer* timer) : all_(all), timer_(timer) {
        all_.push_back(timer);
    }
    Joining(const Joining&) = delete;
    Joining& operator=(const Joining&) = delete;
    ~Joining() { std::erase(all_, timer_); }

private:
    std::vector<asio::steady_timer*>& all_;
    asio::steady_timer* timer_;
};

}  // namespace

asio::awaitable<bool> TaskGroup::join(std::chrono::milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    if (state->tasks.empty()) co_return true;
    asio::steady_timer timer(state->executor, limit);
    const Joining joining(state->joining, &timer);
    co_await timer.async_wait(as_result);
    co_return state->tasks.empty();
}

}  // namespace taskdns
