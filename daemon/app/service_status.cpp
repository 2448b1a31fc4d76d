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

http_server::EndpointStatus endpoint_status(const view::EndpointDecision& decision, bool checked,
                                            const WallAnchor& wall) {
    const membership::Member& member = decision.candidate.member;
    const health::Verdict& verdict = decision.candidate.verdict;
    http_server::EndpointStatus out;
    out.address = member.address;
    out.state = checked ? health::to_string(verdict.status) : "unchecked";
    out.served = decision.served;
    out.reason = decision.reason;
    // A verdict that no outcome has moved yet is as old as the member.
    const bool moved = checked && verdict.status != health::Status::pending;
    out.since = wall.at(moved ? verdict.since : member.since);
    if (checked && verdict.last.observed != health::Observed::nothing) {
        out.last_check = http_server::LastCheck{wall.at(verdict.last_at), health::to_string(verdict.last.observed),
                                                verdict.last.latency, verdict.last.http_status, verdict.last.detail};
    }
    out.presence = membership::to_string(member.presence);
    out.present = member.presence == membership::Presence::present;
    out.last_seen = wall.at(member.last_seen);
    out.weight = member.weight;
    out.zone = decision.zone;
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

http_server::ServiceStatus service_status(const ServiceState& state, const FindVerdict& find_verdict,
                                          const WallAnchor& wall) {
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
    double all_weights = 0;
    for (const view::EndpointDecision& endpoint : state.decision().endpoints) {
        if (comes_first(endpoint)) all_weights += endpoint.weight;
    }
    for (view::EndpointDecision endpoint : state.decision().endpoints) {
        // The decision holds the verdict of its time; the last check may be newer.
        const health::Verdict* verdict = find_verdict(endpoint.candidate.member.address);
        if (verdict != nullptr) endpoint.candidate.verdict = *verdict;
        out.endpoints.push_back(endpoint_status(endpoint, state.checked(), wall));
        if (comes_first(endpoint)) out.endpoints.back().share = endpoint.weight / all_weights;
    }
    return out;
}

}  // namespace taskdns::app
