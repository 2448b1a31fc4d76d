// What the application's own connections do to the control plane. Layer: app.
#include "app/control_plane.hpp"
#include "base/log.hpp"

namespace taskdns::app {

ConnectionWatch::Callbacks ControlPlane::connection_callbacks() {
    ConnectionWatch::Callbacks out;
    out.find_service = [this](health::ServiceIndex place) -> const config::Service* {
        const ServicePlace* const service = services_.find(place);
        return service == nullptr ? nullptr : &service->state.service();
    };
    out.find_services = [this](const SocketAddress& endpoint, std::vector<health::ServiceIndex>& services) {
        claims_.find(endpoint, services);
    };
    out.find_at = [this](const IpAddress& address, std::vector<membership::Claims::Holding>& holdings) {
        claims_.find_at(address, holdings);
    };
    out.is_down = [this](health::ServiceIndex service, const SocketAddress& endpoint) {
        if (!services_.state(service).uses(endpoint)) return true;
        const health::Verdict* verdict = find_verdict(service)(endpoint);
        return verdict != nullptr && verdict->status == health::Status::unhealthy;
    };
    out.on_evidence = [this](health::ServiceIndex service, const health::ConnectionEvidence& evidence) {
        on_connection(service, evidence);
    };
    out.on_dump = [this] { rebalance(); };
    return out;
}

/// What became of a connection of the application's.
void ControlPlane::on_connection(health::ServiceIndex service, const health::ConnectionEvidence& evidence) {
    ServiceState& state = services_.state(service);
    const SocketAddress& endpoint = evidence.endpoint;
    state.count_connection(evidence.observed);
    if (state.checked()) {
        const auto event = checker_.observe(service, endpoint, evidence.observed, evidence.since);
        if (event) on_outcome(*event);
    } else if (state.uses(endpoint)) {
        on_outcome(connections_.unprobed().observe(service, endpoint, evidence.observed, state.service().health,
                                                   Clock::now()));
    }
}

/// The counts of open connections are new.
void ControlPlane::rebalance() {
    const auto open = [this](const SocketAddress& endpoint) {
        const health::EndpointConnections* connections = connections_.find(endpoint);
        return connections == nullptr ? 0.0 : connections->smoothed_open;
    };
    for (const std::size_t place : services_.order()) {
        ServiceState& state = services_.state(place);
        const bool wanted = state.service().answer.order == config::Order::least_connections;
        if (wanted && state.rebalance(open)) mark_changed(place);
    }
}

void ControlPlane::on_ejection_over(const health::Event& event) {
    log::info("health", "endpoint is tried again",
              {{"service", services_.state(event.service).service().name.to_string()},
               {"endpoint", event.endpoint.to_string()}});
    mark_changed(event.service);
    if (services_.state(event.service).service().subset > 0)
        choose_endpoints(event.service);  // it takes its place back
}

}  // namespace taskdns::app
