// The control plane's loops: how it begins, and what time alone changes. Layer: app.
#include <malloc.h>

#include <random>

#include "app/control_plane.hpp"
#include "app/saved_members.hpp"
#include "base/log.hpp"
#include "discovery/poller.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_after = 60s;    // a service that nobody asked for in that time; design.md, section 6
constexpr auto demand_period = 5s;  // how exactly that is known
// Polls wait no longer for it. Reading takes less than a millisecond, but its thread may have to wait for a
// processor, in a task that is throttled for up to 100 ms; a query waits for the first poll much longer.
constexpr auto snapshot_patience = 100ms;
constexpr auto housekeeping_period = 10min;  // the snapshot is never much older than the last poll

/// Keeps the source for as long as its poll runs.
asio::awaitable<void> poll_source(std::shared_ptr<discovery::Source> source, config::Poll policy,
                                  discovery::OnObservation on_observation, std::uint32_t seed) {
    co_await discovery::poll(*source, policy, std::move(on_observation), seed);
}

}  // namespace

void ControlPlane::start(milliseconds hold) {
    started_at_ = Clock::now();
    hold_ = hold;
    snapshot_timer_.expires_at(started_at_ + (snapshot_->ready() ? 0ms : snapshot_patience));
    snapshot_->load([this](const std::optional<membership::Snapshot>& snapshot) {
        if (snapshot) on_snapshot(*snapshot);
        snapshot_timer_.cancel();
    });
    observe_connections();
    connections_.note_demand(false, true, started_at_);
    tasks_.keep("start polls", [this] { return start_polls(); });
    tasks_.keep("expire members", [this] { return expire_members(); });
    tasks_.keep("watch demand", [this] { return watch_demand(); });
}

void ControlPlane::release_polls() {
    hold_ = 0ms;
    hold_timer_.cancel();
}

/// Polls begin once the snapshot is there: one that fails at once must not leave a moment without an answer.
asio::awaitable<void> ControlPlane::start_polls() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    co_await snapshot_timer_.async_wait(as_result);
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
    polling_ = true;
    for (const std::size_t place : services_.order()) {
        if (!services_[place].poll) start_poll(place);
    }

    if (hold_ > 0ms) {
        hold_timer_.expires_at(started_at_ + hold_);
        co_await hold_timer_.async_wait(as_result);
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
    }
    asking_ = true;
    for (const std::size_t place : services_.order()) {
        if (!services_[place].poll) start_poll(place);
    }
}

void ControlPlane::start_poll(std::size_t place) {
    ServicePlace& service = services_[place];
    const bool asks = service.state.service().source == config::SourceKind::dns;
    if (!polling_ || (asks && !asking_)) return;
    auto observed = [this, place](const discovery::Observation& observation, milliseconds next_delay) {
        on_observation(place, observation, next_delay);
    };
    const config::Service& configured = service.state.service();
    service.poll = tasks_.keep("poll " + configured.name.to_string(),
                               [source = service.source, poll = configured.poll, observed = std::move(observed)] {
                                   return poll_source(source, poll, observed, std::random_device{}());
                               });
}

void ControlPlane::stop_poll(std::size_t place) {
    std::optional<TaskGroup::Id>& poll = services_[place].poll;
    if (poll) tasks_.cancel(*poll);
    poll.reset();
}

void ControlPlane::on_snapshot(const membership::Snapshot& snapshot) {
    const TimePoint now = Clock::now();
    for (const membership::SavedService& saved : snapshot.services) {
        const auto place = services_.find_place(saved.name);
        if (!place) continue;  // not configured any more
        ServiceState& state = services_.state(*place);
        if (state.service().name != saved.name) continue;  // an alias now
        if (!state.load(to_members(saved, state.service(), WallAnchor::take()), now)) continue;
        on_members(*place);
        mark_changed(*place);
    }
}

membership::Snapshot ControlPlane::collect_snapshot() const {
    const WallAnchor wall = WallAnchor::take();
    membership::Snapshot snapshot{.written = wall.wall, .services = {}};
    for (const std::size_t place : services_.order()) {
        const ServiceState& state = services_.state(place);
        if (state.service().source != config::SourceKind::dns) continue;  // the configuration says it again
        snapshot.services.push_back(to_saved(state.service().name, state.registry().members(), wall));
    }
    return snapshot;
}

asio::awaitable<void> ControlPlane::expire_members() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        expiry_timer_.expires_at(deadlines_.first());
        co_await expiry_timer_.async_wait(as_result);

        const TimePoint now = Clock::now();
        while (const auto place = deadlines_.find_due(now)) {
            const auto [members_changed, others_changed] = services_.state(*place).expire(now);
            if (members_changed) on_members(*place);
            if (members_changed || others_changed) mark_changed(*place);
            note_deadline(*place);  // later than now: what was due is done
        }
    }
}

/// Somebody asks for a service that nobody had asked for lately.
void ControlPlane::on_return(std::size_t place) {
    ServicePlace* const service = services_.find(place);
    if (service == nullptr) return;  // not configured any more
    service->last_asked = Clock::now();
    service->idle = false;
    checker_.set_idle(static_cast<health::ServiceIndex>(place), false);
    if (connections_.observes(static_cast<health::ServiceIndex>(place))) {
        connections_.note_demand(true, true, service->last_asked);
    }
}

/// Who is not asked for is checked seldom; and whether our own addresses have changed, which a client's sorting
/// starts from.
asio::awaitable<void> ControlPlane::watch_demand() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    asio::steady_timer timer(executor_);
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        timer.expires_after(demand_period);
        co_await timer.async_wait(as_result);
        const TimePoint now = Clock::now();
        const bool new_addresses = local_sources_.changed();
        bool observed_asked = false;
        bool observed_in_use = false;
        for (const std::size_t place : services_.order()) {
            const auto index = static_cast<std::uint32_t>(place);
            ServicePlace& service = services_[place];
            const bool asked = services_.demand().take(index);
            if (asked) service.last_asked = now;
            if (now - service.last_asked >= idle_after && services_.demand().become_idle(index)) {
                service.idle = true;
                checker_.set_idle(index, true);
            }
            if (new_addresses) mark_changed(place);
            if (!connections_.observes(index)) continue;
            observed_asked = observed_asked || asked;
            observed_in_use = observed_in_use || now - service.last_asked < idle_after;
        }
        connections_.note_demand(observed_asked, observed_in_use, now);
        connections_.unprobed().expire(now, [this](const health::Event& event) { on_ejection_over(event); });
        keep_house(now);
    }
}

void ControlPlane::keep_house(TimePoint now) {
    if (!snapshot_->ready() && !std::exchange(said_that_snapshot_hangs_, true)) {
        log::warning("snapshot", "still not read: its file system hangs; it is neither used nor written");
    }
    if (now < next_housekeeping_) return;
    next_housekeeping_ = now + housekeeping_period;
    snapshot_->changed();
    malloc_trim(0);  // what the start, or a burst of TLS handshakes, took and gave back
}

}  // namespace taskdns::app
