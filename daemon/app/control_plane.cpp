// The control plane: polls, checks and decides for all services, and publishes what came of it. Layer: app.
#include "app/control_plane.hpp"

#include <algorithm>
#include <random>

#include <boost/asio/post.hpp>

#include "app/service_status.hpp"
#include "base/log.hpp"
#include "discovery/poller.hpp"
#include "view/build_view.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto ready_without_all = 5s;  // after that /readyz waits no longer; design.md, section 9

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
    for (const config::Service& service : services) states.emplace_back(service, random());
    return states;
}

}  // namespace

ControlPlane::ControlPlane(asio::any_io_executor executor, const config::Config& config,
                           std::vector<SocketAddress> upstream_servers, upstream::QueryBudget& budget,
                           std::function<void()> on_published)
    : executor_(executor),
      on_published_(std::move(on_published)),
      resolver_(executor, std::move(upstream_servers), config.upstream, budget),
      services_(make_states(config.services)),
      names_(view::build_name_table(config.services)),
      publisher_(assemble(1, names_, services_)),
      checker_(
          executor, health::probe, [this](const health::Checker::Event& event) { on_outcome(event); },
          std::random_device{}()),
      expiry_timer_(executor, never),
      started_at_(Clock::now()),
      wall_(WallAnchor::take()),
      tasks_(executor) {
    for (const ServiceState& state : services_) {
        sources_.push_back(discovery::make_source(state.service(), resolver_));
    }
}

ControlPlane::~ControlPlane() = default;

void ControlPlane::start() {
    started_at_ = Clock::now();
    std::random_device seeds;
    for (std::size_t i = 0; i < services_.size(); ++i) {
        const config::Service& service = services_[i].service();
        auto observed = [this, i](const discovery::Observation& observation, milliseconds next_delay) {
            on_observation(i, observation, next_delay);
        };
        tasks_.spawn("poll " + service.name.to_string(),
                     discovery::poll(*sources_[i], service.poll, std::move(observed), seeds()));
    }
    tasks_.spawn("expire members", expire_members());
}

asio::awaitable<bool> ControlPlane::stop(milliseconds limit) {
    tasks_.cancel_all();
    const bool checks_ended = co_await checker_.stop(limit);
    const bool loops_ended = co_await tasks_.join(limit);
    co_return checks_ended&& loops_ended;
}

void ControlPlane::on_observation(std::size_t service, const discovery::Observation& observation,
                                  milliseconds next_delay) {
    ServiceState& state = services_[service];
    if (state.observe(observation, next_delay, Clock::now()) && state.checked()) {
        checker_.set_endpoints(static_cast<health::ServiceIndex>(service), state.service().name.to_string(),
                               state.service().health, state.endpoints());
    }
    mark_changed(service);
    expiry_timer_.cancel();  // deadlines may have moved
}

void ControlPlane::on_outcome(const health::Checker::Event& event) {
    const health::Verdict* verdict = checker_.find(event.service, event.endpoint);
    if (verdict == nullptr) return;
    if (event.changed) {
        log::info("health", verdict->status == health::Status::healthy ? "endpoint healthy" : "endpoint unhealthy",
                  {{"service", services_[event.service].service().name.to_string()},
                   {"endpoint", event.endpoint.to_string()},
                   {"reason", health::to_string(verdict->reason)},
                   {"latency_ms", verdict->last.latency.count()}});
    }
    // Without a change of status, a pending endpoint's local fault changes what is served, and an unhealthy one's
    // next failure may change its reason.
    if (event.changed || verdict->status != health::Status::healthy) mark_changed(event.service);
}

void ControlPlane::mark_changed(std::size_t service) {
    const bool first = changed_.empty();
    changed_.insert(service);
    if (first) asio::post(executor_, [this] { publish_changes(); });
}

void ControlPlane::publish_changes() {
    bool any = false;
    for (const std::size_t service : std::exchange(changed_, {})) {
        if (services_[service].decide(find_verdict(service))) any = true;
    }
    if (!any) return;
    publisher_.publish(assemble(publisher_.current().index + 1, names_, services_));
    on_published_();
}

asio::awaitable<void> ControlPlane::expire_members() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        TimePoint next = never;
        for (const ServiceState& state : services_) next = std::min(next, state.next_deadline());
        expiry_timer_.expires_at(next);
        co_await expiry_timer_.async_wait(as_result);

        const TimePoint now = Clock::now();
        for (std::size_t i = 0; i < services_.size(); ++i) {
            ServiceState& state = services_[i];
            if (state.next_deadline() > now || !state.expire(now)) continue;
            if (state.checked()) {
                checker_.set_endpoints(static_cast<health::ServiceIndex>(i), state.service().name.to_string(),
                                       state.service().health, state.endpoints());
            }
            mark_changed(i);
        }
    }
}

FindVerdict ControlPlane::find_verdict(std::size_t service) const {
    return [this, service](const SocketAddress& endpoint) {
        return checker_.find(static_cast<health::ServiceIndex>(service), endpoint);
    };
}

std::optional<std::size_t> ControlPlane::find_service(std::string_view name) const {
    const auto parsed = dns::Name::parse(name);
    if (!parsed) return std::nullopt;
    const view::OwnerName* owner = names_->find(parsed->wire());
    if (owner == nullptr) return std::nullopt;
    return owner->service;
}

http_server::ReadyStatus ControlPlane::ready() {
    if (shutting_down_) return {false, {{"", "shutting down"}}};
    http_server::ReadyStatus status;
    if (!ready_once_ && Clock::now() < started_at_ + ready_without_all) {
        for (std::size_t i = 0; i < services_.size(); ++i) {
            if (!services_[i].service().required) continue;
            const std::string reason = services_[i].not_ready_reason(find_verdict(i));
            if (!reason.empty()) status.missing.push_back({services_[i].service().name.to_string(), reason});
        }
    }
    status.ready = status.missing.empty();
    ready_once_ = ready_once_ || status.ready;
    return status;
}

http_server::Model ControlPlane::model() {
    http_server::Model model;
    model.ready = [this] { return ready(); };
    model.services = [this] {
        std::vector<http_server::ServiceStatus> out;
        for (std::size_t i = 0; i < services_.size(); ++i) {
            out.push_back(service_status(services_[i], find_verdict(i), wall_));
        }
        return out;
    };
    model.service = [this](std::string_view name) -> std::optional<http_server::ServiceStatus> {
        const auto service = find_service(name);
        if (!service) return std::nullopt;
        return service_status(services_[*service], find_verdict(*service), wall_);
    };
    model.pick = [this](std::string_view name) -> std::optional<SocketAddress> {
        const auto service = find_service(name);
        if (!service) return std::nullopt;
        return services_[*service].pick();
    };
    return model;
}

}  // namespace taskdns::app
