// Whom taskdns asks, and how that goes. Layer: app.
#include "app/metrics.hpp"

namespace taskdns::app {
namespace {

/// Calls `write` for each server of each purpose.
template <class Write>
void each_server(const Figures& figures, const Write& write) {
    for (const UpstreamFigures& upstream : figures.upstream) {
        for (std::size_t i = 0; i < upstream.servers->size(); ++i) {
            write((*upstream.servers)[i].to_string(), upstream.purpose, (*upstream.counters)[i]);
        }
    }
}

}  // namespace

void write_upstream_metrics(MetricsText& out, const Figures& figures) {
    using upstream::ServerCounters;
    out.counter("taskdns_upstream_queries_total", "Queries sent to an upstream server.");
    each_server(figures, [&out](const std::string& server, const char* purpose, const ServerCounters& counters) {
        out.sample({{"server", server}, {"purpose", purpose}, {"transport", "udp"}}, counters.udp_queries.value());
        out.sample({{"server", server}, {"purpose", purpose}, {"transport", "tcp"}}, counters.tcp_queries.value());
    });
    out.counter("taskdns_upstream_failures_total", "Queries to an upstream server that failed, by kind.");
    each_server(figures, [&out](const std::string& server, const char* purpose, const ServerCounters& counters) {
        out.sample({{"server", server}, {"purpose", purpose}, {"kind", "timeout"}}, counters.timeouts.value());
        out.sample({{"server", server}, {"purpose", purpose}, {"kind", "error"}}, counters.errors.value());
        out.sample({{"server", server}, {"purpose", purpose}, {"kind", "rcode"}}, counters.bad_rcodes.value());
        out.sample({{"server", server}, {"purpose", purpose}, {"kind", "malformed"}}, counters.malformed.value());
    });
    out.family(MetricsText::Type::histogram, "taskdns_upstream_round_trip_seconds",
               "From a query to an upstream server to its answer, whatever that says.");
    each_server(figures, [&out](const std::string& server, const char* purpose, const ServerCounters& counters) {
        out.histogram({{"server", server}, {"purpose", purpose}}, counters.round_trip.read());
    });
    out.counter("taskdns_upstream_ignored_messages_total",
                "Messages from a server's address that were no answer to our query: late, or forged.");
    for (const UpstreamFigures& upstream : figures.upstream) {
        out.sample({{"purpose", upstream.purpose}, {"reason", "id"}}, upstream.ignored->id.value());
        out.sample({{"purpose", upstream.purpose}, {"reason", "header"}}, upstream.ignored->header.value());
        out.sample({{"purpose", upstream.purpose}, {"reason", "question"}}, upstream.ignored->question.value());
    }
    out.counter("taskdns_upstream_budget_waits_total", "Queries of polls that had to wait for max_qps.");
    out.sample({}, figures.budget_waits);
    if (figures.forward != nullptr) {
        out.counter("taskdns_upstream_budget_refusals_total", "Queries of the forwarder that max_qps did not allow.");
        out.sample({}, figures.forward->budget_refusals.value());
    }
    out.gauge("taskdns_upstream_budget_used_ratio",
              "Share of a second's max_qps that is used up at this moment; forwarding is refused from 0.8 on.");
    out.sample({}, figures.budget_used);
}

}  // namespace taskdns::app
