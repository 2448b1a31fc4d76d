// The control plane: polls, checks and decides for all services, and publishes what came of it. Layer: app.
#include "app/control_plane.hpp"

#include <algorithm>
#include <random>

#include <boost/asio/post.hpp>

#include "app/service_status.hpp"
#include "base/log.hpp"

namespace taskdns::app {
namespace {

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

std::uint64_t milliseconds_since_1970() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
}

}  // namespace

ControlPlane::ControlPlane(asio::any_io_executor executor, const config::Config& config, Surroundings surroundings,
                           upstream::QueryBudget& budget, Events events)
    : executor_(executor),
      events_(std::move(events)),
      identity_(std::move(surroundings.identity)),
      budget_(budget),
      resolver_(std::make_shared<upstream::Resolver>(executor, std::move(surroundings.upstream_servers),
                                                     config.upstream, budget)),
      services_([this](std::size_t place) {
          // From either thread. The control plane outlives both loops.
          asio::post(executor_, [this, place] { on_return(place); });
      }),
      publisher_(std::make_unique<view::View>()),
      claims_([this](membership::ServiceIndex place) { return members_of(place); }),
      own_sockets_(std::make_shared<health::OwnSockets>()),
      connections_(executor, own_sockets_, connection_callbacks()),
      checker_(
          executor, health::make_probe(own_sockets_),
          [this](const health::Checker::Event& event) { on_outcome(event); }, std::random_device{}(),
          surroundings.max_probes_in_flight),
      snapshot_(make_snapshot_store(config.snapshot)),
      snapshot_timer_(executor),
      hold_timer_(executor),
      expiry_timer_(executor, never),
      last_index_(milliseconds_since_1970()),
      started_at_(Clock::now()),
      tasks_(executor) {
    std::vector<std::size_t> order;
    for (const config::Service& service : config.services) order.push_back(add_service(service));
    services_.arrange(order, config.services);
    publisher_.publish(services_.make_view(1));
}

std::unique_ptr<SnapshotStore> ControlPlane::make_snapshot_store(const std::string& path) {
    return std::make_unique<SnapshotStore>(executor_, path, [this] { return collect_snapshot(); });
}

ControlPlane::~ControlPlane() = default;

asio::awaitable<bool> ControlPlane::stop(milliseconds limit) {
    tasks_.cancel_all();
    snapshot_->stop(limit);
    const bool observer_ended = co_await connections_.stop(limit);
    const bool checks_ended = co_await checker_.stop(limit);
    const bool loops_ended = co_await tasks_.join(limit);
    co_return observer_ended&& checks_ended&& loops_ended;
}

std::span<const membership::Member> ControlPlane::members_of(std::size_t place) const {
    const ServicePlace* const service = services_.find(place);
    if (service == nullptr) return {};
    return service->state.registry().members();
}

void ControlPlane::on_observation(std::size_t place, const discovery::Observation& observation,
                                  milliseconds next_delay) {
    const bool changed = services_.state(place).observe(observation, next_delay, Clock::now());
    if (changed) on_members(place);
    // The first failure changes what a query gets, though there are no members yet.
    if (changed || services_.state(place).view()->readiness != view::Readiness::serving) mark_changed(place);
    note_deadline(place);  // an answer moves deadlines even where it changes nobody's presence
}

void ControlPlane::on_members(std::size_t place) {
    std::set<std::size_t> changed{place};
    bool came_or_went = false;
    while (!changed.empty()) {  // ends: each further round has taken members away
        const std::size_t next = *changed.begin();
        changed.erase(changed.begin());
        ServiceState& state = services_.state(next);
        if (state.take_came_or_went()) came_or_went = true;
        choose_endpoints(next);
        note_deadline(next);
        claims_.set(static_cast<membership::ServiceIndex>(next), state.service().registry_names_ports());
        connections_.set_members(static_cast<health::ServiceIndex>(next), state.registry().members());
        changed.merge(let_go_of_taken_addresses(next));
    }
    if (came_or_went) snapshot_->changed();
}

