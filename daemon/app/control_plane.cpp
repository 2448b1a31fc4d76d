// The control plane: polls, checks and decides for all services, and publishes what came of it. Layer: app.
#include "app/control_plane.hpp"

#include <malloc.h>

#include <algorithm>
#include <random>

#include <boost/asio/post.hpp>

#include "app/saved_members.hpp"
#include "base/log.hpp"
#include "discovery/poller.hpp"
#include "view/build_view.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_after = 60s;             // a service that nobody asked for in that time; design.md, section 6
constexpr auto demand_period = 5s;           // how exactly that is known
constexpr auto snapshot_patience = 10ms;     // polls wait no longer for it; reading takes less than one
constexpr auto housekeeping_period = 10min;  // the snapshot is never much older than the last poll

std::unique_ptr<const view::View> assemble(std::uint64_t index, std::shared_ptr<const view::NameTable> names,
                                           const std::vector<ServiceState>& services) {
    auto out = std::make_unique<view::View>();
    out->index = index;
    out->names = std::move(names);
    for (const ServiceState& state : services) out->services.push_back(state.view());
    return out;
}

std::vector<ServiceState> make_states(const std::vector<config::Service>& services) {
    std::random_device random;
    std::vector<ServiceState> states;
    states.reserve(services.size());
    for (config::Service service : services) {
        service.addresses = {};  // those of a static source stay in the configuration: there may be many
        states.emplace_back(std::move(service), random());
    }
    return states;
}

/// Its registry names ports (SRV), so several of its endpoints may share an address.
bool names_ports(const config::Service& service) {
    return service.source == config::SourceKind::dns && service.record == config::RecordKind::srv;
}

void log_verdict(const config::Service& service, const SocketAddress& endpoint, const health::Verdict& verdict) {
    const char* const fact = verdict.status == health::Status::healthy ? "endpoint healthy" : "endpoint unhealthy";
    const log::Field service_field("service", service.name.to_string());
    const log::Field endpoint_field("endpoint", endpoint.to_string());
    const log::Field reason("reason", health::to_string(verdict.reason));
    if (verdict.witness == health::Witness::connection) {
        log::info("health", fact, {service_field, endpoint_field, reason, {"seen", "connection"}});
        return;
    }
    const log::Field latency("latency_us", verdict.last.latency.count());
    if (verdict.last.detail.empty()) {
        log::info("health", fact, {service_field, endpoint_field, reason, latency});
    } else {
        log::info("health", fact, {service_field, endpoint_field, reason, {"detail", verdict.last.detail}, latency});
    }
}

}  // namespace

ControlPlane::ControlPlane(asio::any_io_executor executor, const config::Config& config, Surroundings surroundings,
                           upstream::QueryBudget& budget, std::function<void()> on_published)
    : executor_(executor),
      on_published_(std::move(on_published)),
      identity_(std::move(surroundings.identity)),
      resolver_(executor, std::move(surroundings.upstream_servers), config.upstream, budget),
      services_(make_states(config.services)),
      names_(view::build_name_table(config.services)),
      publisher_(assemble(1, names_, services_)),
      demand_(services_.size(),
              [this](std::uint32_t service) {
                  // From either thread. The control plane outlives both loops.
                  asio::post(executor_, [this, service] { on_return(service); });
              }),
      last_asked_(services_.size(), Clock::now()),
      claims_([this](membership::ServiceIndex service) -> std::span<const membership::Member> {
          return services_[service].registry().members();
      }),
      own_sockets_(std::make_shared<health::OwnSockets>()),
      connections_(executor, config.services, own_sockets_, connection_callbacks()),
      checker_(
          executor, health::make_probe(own_sockets_),
          [this](const health::Checker::Event& event) { on_outcome(event); }, std::random_device{}(),
          surroundings.max_probes_in_flight),
      snapshot_(executor, config.snapshot, [this] { return collect_snapshot(); }),
      snapshot_timer_(executor),
      expiry_timer_(executor, never),
      deadlines_(services_.size(), never),
      local_faults_(services_.size()),
      started_at_(Clock::now()),
      tasks_(executor) {
    for (const config::Service& service : config.services) {
        sources_.push_back(discovery::make_source(service, resolver_));
    }
}

ControlPlane::~ControlPlane() = default;

void ControlPlane::start() {
    started_at_ = Clock::now();
    snapshot_timer_.expires_at(started_at_ + (snapshot_.ready() ? 0ms : snapshot_patience));
    snapshot_.load([this](const std::optional<membership::Snapshot>& snapshot) {
        if (snapshot) on_snapshot(*snapshot);
        snapshot_timer_.cancel();
    });
    connections_.start();
    connections_.note_demand(false, true, started_at_);
    tasks_.spawn("start polls", start_polls());
    tasks_.spawn("expire members", expire_members());
    tasks_.spawn("watch demand", watch_demand());
}

