// What is known of each service, and what its polls and checks came to. Layer: app.
#include "app/metrics.hpp"

namespace taskdns::app {
namespace {

/// In the order of view::Rung.
constexpr std::array rungs{view::Rung::not_ready,    view::Rung::healthy,    view::Rung::reserve,
                           view::Rung::unverified,   view::Rung::doubtful,   view::Rung::all,
                           view::Rung::last_healthy, view::Rung::no_endpoint};

std::size_t state_of(const view::EndpointDecision& endpoint, bool checked) {
    switch (endpoint.standing.status) {
        case health::Status::healthy:
            return 0;
        case health::Status::unhealthy:
            return 1;
        case health::Status::pending:
            break;
    }
    return checked ? 2 : 3;
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void write_polls(MetricsText& out, const std::vector<ServiceFigures>& services) {
    out.counter("taskdns_discovery_polls_total", "Polls of a service, by outcome.");
    for (const ServiceFigures& service : services) {
        out.sample({{"service", service.name}, {"outcome", "records"}}, service.tally.records);
        out.sample({{"service", service.name}, {"outcome", "empty"}}, service.tally.empty);
        out.sample({{"service", service.name}, {"outcome", "failed"}}, service.tally.failed);
    }
    out.counter("taskdns_discovery_unusable_addresses_total",
                "Records left out: no endpoint can have their address.");
    for (const ServiceFigures& service : services)
        out.sample({{"service", service.name}}, service.unusable_addresses);
    out.gauge("taskdns_discovery_answer_age_seconds", "Since a poll of the service was last answered.");
    for (const ServiceFigures& service : services) {
        if (service.answer_age) out.sample({{"service", service.name}}, in_seconds(*service.answer_age));
    }
    out.gauge("taskdns_discovery_next_poll_seconds",
              "Until the service is polled again; negative while it is being polled.");
    for (const ServiceFigures& service : services) {
        if (service.next_poll) out.sample({{"service", service.name}}, in_seconds(*service.next_poll));
    }
}

void write_members(MetricsText& out, const std::vector<ServiceFigures>& services) {
    out.gauge("taskdns_membership_endpoints", "Endpoints of a service, by why they are members.");
    for (const ServiceFigures& service : services) {
        for (std::size_t i = 0; i < service.by_presence.size(); ++i) {
            out.sample({{"service", service.name},
                        {"presence", membership::to_string(static_cast<membership::Presence>(i))}},
                       service.by_presence[i]);
        }
    }
    out.gauge("taskdns_membership_coverage_ratio",
              "Estimated share of a service's endpoints that is known, where answers are samples; else 1.");
    for (const ServiceFigures& service : services) {
        if (service.coverage) out.sample({{"service", service.name}}, *service.coverage);
    }
    out.gauge("taskdns_membership_guarded", "1 while an answer that leaves few endpoints waits to be confirmed.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.guarded ? 1U : 0U);
    out.counter("taskdns_membership_overflows_total", "Endpoints not taken in because of max_endpoints.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.overflows);
}

void write_health(MetricsText& out, const std::vector<ServiceFigures>& services) {
    out.gauge("taskdns_health_endpoints", "Endpoints of a service, by state.");
    for (const ServiceFigures& service : services) {
        for (std::size_t i = 0; i < service.by_state.size(); ++i) {
            out.sample({{"service", service.name}, {"state", ServiceFigures::states[i]}}, service.by_state[i]);
        }
    }
    out.gauge("taskdns_health_open_connections",
              "The application's own connections towards a service that are open, as far as they are observed.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.open_connections);
    out.counter("taskdns_health_connection_outcomes_total",
                "The application's connections that were evidence, by what they showed.");
    for (const ServiceFigures& service : services) {
        out.sample({{"service", service.name}, {"outcome", "answered"}}, service.tally.answered);
        out.sample({{"service", service.name}, {"outcome", "refused"}}, service.tally.refused);
        out.sample({{"service", service.name}, {"outcome", "unanswered"}}, service.tally.unanswered);
    }
}

void write_view(MetricsText& out, const std::vector<ServiceFigures>& services) {
    out.gauge("taskdns_view_served_endpoints", "Endpoints of a service that are in its answers.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.served);
    out.gauge("taskdns_view_drained_endpoints", "Endpoints of a service that an operator has drained.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.drained);
    out.gauge("taskdns_view_ejected_endpoints",
              "Endpoints of a service that the application's reports have ejected.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.ejected);
    out.gauge("taskdns_view_rung",
              "1 for the rung of the ladder that a service's answers stand on, 0 for the others.");
    for (const ServiceFigures& service : services) {
        for (const view::Rung rung : rungs) {
            out.sample({{"service", service.name}, {"rung", view::to_string(rung)}}, service.rung == rung ? 1U : 0U);
        }
    }
    out.gauge("taskdns_view_panic", "1 while endpoints of a service are served though they fail, since too many do.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.panic ? 1U : 0U);
    out.gauge("taskdns_view_stale", "1 while a service's answers go beyond what the registry says now.");
    for (const ServiceFigures& service : services) out.sample({{"service", service.name}}, service.stale ? 1U : 0U);
}

}  // namespace

ServiceFigures service_figures(const ServiceState& state, TimePoint now) {
    ServiceFigures out;
    out.name = state.service().name.to_string();
    out.tally = state.tally();
    if (state.last_answer() != never) out.answer_age = now - state.last_answer();
    if (state.last_poll()) out.next_poll = state.last_poll()->next - now;
    for (const view::EndpointDecision& endpoint : state.decision().endpoints) {
        ++out.by_presence[static_cast<std::size_t>(endpoint.presence)];
        ++out.by_state[state_of(endpoint, state.checked())];
        if (endpoint.served) ++out.served;
        if (endpoint.why == view::Why::drained) ++out.drained;
        if (endpoint.why == view::Why::ejected) ++out.ejected;
    }
    out.coverage = state.registry().coverage();
    out.guarded = state.registry().basis() == membership::Basis::guarded;
    out.overflows = state.registry().overflows();
    out.rung = state.decision().rung;
    out.stale = state.decision().stale;
    out.panic = state.decision().panic;
    return out;
}

void write_service_metrics(MetricsText& out, const std::vector<ServiceFigures>& services) {
    write_polls(out, services);
    write_members(out, services);
    write_health(out, services);
    write_view(out, services);
}

}  // namespace taskdns::app
