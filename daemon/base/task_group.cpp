// Coroutines that share an owner. Layer: base.
#include "base/task_group.hpp"

#include <exception>
#include <map>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.hpp"

namespace taskdns {
namespace {

struct Task {
    asio::cancellation_signal signal;
    bool started = false;
    bool cancelled = false;
    std::exception_ptr thrown;  // what left the coroutine
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

void report(const std::string& name, const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        log::error("base", "task ended by an exception", {{"task", name}, {"what", e.what()}});
    } catch (...) {
        log::error("base", "task ended by an exception", {{"task", name}, {"what", "unknown"}});
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

struct TaskGroup::State {
    explicit State(asio::any_io_executor e) : executor(std::move(e)) {}

    asio::any_io_executor executor;
    std::map<Id, std::shared_ptr<Task>> tasks;
    std::vector<asio::steady_timer*> joining;  // one for each join() that waits
    Id next_id = 0;
    std::size_t failed = 0;
};

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() { cancel_all(); }

TaskGroup::Id TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
    const Id id = state_->next_id++;
    const auto self = std::make_shared<Task>();
    state_->tasks.emplace(id, self);
    auto ended = [state = state_, self, id, name = std::move(name)](const std::exception_ptr& outside) {
        state->tasks.erase(id);
        const std::exception_ptr& exception = self->thrown ? self->thrown : outside;
        if (exception && !(self->cancelled && is_abort(exception))) {
            ++state->failed;
            report(name, exception);
        }
        if (!state->tasks.empty()) return;
        for (asio::steady_timer* timer : state->joining) timer->cancel();
    };
    asio::co_spawn(state_->executor, run(self, std::move(task)),
                   asio::bind_cancellation_slot(self->signal.slot(), std::move(ended)));
    return id;
}

void TaskGroup::cancel(Id id) {
    const auto found = state_->tasks.find(id);
    if (found == state_->tasks.end()) return;
    const std::shared_ptr<Task> task = found->second;
    task->cancelled = true;
    if (!task->started) return;
    // On the executor, and holding the task: off it, co_spawn would queue the signal's bare address, which a task
    // that ends before its turn has come would leave dangling. It may also end inside of emit().
    asio::dispatch(state_->executor, [task] { task->signal.emit(asio::cancellation_type::terminal); });
}

void TaskGroup::cancel_all() {
    std::vector<Id> ids;
    ids.reserve(state_->tasks.size());
    for (const auto& [id, task] : state_->tasks) ids.push_back(id);
    for (const Id id : ids) cancel(id);
}

std::size_t TaskGroup::running() const { return state_->tasks.size(); }

std::size_t TaskGroup::failed() const { return state_->failed; }

asio::awaitable<bool> TaskGroup::join(std::chrono::milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    if (state->tasks.empty()) co_return true;
    asio::steady_timer timer(state->executor, limit);
    state->joining.push_back(&timer);
    co_await timer.async_wait(as_result);
    std::erase(state->joining, &timer);
    co_return state->tasks.empty();
}

}  // namespace taskdns
