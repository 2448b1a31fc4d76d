// Which services are asked for: noted per question by whoever answers, looked at now and then by the control thread.
// Layer: view (may include base). Threads: note() any; the rest the control thread. HOT PATH: note().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace taskdns::view {

class Demand {
public:
    /// `on_return(service)`: the first question for a service that was idle; called by the thread that notes it.
    Demand(std::size_t services, std::function<void(std::uint32_t service)> on_return)
        : states_(std::make_unique<std::atomic<State>[]>(services)), on_return_(std::move(on_return)) {}

    /// A question for `service`: one load, unless it is the first since the control thread looked.
    void note(std::uint32_t service) {
        std::atomic<State>& state = states_[service];
        if (state.load(std::memory_order_relaxed) == State::asked) return;
        if (state.exchange(State::asked, std::memory_order_relaxed) == State::idle) on_return_(service);
    }
    /// Whether it was asked for since the last take().
    bool take(std::uint32_t service) {
        State asked = State::asked;
        return states_[service].compare_exchange_strong(asked, State::quiet, std::memory_order_relaxed);
    }
    /// From now on the next question calls `on_return`; false if there was one just now.
    bool become_idle(std::uint32_t service) {
        State quiet = State::quiet;
        return states_[service].compare_exchange_strong(quiet, State::idle, std::memory_order_relaxed);
    }

    /// Another service has this number now.
    void forget(std::uint32_t service) { states_[service].store(State::quiet, std::memory_order_relaxed); }

private:
    enum class State : std::uint8_t { quiet, asked, idle };

    std::unique_ptr<std::atomic<State>[]> states_;
    std::function<void(std::uint32_t)> on_return_;
};

}  // namespace taskdns::view
