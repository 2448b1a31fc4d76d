// The checks at work: one loop that waits for the next target to be due, and one coroutine per probe in flight.
// Layer: health (may include base, config, Asio). Threads: the control thread's executor.
#include "health/checker.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/steady_timer.hpp>

#include "base/task_group.hpp"

namespace taskdns::health {

struct Checker::State {
    State(asio::any_io_executor executor, Probe p, OnOutcome callback, std::uint32_t seed, unsigned most_in_flight)
        : probe(std::move(p)),
          on_outcome(std::move(callback)),
          schedule(std::max(most_in_flight, 1U), seed),
          timer(executor),
          tasks(std::move(executor)) {}

    class Given;

    static asio::awaitable<void> check(std::shared_ptr<State> state);
    static asio::awaitable<void> probe_once(std::shared_ptr<State> state, Given given);
    void finish(const Schedule::Job& job, const Outcome& outcome) noexcept;
    void wake_if_due_earlier();
    void end();

    Probe probe;
    OnOutcome on_outcome;
    Schedule schedule;
    Counters counters;
    asio::steady_timer timer;
    TimePoint sleeps_until = never;  // the loop, while it waits for the timer
    bool ended = false;
    TaskGroup tasks;
};

/// A job is given back with its coroutine, also where that is destroyed for want of memory.
class Checker::State::Given {
public:
    Given(std::shared_ptr<State> state, Schedule::Job job) : state_(std::move(state)), job_(std::move(job)) {}
    Given(Given&& other) noexcept = default;
    Given& operator=(Given&&) = delete;
    Given(const Given&) = delete;
    Given& operator=(const Given&) = delete;
    ~Given() {
        if (state_) state_->finish(job_, outcome);
    }

    const Schedule::Job& job() const { return job_; }
    Outcome outcome{.observed = Observed::local_fault};

private:
    std::shared_ptr<State> state_;
    Schedule::Job job_;
};

asio::awaitable<void> Checker::State::check(std::shared_ptr<State> state) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!state->ended) {
        const TimePoint now = Clock::now();  // one for all, so that what is due again by then has to wait
        while (auto job = state->schedule.take_due(now)) {
            state->counters.probes.add();
            Given given(state, std::move(*job));  // given back if it cannot begin
            state->tasks.spawn("probe", probe_once(state, std::move(given)));
        }
        if (state->ended) break;
        state->sleeps_until = state->schedule.next_due();
        state->timer.expires_at(state->sleeps_until);
        co_await state->timer.async_wait(as_result);
    }
}

asio::awaitable<void> Checker::State::probe_once(std::shared_ptr<State> state, Given given) {
    try {
        given.outcome = co_await state->probe(given.job().target, given.job().timeout);
    } catch (const std::exception&) {
        // Cancelled before its first step, or a probe that breaks its promise: in no case the endpoint's fault.
    }
}

/// What cannot be taken in for want of memory is no evidence: the target is probed again soon.
void Checker::State::finish(const Schedule::Job& job, const Outcome& outcome) noexcept try {
    if (ended) return;
    counters.outcomes[static_cast<std::size_t>(outcome.observed)].add();
    if (evidence(outcome.observed) != Evidence::none) counters.probe_time.observe(outcome.latency);
    switch (evidence(outcome.observed)) {
        case Evidence::success:
            counters.successes.add();
            break;
        case Evidence::certain:
        case Evidence::doubtful:
            counters.failures.add();
            break;
        case Evidence::none:
            (outcome.observed == Observed::late_timeout ? counters.late_timeouts : counters.local_faults).add();
            break;
    }
    for (const Event& event : schedule.finish(job, outcome, Clock::now())) {
        if (!ended) on_outcome(event);
    }
    wake_if_due_earlier();
} catch (const std::exception&) {
    counters.local_faults.add();
    wake_if_due_earlier();
}

void Checker::State::wake_if_due_earlier() {
    if (schedule.next_due() < sleeps_until) timer.cancel();
}

void Checker::State::end() {
    ended = true;
    tasks.cancel_all();
}

Checker::Checker(asio::any_io_executor executor, Probe probe, OnOutcome on_outcome, std::uint32_t seed,
                 unsigned most_in_flight)
    : state_(std::make_shared<State>(std::move(executor), std::move(probe), std::move(on_outcome), seed,
                                     most_in_flight)) {
    state_->tasks.keep("checks", [state = std::weak_ptr(state_)] { return State::check(state.lock()); });
}

Checker::~Checker() { state_->end(); }

void Checker::set_endpoints(ServiceIndex service, const std::string& service_name, const config::Health& policy,
                            const std::vector<SocketAddress>& endpoints) {
    state_->schedule.set_endpoints(service, service_name, policy, endpoints, Clock::now());
    state_->wake_if_due_earlier();
}

void Checker::set_idle(ServiceIndex service, bool idle) {
    state_->schedule.set_idle(service, idle, Clock::now());
    state_->wake_if_due_earlier();
}

const Verdict* Checker::find(ServiceIndex service, const SocketAddress& endpoint) const {
    return state_->schedule.find(service, endpoint);
}

std::optional<Checker::Event> Checker::observe(ServiceIndex service, const SocketAddress& endpoint, Observed observed,
                                               TimePoint since) {
    const std::optional<Event> event = state_->schedule.observe(service, endpoint, observed, since, Clock::now());
    state_->wake_if_due_earlier();
    return event;
}

asio::awaitable<bool> Checker::stop(milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    state->end();
    const bool all_ended = co_await state->tasks.join(limit);
    co_return all_ended;
}

const Counters& Checker::counters() const { return state_->counters; }

std::uint64_t Checker::spared() const { return state_->schedule.spared(); }

unsigned Checker::in_flight() const { return state_->schedule.in_flight(); }

std::size_t Checker::targets() const { return state_->schedule.targets(); }

}  // namespace taskdns::health
