// Services come, go and change while the daemon runs. Layer: app.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "app/control_plane.hpp"
#include "base/log.hpp"

namespace taskdns::app {
namespace {

/// A source with the resolver that it asks.
struct SourceWithResolver {
    std::shared_ptr<upstream::Resolver> resolver;
    std::unique_ptr<discovery::Source> source;
};

}  // namespace

std::unique_ptr<ServicePlace> ControlPlane::make_place(config::Service service) {
    service.addresses = {};  // those of a static source stay in the configuration: there may be many
    std::random_device random;
    auto out = std::make_unique<ServicePlace>(
        ServicePlace{.state = ServiceState(std::move(service), random(), last_index_), .last_asked = Clock::now()});
    if (home_) out->state.set_home(*home_);
    return out;
}

void ControlPlane::set_task(const std::string& identity, const view::Home& home) {
    const bool other_identity = std::exchange(identity_, identity) != identity;
    const bool other_home = home_ != home;
    home_ = home;
    for (const std::size_t place : services_.order()) {
        ServiceState& state = services_.state(place);
        const bool redraw = other_identity && state.service().subset > 0;
        if (other_home) state.set_home(home);
        if (redraw) choose_endpoints(place);
        if (redraw || other_home) mark_changed(place);
    }
}

void ControlPlane::renew_source(std::size_t place, const config::Service& service) {
    auto both = std::make_shared<SourceWithResolver>();
    both->resolver = resolver_;
    both->source = discovery::make_source(service, *resolver_);
    services_[place].source = {both, both->source.get()};
}

std::size_t ControlPlane::add_service(const config::Service& service) {
    ++last_index_;
    const std::size_t place = services_.add(make_place(service));
    renew_source(place, service);
    return place;
}

/// Once; again after a reload that is the first to want it.
void ControlPlane::observe_connections() {
    const bool wanted = std::ranges::any_of(services_.order(), [this](std::size_t place) {
        return connections_.observes(static_cast<health::ServiceIndex>(place));
    });
    if (wanted) connections_.start();
}

void ControlPlane::remove_service(std::size_t place) {
    const auto index = static_cast<health::ServiceIndex>(place);
    const config::Service service = services_.state(place).service();
    stop_poll(place);
    services_.remove(place);
    checker_.set_endpoints(index, service.name.to_string(), service.health, {});
    checker_.set_idle(index, false);
    claims_.set(index, false);
    connections_.set_members(index, {});
    deadlines_.set(place, never);
    log::info("app", "service is configured no more", {{"service", service.name.to_string()}});
}

/// The same service, configured otherwise. It is polled at once.
void ControlPlane::replace_service(std::size_t place, const config::Service& service) {
    stop_poll(place);
    auto renewed = make_place(service);
    ServicePlace& before = services_[place];
    renewed->last_asked = before.last_asked;
    renewed->idle = before.idle;
    renewed->state.take_over(std::move(before.state), Clock::now());
    services_.replace(place, std::move(renewed));
    renew_source(place, service);
    const ServiceState& state = services_.state(place);
    on_members(place);
    checker_.set_endpoints(static_cast<health::ServiceIndex>(place), service.name.to_string(), service.health,
                           state.checked() ? state.chosen() : std::vector<SocketAddress>());
    mark_changed(place);
    start_poll(place);
    log::info("app", "service is configured otherwise", {{"service", service.name.to_string()}});
}

void ControlPlane::renew_snapshot(const std::string& path) {
    snapshot_ = make_snapshot_store(path);
    snapshot_->load([](const std::optional<membership::Snapshot>&) {});  // what we know is newer
    snapshot_->changed();
}

void ControlPlane::reload(const config::Config& before, const config::Config& now,
                          std::vector<SocketAddress> upstream_servers) try {
    const bool other_upstream = upstream_servers != resolver_->servers() || !before.upstream.asks_like(now.upstream);
    if (other_upstream) {
        resolver_ =
            std::make_shared<upstream::Resolver>(executor_, std::move(upstream_servers), now.upstream, budget_);
    }
    std::map<dns::Name, const config::Service*> old;
    for (const config::Service& service : before.services) old.emplace(service.name, &service);
    std::vector<std::string> removed;
    const std::map<dns::Name, std::size_t> places = remove_all_but(now.services, removed);

    std::vector<std::size_t> order;
    std::vector<std::size_t> added;
    for (const config::Service& service : now.services) {
        const auto known = places.find(service.name);
        if (known == places.end()) {
            added.push_back(add_service(service));
            order.push_back(added.back());
            continue;
        }
        order.push_back(known->second);
        if (service != *old.at(service.name)) {
            replace_service(known->second, service);
        } else if (other_upstream) {
            stop_poll(known->second);
            renew_source(known->second, service);
            start_poll(known->second);
        }
    }
    services_.arrange(order, now.services);
    observe_connections();
    if (before.snapshot != now.snapshot) renew_snapshot(now.snapshot);
    publish();
    // Who hears of it looks at once, so everything is in its place by now.
    for (const std::string& name : removed) events_.removed(name, ++last_index_);
    for (const std::size_t place : added) {
        log::info("app", "service is configured", {{"service", services_.state(place).service().name.to_string()}});
        events_.changed(summary(place));
        start_poll(place);
    }
} catch (const std::exception&) {  // no memory, in spite of Daemon::apply(): what there is by now goes on
    services_.forget_removed();
    throw;
}

/// Returns where those are that stay.
std::map<dns::Name, std::size_t> ControlPlane::remove_all_but(const std::vector<config::Service>& wanted,
                                                              std::vector<std::string>& removed) {
    std::set<dns::Name> names;
    for (const config::Service& service : wanted) names.insert(service.name);
    std::map<dns::Name, std::size_t> places;
    for (const std::size_t place : services_.order()) {
        const dns::Name& name = services_.state(place).service().name;
        if (names.contains(name)) {
            places.emplace(name, place);
        } else {
            removed.push_back(name.to_string());
            remove_service(place);
        }
    }
    return places;
}

}  // namespace taskdns::app