/// Returns those that have lost one.
std::set<std::size_t> ControlPlane::let_go_of_taken_addresses(std::size_t place) {
    std::set<std::size_t> losers;
    for (const auto& [loser, endpoint] : claims_.lost_by(static_cast<membership::ServiceIndex>(place))) {
        ServiceState& state = services_.state(loser);
        if (!state.release(endpoint, Clock::now())) continue;
        log::info("membership", "address belongs to another place now",
                  {{"service", state.service().name.to_string()},
                   {"endpoint", endpoint.to_string()},
                   {"because_of", services_.state(place).service().name.to_string()}});
        losers.insert(loser);
        mark_changed(loser);
    }
    return losers;
}

void ControlPlane::choose_endpoints(std::size_t place) {
    ServiceState& state = services_.state(place);
    if (!state.choose(find_verdict(place), identity_) || !state.checked()) return;
    std::erase_if(services_[place].local_faults, [&state](const SocketAddress& endpoint) {
        return !std::ranges::binary_search(state.chosen(), endpoint);
    });
    checker_.set_endpoints(static_cast<health::ServiceIndex>(place), state.service().name.to_string(),
                           state.service().health, state.chosen());
}

void ControlPlane::on_outcome(const health::Checker::Event& event) {
    ServiceState& state = services_.state(event.service);
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

/// One line when the first endpoint of a place cannot be checked, such as for a ca_file that is not there, and one
/// when all can again.
void ControlPlane::note_local_fault(std::size_t place, const SocketAddress& endpoint,
                                    const health::Verdict& verdict) {
    std::set<SocketAddress>& faulty = services_[place].local_faults;
    const std::string name = services_.state(place).service().name.to_string();
    if (verdict.local_fault && faulty.insert(endpoint).second && faulty.size() == 1) {
        log::warning("health", "checks cannot be made from here, and change nothing",
                     {{"service", name}, {"endpoint", endpoint.to_string()}, {"reason", verdict.last.detail}});
    } else if (!verdict.local_fault && faulty.erase(endpoint) > 0 && faulty.empty()) {
        log::info("health", "checks can be made again", {{"service", name}, {"endpoint", endpoint.to_string()}});
    }
}

void ControlPlane::mark_changed(std::size_t place) {
    const bool first = changed_.empty();
    changed_.insert(place);
    if (first) asio::post(executor_, [this] { publish_changes(); });
}

/// What cannot be finished for want of memory stays marked, and watch_demand() comes back to it.
void ControlPlane::publish_changes() {
    std::set<std::size_t> changed = std::exchange(changed_, {});
    try {
        bool any = false;
        std::vector<std::size_t> looks_different;
        const TimePoint now = Clock::now();
        for (const std::size_t place : changed) {
            ServiceState& state = services_.state(place);
            const std::uint64_t index = state.index();
            if (state.decide(find_verdict(place), local_sources_, now, last_index_)) any = true;
            if (state.index() != index) looks_different.push_back(place);
            note_deadline(place);  // a decision may change by time alone
        }
        if (any) {
            publish();
            publish_counters_.time.observe(Clock::now() - now);
        }
        for (const std::size_t place : looks_different) events_.changed(summary(place));
    } catch (const std::exception&) {
        changed_.merge(changed);
        throw;
    }
}

/// Who changes something by a request sees it in the answer to it.
void ControlPlane::decide_at_once(std::size_t place) {
    if (services_.state(place).service().subset > 0) choose_endpoints(place);  // a stand-in, or one less
    changed_.insert(place);
    publish_changes();
}

void ControlPlane::publish() {
    publisher_.publish(services_.make_view(publisher_.current().index + 1));
    publish_counters_.publications.add();
    events_.published();
}

void ControlPlane::note_deadline(std::size_t place) {
    const TimePoint first = deadlines_.first();
    deadlines_.set(place, services_.state(place).next_deadline());
    if (deadlines_.first() < first) expiry_timer_.cancel();
}

FindVerdict ControlPlane::find_verdict(std::size_t place) const {
    const bool checked = services_.state(place).checked();
    return [this, checked, index = static_cast<health::ServiceIndex>(place)](const SocketAddress& endpoint) {
        return checked ? checker_.find(index, endpoint) : connections_.unprobed().find(index, endpoint);
    };
}

}  // namespace taskdns::app