/// Polls begin once the snapshot is there: one that fails at once must not leave a moment without an answer.
asio::awaitable<void> ControlPlane::start_polls() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    co_await snapshot_timer_.async_wait(as_result);
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
    std::random_device seeds;
    for (std::size_t i = 0; i < services_.size(); ++i) {
        const config::Service& service = services_[i].service();
        auto observed = [this, i](const discovery::Observation& observation, milliseconds next_delay) {
            on_observation(i, observation, next_delay);
        };
        tasks_.spawn("poll " + service.name.to_string(),
                     discovery::poll(*sources_[i], service.poll, std::move(observed), seeds()));
    }
}

asio::awaitable<bool> ControlPlane::stop(milliseconds limit) {
    tasks_.cancel_all();
    snapshot_.stop(limit);
    const bool observer_ended = co_await connections_.stop(limit);
    const bool checks_ended = co_await checker_.stop(limit);
    const bool loops_ended = co_await tasks_.join(limit);
    co_return observer_ended&& checks_ended&& loops_ended;
}

void ControlPlane::on_observation(std::size_t service, const discovery::Observation& observation,
                                  milliseconds next_delay) {
    const bool changed = services_[service].observe(observation, next_delay, Clock::now());
    if (changed) on_members(service);
    // The first failure changes what a query gets, though there are no members yet.
    if (changed || services_[service].view()->readiness != view::Readiness::serving) mark_changed(service);
    note_deadline(service);  // an answer moves deadlines even where it changes nobody's presence
}

void ControlPlane::on_snapshot(const membership::Snapshot& snapshot) {
    const TimePoint now = Clock::now();
    for (const membership::SavedService& saved : snapshot.services) {
        const view::OwnerName* owner = names_->find(saved.name.wire());
        if (owner == nullptr) continue;  // not configured any more
        ServiceState& state = services_[owner->service];
        if (state.service().name != saved.name) continue;  // an alias now
        if (!state.load(to_members(saved, state.service(), WallAnchor::take()), now)) continue;
        on_members(owner->service);
        mark_changed(owner->service);
    }
}

membership::Snapshot ControlPlane::collect_snapshot() const {
    const WallAnchor wall = WallAnchor::take();
    membership::Snapshot snapshot{.written = wall.wall, .services = {}};
    for (const ServiceState& state : services_) {
        if (state.service().source != config::SourceKind::dns) continue;  // the configuration says it again
        snapshot.services.push_back(to_saved(state.service().name, state.registry().members(), wall));
    }
    return snapshot;
}

void ControlPlane::on_members(std::size_t service) {
    std::set<std::size_t> changed{service};
    bool came_or_went = false;
    while (!changed.empty()) {  // ends: each further round has taken members away
        const std::size_t next = *changed.begin();
        changed.erase(changed.begin());
        ServiceState& state = services_[next];
        if (state.take_came_or_went()) came_or_went = true;
        choose_endpoints(next);
        note_deadline(next);
        claims_.set(static_cast<membership::ServiceIndex>(next), names_ports(state.service()));
        connections_.set_members(static_cast<health::ServiceIndex>(next), state.registry().members());
        changed.merge(let_go_of_taken_addresses(next));
    }
    if (came_or_went) snapshot_.changed();
}

/// Returns those that have lost one.
std::set<std::size_t> ControlPlane::let_go_of_taken_addresses(std::size_t service) {
    std::set<std::size_t> losers;
    for (const auto& [loser, endpoint] : claims_.lost_by(static_cast<membership::ServiceIndex>(service))) {
        ServiceState& state = services_[loser];
        if (!state.release(endpoint, Clock::now())) continue;
        log::info("membership", "address belongs to another service now",
                  {{"service", state.service().name.to_string()},
                   {"endpoint", endpoint.to_string()},
                   {"because_of", services_[service].service().name.to_string()}});
        losers.insert(loser);
        mark_changed(loser);
    }
    return losers;
}

void ControlPlane::choose_endpoints(std::size_t service) {
    ServiceState& state = services_[service];
    if (!state.choose(find_verdict(service), identity_) || !state.checked()) return;
    std::erase_if(local_faults_[service], [&state](const SocketAddress& endpoint) {
        return !std::ranges::binary_search(state.chosen(), endpoint);
    });
    checker_.set_endpoints(static_cast<health::ServiceIndex>(service), state.service().name.to_string(),
                           state.service().health, state.chosen());
}

void ControlPlane::on_outcome(const health::Checker::Event& event) {
    ServiceState& state = services_[event.service];
    const health::Verdict* verdict = find_verdict(event.service)(event.endpoint);
    if (verdict == nullptr) return;
    if (event.changed) log_verdict(state.service(), event.endpoint, *verdict);
    note_local_fault(event.service, event.endpoint, *verdict);
    const bool let_back = state.let_back_if_passing(event.endpoint, *verdict, Clock::now());
    if (let_back || state.is_news(event.endpoint, *verdict)) mark_changed(event.service);
    // Last, since it may forget the verdict: an unhealthy pick of a subset is replaced, and one that has recovered
    // takes its place back.
    if ((event.changed || let_back) && state.service().subset > 0) choose_endpoints(event.service);
}

