// The control plane's part of the metrics. Layer: app.
#include <algorithm>
#include <map>

#include "app/control_plane.hpp"

namespace taskdns::app {

void ControlPlane::collect(Figures& out) const {
    out.services.reserve(services_.order().size());
    std::map<std::size_t, ServiceFigures*> at;
    for (const std::size_t place : services_.order()) {
        at[place] = &out.services.emplace_back(service_figures(services_.state(place), out.now));
        if (services_[place].source) at[place]->unusable_addresses = services_[place].source->unusable_addresses();
        const std::string state = connections_.status(static_cast<health::ServiceIndex>(place)).state;
        const auto word = std::ranges::find(Figures::observe_states, state);
        if (word != Figures::observe_states.end()) {
            ++out.observed_services[static_cast<std::size_t>(word - Figures::observe_states.begin())];
        }
    }
    // By the endpoints that are connected to, of which there are far fewer than members.
    std::vector<membership::ServiceIndex> owners;
    connections_.each([&](const SocketAddress& endpoint, const health::EndpointConnections& connections) {
        if (connections.open == 0) return;
        owners.clear();
        claims_.find(endpoint, owners);
        for (const membership::ServiceIndex owner : owners) {
            if (connections_.observes(owner)) at.at(owner)->open_connections += connections.open;
        }
    });
    out.index = last_index_;
    out.publish = &publish_counters_;
    out.health = &checker_.counters();
    out.spared_probes = checker_.spared();
    out.probes_in_flight = checker_.in_flight();
    out.targets = checker_.targets();
    out.observer = &connections_.counters();
    out.upstream.push_back(
        {"poll", &resolver_->servers(), &resolver_->server_counters(), &resolver_->counters().ignored});
    out.budget_waits = resolver_->counters().budget_waits.value();
    out.snapshot = snapshot_->figures();
}

}  // namespace taskdns::app
