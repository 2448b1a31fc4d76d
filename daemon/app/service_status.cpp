// What the HTTP interface shows of a service. Layer: app.
#include "app/service_status.hpp"

namespace taskdns::app {
namespace {

http_server::PollStatus poll_status(const ServiceState::Poll& poll, const WallAnchor& wall) {
    return {.at = wall.at(poll.at),
            .outcome = poll.outcome,
            .ttl = poll.ttl,
            .error = poll.reason,
            .next = wall.at(poll.next)};
}

http_server::EndpointStatus endpoint_status(const view::EndpointDecision& decision, const membership::Member& member,
                                            const health::Verdict& verdict, bool checked, const WallAnchor& wall) {
    http_server::EndpointStatus out;
    out.address = decision.address;
    const bool has_verdict = checked || verdict.status != health::Status::pending;
    out.state = has_verdict ? health::to_string(verdict.status) : "unchecked";
    out.served = decision.served;
    out.reason = view::reason(decision);
    // A verdict that no outcome has moved yet is as old as the member.
    const bool moved = verdict.status != health::Status::pending;
    out.since = wall.at(moved ? verdict.since : member.since);
    if (verdict.last.observed != health::Observed::nothing) {
        out.last_check = http_server::LastCheck{wall.at(verdict.last_at), health::to_string(verdict.last.observed),
                                                verdict.last.latency, verdict.last.http_status, verdict.last.detail};
    }
    out.presence = membership::to_string(member.presence);
    out.present = member.presence == membership::Presence::present;
    out.last_seen = wall.at(member.last_seen);
    out.weight = member.weight;
    return out;
}

http_server::ConnectionStatus connection_status(const health::EndpointConnections& connections,
                                                const WallAnchor& wall) {
    return {.open = connections.open,
            .rtt = connections.rtt,
            .retransmits = connections.retransmits,
            .answered = connections.answered,
            .refused = connections.refused,
            .unanswered = connections.unanswered,
            .last_seen = wall.at(connections.last_seen)};
}

std::optional<http_server::ReportStatus> report_status(const std::optional<health::Reports::Summary>& reports,
                                                       const WallAnchor& wall) {
    if (!reports) return std::nullopt;
    http_server::ReportStatus out{.failures = reports->failures, .ejections = reports->ejections};
    if (reports->ejected_until) out.ejected_until = wall.at(*reports->ejected_until);
    return out;
}

bool comes_first(const view::EndpointDecision& endpoint) {
    return endpoint.served && endpoint.first && endpoint.weight > 0;
}

const char* state_name(view::Readiness readiness) {
    switch (readiness) {
        case view::Readiness::not_polled:
            return "not_ready";
        case view::Readiness::serving:
            return "serving";
        case view::Readiness::no_endpoint:
        case view::Readiness::no_upstream:
            break;
    }
    return "no_endpoint";
}

}  // namespace

http_server::ServiceStatus service_summary(const ServiceState& state, const WallAnchor& wall) {
    const config::Service& service = state.service();
    http_server::ServiceStatus out;
    out.name = service.name.to_string();
    for (const dns::Name& alias : service.aliases) out.aliases.push_back(alias.to_string());
    out.source = service.source == config::SourceKind::dns ? "dns" : "static";
    out.port = service.port;
    out.required = service.required;
    out.state = state_name(state.view()->readiness);
    out.rung = view::to_string(state.decision().rung);
    out.stale = state.decision().stale;
    out.panic = state.decision().panic;
    out.basis = membership::to_string(state.registry().basis());
    out.coverage = state.registry().coverage();
    out.zone = state.own_zone();
    out.zone_preferred = state.decision().zone_preferred;
    out.index = state.index();
    if (state.last_poll()) out.last_poll = poll_status(*state.last_poll(), wall);
    out.last_error = state.last_error();
    const ServiceState::Counts counts = state.counts();
    out.counts = {.total = counts.members, .healthy = counts.healthy, .served = counts.served};
    return out;
}

http_server::ServiceStatus service_status(const ServiceState& state, const FindVerdict& find_verdict,
                                          const FindConnections& find_connections, const WallAnchor& wall) {
    http_server::ServiceStatus out = service_summary(state, wall);
    double all_weights = 0;
    for (const view::EndpointDecision& endpoint : state.decision().endpoints) {
        if (comes_first(endpoint)) all_weights += endpoint.weight;
    }
    const health::Verdict not_checked;
    out.endpoints.reserve(state.decision().endpoints.size());
    for (const view::EndpointDecision& endpoint : state.decision().endpoints) {
        const membership::Member* member = state.registry().find(endpoint.address);
        if (member == nullptr) continue;  // it has just left, and the next decision will say so
        const health::Verdict* verdict = find_verdict(endpoint.address);
        http_server::EndpointStatus& status = out.endpoints.emplace_back(
            endpoint_status(endpoint, *member, verdict != nullptr ? *verdict : not_checked, state.checked(), wall));
        status.reports = report_status(state.reports().summary(endpoint.address, wall.steady), wall);
        const std::optional<TimePoint> drained_until = state.drains().until(endpoint.address);
        if (drained_until) status.drained_until = wall.at(*drained_until);
        status.zone = view::find_zone(endpoint.address.address, state.service().zone);
        if (comes_first(endpoint)) status.share = endpoint.weight / all_weights;
        const health::EndpointConnections* connections = find_connections(endpoint.address);
        if (connections != nullptr) status.connections = connection_status(*connections, wall);
    }
    return out;
}

}  // namespace taskdns::app