/// Somebody asks for a service that nobody had asked for lately.
void ControlPlane::on_return(std::size_t service) {
    last_asked_[service] = Clock::now();
    checker_.set_idle(static_cast<health::ServiceIndex>(service), false);
    if (connections_.observes(static_cast<health::ServiceIndex>(service))) {
        connections_.note_demand(true, true, last_asked_[service]);
    }
}

/// One line when the first endpoint of a service cannot be checked, such as for a ca_file that is not there, and one
/// when all can again.
void ControlPlane::note_local_fault(std::size_t service, const SocketAddress& endpoint,
                                    const health::Verdict& verdict) {
    std::set<SocketAddress>& faulty = local_faults_[service];
    const std::string name = services_[service].service().name.to_string();
    if (verdict.local_fault && faulty.insert(endpoint).second && faulty.size() == 1) {
        log::warning("health", "checks cannot be made from here, and change nothing",
                     {{"service", name}, {"endpoint", endpoint.to_string()}, {"reason", verdict.last.detail}});
    } else if (!verdict.local_fault && faulty.erase(endpoint) > 0 && faulty.empty()) {
        log::info("health", "checks can be made again", {{"service", name}, {"endpoint", endpoint.to_string()}});
    }
}

void ControlPlane::mark_changed(std::size_t service) {
    const bool first = changed_.empty();
    changed_.insert(service);
    if (first) asio::post(executor_, [this] { publish_changes(); });
}

void ControlPlane::publish_changes() {
    bool any = false;
    const TimePoint now = Clock::now();
    for (const std::size_t service : std::exchange(changed_, {})) {
        if (services_[service].decide(find_verdict(service), local_sources_, now, last_index_)) any = true;
        note_deadline(service);  // a decision may change by time alone
    }
    if (!any) return;
    publisher_.publish(assemble(publisher_.current().index + 1, names_, services_));
    publish_counters_.publications.add();
    publish_counters_.time.observe(Clock::now() - now);
    on_published_();
}

void ControlPlane::note_deadline(std::size_t service) {
    const TimePoint next = services_[service].next_deadline();
    const TimePoint before = std::exchange(deadlines_[service], next);
    if (before == next) return;
    const TimePoint first = by_deadline_.empty() ? never : by_deadline_.begin()->first;
    by_deadline_.erase({before, service});
    if (next != never) by_deadline_.insert({next, service});
    if (next < first) expiry_timer_.cancel();
}

asio::awaitable<void> ControlPlane::expire_members() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        expiry_timer_.expires_at(by_deadline_.empty() ? never : by_deadline_.begin()->first);
        co_await expiry_timer_.async_wait(as_result);

        const TimePoint now = Clock::now();
        while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
            const std::size_t service = by_deadline_.begin()->second;
            const auto [members_changed, others_changed] = services_[service].expire(now);
            if (members_changed) on_members(service);
            if (members_changed || others_changed) mark_changed(service);
            note_deadline(service);  // later than now: what was due is done
        }
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
        for (std::size_t i = 0; i < services_.size(); ++i) {
            const auto service = static_cast<std::uint32_t>(i);
            const bool asked = demand_.take(service);
            if (asked) last_asked_[i] = now;
            if (now - last_asked_[i] >= idle_after && demand_.become_idle(service)) checker_.set_idle(service, true);
            if (new_addresses) mark_changed(i);
            if (!connections_.observes(service)) continue;
            observed_asked = observed_asked || asked;
            observed_in_use = observed_in_use || now - last_asked_[i] < idle_after;
        }
        connections_.note_demand(observed_asked, observed_in_use, now);
        connections_.unprobed().expire(now, [this](const health::Event& event) { on_ejection_over(event); });
        if (!snapshot_.ready() && !std::exchange(said_that_snapshot_hangs_, true)) {
            log::warning("snapshot", "still not read: its file system hangs; it is neither used nor written");
        }
        if (now < next_housekeeping_) continue;
        next_housekeeping_ = now + housekeeping_period;
        snapshot_.changed();
        malloc_trim(0);  // what the start, or a burst of TLS handshakes, took and gave back
    }
}

FindVerdict ControlPlane::find_verdict(std::size_t service) const {
    const bool checked = services_[service].checked();
    return [this, checked, index = static_cast<health::ServiceIndex>(service)](const SocketAddress& endpoint) {
        return checked ? checker_.find(index, endpoint) : connections_.unprobed().find(index, endpoint);
    };
}

}  // namespace taskdns::app
