// Coroutines that share an owner. Layer: base.
#include "base/task_group.hpp"

#include <map>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"

namespace taskdns {

struct TaskGroup::State {
    explicit State(asio::any_io_executor e) : executor(std::move(e)) {}

    asio::any_io_executor executor;
    std::map<Id, asio::cancellation_signal> tasks;
    asio::steady_timer* all_ended = nullptr;  // set while somebody joins
    Id next_id = 0;
};

namespace {

void report_escaped(const std::string& name, const std::exception_ptr& exception) {
    if (!exception) return;
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        log::error("base", "task ended by an exception", {{"task", name}, {"what", e.what()}});
    } catch (...) {
        log::error("base", "task ended by an exception", {{"task", name}, {"what", "unknown"}});
    }
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() { cancel_all(); }

TaskGroup::Id TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
    const Id id = state_->next_id++;
    asio::cancellation_signal& signal = state_->tasks[id];
    auto ended = [state = state_, id, name = std::move(name)](const std::exception_ptr& exception) {
        report_escaped(name, exception);
        state->tasks.erase(id);
        if (state->tasks.empty() && state->all_ended != nullptr) state->all_ended->cancel();
    };
    asio::co_spawn(state_->executor, std::move(task), asio::bind_cancellation_slot(signal.slot(), std::move(ended)));
    return id;
}

void TaskGroup::cancel(Id id) {
    const auto task = state_->tasks.find(id);
    if (task != state_->tasks.end()) task->second.emit(asio::cancellation_type::terminal);
}

void TaskGroup::cancel_all() {
    // A task may end, and leave the map, while its signal is being emitted: step before emitting.
    for (auto task = state_->tasks.begin(); task != state_->tasks.end();) {
        auto& signal = (task++)->second;
        signal.emit(asio::cancellation_type::terminal);
    }
}

std::size_t TaskGroup::running() const { return state_->tasks.size(); }

asio::awaitable<bool> TaskGroup::join(std::chrono::milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    if (state->tasks.empty()) co_return true;
    asio::steady_timer timer(state->executor, limit);
    state->all_ended = &timer;
    co_await timer.async_wait(as_result);
    state->all_ended = nullptr;
    co_return state->tasks.empty();
}

}  // namespace taskdns
