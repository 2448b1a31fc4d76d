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
      publishing_(executor, "publish a change", [this] { publish_changes(); }),
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
    bool changed = true;
    try {
        changed = services_.state(place).observe(observation, next_delay, Clock::now());
    } catch (const std::exception&) {  // it has been taken in by half, perhaps
        services_[place].unsettled = true;
        mark_changed(place);
        throw;
    }
    if (changed) on_members(place);
    // The first failure changes what a query gets, though there are no members yet.
    if (changed || services_.state(place).view()->readiness != view::Readiness::serving) mark_changed(place);
    note_deadline(place);  // an answer moves deadlines even where it changes nobody's presence
}

void ControlPlane::on_members(std::size_t place) {
    services_[place].unsettled = true;
    publishing_.set_now();  // without memory for what follows, it goes on from there
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
        services_[next].unsettled = false;
    }
    if (came_or_went) snapshot_->changed();
}

/// Returns those that have lost one.
std::set<std::size_t> ControlPlane::let_go_of_taken_addresses(std::size_t place) {
    std::set<std::size_t> losers;
    for (const auto& [loser, endpoint] : claims_.lost_by(static_cast<membership::ServiceIndex>(place))) {
        ServiceState& state = services_.state(loser);
        if (!state.release(endpoint, Clock::now())) continue;
        services_[loser].unsettled = true;
        mark_changed(loser);
        log::info("membership", "address belongs to another place now",
                  {{"service", state.service().name.to_string()},
                   {"endpoint", endpoint.to_string()},
                   {"because_of", services_.state(place).service().name.to_string()}});
        losers.insert(loser);
    }
    return losers;
}

void ControlPlane::choose_endpoints(std::size_t place) {
    ServicePlace& service = services_[place];
    ServiceState& state = service.state;
    const bool before = std::exchange(service.to_be_set, true);  // until it has been, memory or not
    const bool changed = state.choose(find_verdict(place), identity_);
    if ((changed || before) && state.checked()) {
        std::erase_if(service.local_faults, [&state](const SocketAddress& endpoint) {
            return !std::ranges::binary_search(state.chosen(), endpoint);
        });
        checker_.set_endpoints(static_cast<health::ServiceIndex>(place), state.service().name.to_string(),
                               state.service().health, state.chosen());
    }
    service.to_be_set = false;
}

void ControlPlane::on_outcome(const health::Checker::Event& event) noexcept try {
    take_in(event);
} catch (const std::exception&) {
    services_[event.service].unsettled = true;
    mark_changed(event.service);
}

void ControlPlane::take_in(const health::Checker::Event& event) {
    ServiceState& state = services_.state(event.service);
    const health::Verdict* verdict = find_verdict(event.service)(event.endpoint);
    if (verdict == nullptr) return;
    if (event.changed) {
        mark_changed(event.service);
        log_verdict(state.service(), event.endpoint, *verdict);
    }
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

void ControlPlane::mark_changed(std::size_t place) noexcept {
    services_[place].changed = true;
    publishing_.set_now();
}

/// What it cannot do for want of memory stays marked, the alarm rings again, and what was published before is
/// answered until then.
void ControlPlane::publish_changes() {
    const TimePoint now = Clock::now();
    std::exception_ptr failure;
    for (const std::size_t place : services_.order()) {
        try {
            decide_if_changed(place, now);
        } catch (const std::exception&) {  // the others have their turn: what they need may be less
            failure = std::current_exception();
        }
    }
    if (unpublished_) {
        publish();
        publish_counters_.time.observe(Clock::now() - now);
    }
    for (const std::size_t place : services_.order()) {
        if (!services_[place].looks_different) continue;
        events_.changed(summary(place));
        services_[place].looks_different = false;
    }
    if (failure) std::rethrow_exception(failure);
}

void ControlPlane::decide_if_changed(std::size_t place, TimePoint now) {
    ServicePlace& service = services_[place];
    if (service.unsettled) {
        service.changed = true;
        on_members(place);
    }
    if (!service.changed) return;
    const std::uint64_t index = service.state.index();
    if (service.state.decide(find_verdict(place), local_sources_, now, last_index_)) unpublished_ = true;
    if (service.state.index() != index) service.looks_different = true;
    note_deadline(place);  // a decision may change by time alone
    service.changed = false;
}

/// Who changes something by a request sees it in the answer to it.
void ControlPlane::decide_at_once(std::size_t place) {
    if (services_.state(place).service().subset > 0) choose_endpoints(place);  // a stand-in, or one less
    mark_changed(place);
    publish_changes();
}

void ControlPlane::publish() {
    publisher_.publish(services_.make_view(publisher_.current().index + 1));
    publish_counters_.publications.add();
    events_.published();
    unpublished_ = false;
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
