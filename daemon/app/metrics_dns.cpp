// What the DNS side did: queries, answers, time; names that were forwarded. Layer: app.
#include "app/metrics.hpp"

namespace taskdns::app {
namespace {

using dns_server::AnswerCounters;

/// These are written even while they are zero, so that a rate can begin with the first of them.
bool is_always_told(std::size_t type, std::size_t rcode) {
    const bool is_address = type < 2;  // A, AAAA
    return is_address && rcode < 4;    // NOERROR, NODATA, NXDOMAIN, SERVFAIL
}

void write_answers(MetricsText& out, const AnswerCounters& answers) {
    out.counter("taskdns_dns_server_answers_total",
                "DNS answers given, by where they came from, the question's type, and rcode (NODATA: NOERROR without "
                "an answer record).");
    for (std::size_t source = 0; source < AnswerCounters::sources.size(); ++source) {
        for (std::size_t type = 0; type < AnswerCounters::types.size(); ++type) {
            for (std::size_t rcode = 0; rcode < AnswerCounters::rcodes.size(); ++rcode) {
                const std::uint64_t value = answers.value(source, type, rcode);
                if (value == 0 && !is_always_told(type, rcode)) continue;
                out.sample({{"source", AnswerCounters::sources[source]},
                            {"type", AnswerCounters::types[type]},
                            {"rcode", AnswerCounters::rcodes[rcode]}},
                           value);
            }
        }
    }
}

void write_dns_server(MetricsText& out, const dns_server::Counters& counters) {
    out.counter("taskdns_dns_server_queries_total", "DNS messages received, by transport.");
    out.sample({{"transport", "udp"}}, counters.udp_queries.value());
    out.sample({{"transport", "tcp"}}, counters.tcp_queries.value());
    write_answers(out, counters.answers);
    out.counter("taskdns_dns_server_stale_answers_total", "Answers for services that said so of themselves (EDE 3).");
    out.sample({}, counters.stale.value());
    out.counter("taskdns_dns_server_held_queries_total", "Queries that waited for the first poll of their service.");
    out.sample({}, counters.held.value());
    out.counter("taskdns_dns_server_dropped_messages_total", "DNS messages that got no answer, by reason.");
    out.sample({{"reason", "unanswerable"}}, counters.dropped_unanswerable.value());
    out.sample({{"reason", "source"}}, counters.dropped_source.value());
    out.sample({{"reason", "too_long"}}, counters.dropped_too_long.value());
    out.sample({{"reason", "no_memory"}}, counters.dropped_no_memory.value());
    out.family(MetricsText::Type::histogram, "taskdns_dns_server_answer_seconds",
               "From when a batch of queries was read to when its answers were sent, for each answer given at once.");
    out.histogram({}, counters.answer_time.read());
    out.counter("taskdns_dns_server_receive_failures_total", "Errors of reading from a UDP listener.");
    out.sample({}, counters.receive_failures.value());
    out.counter("taskdns_dns_server_send_failures_total", "Answers that a socket did not take.");
    out.sample({}, counters.send_failures.value());
    out.counter("taskdns_dns_server_tcp_connections_total", "TCP connections accepted.");
    out.sample({}, counters.tcp_connections.value());
    out.counter("taskdns_dns_server_tcp_evictions_total", "TCP connections closed to make room for others.");
    out.sample({}, counters.tcp_evictions.value());
    out.counter("taskdns_dns_server_tcp_timeouts_total", "TCP connections closed because they were idle.");
    out.sample({}, counters.tcp_timeouts.value());
    out.counter("taskdns_dns_server_accept_failures_total",
                "TCP connections that could not be accepted, for want of descriptors or memory.");
    out.sample({}, counters.accept_failures.value());
}

void write_forward(MetricsText& out, const forward::Counters& counters) {
    out.counter("taskdns_forward_answers_total",
                "Answers for names that are no service's: hit and stale from the cache, answer from the upstream, "
                "failure and over_limit a SERVFAIL of taskdns' own.");
    out.sample({{"outcome", "hit"}}, counters.hits.value());
    out.sample({{"outcome", "stale"}}, counters.stale.value());
    out.sample({{"outcome", "answer"}}, counters.answers.value());
    out.sample({{"outcome", "failure"}}, counters.failures.value());
    out.sample({{"outcome", "over_limit"}}, counters.over_limit.value());
    out.counter("taskdns_forward_waited_queries_total", "Queries that waited for an upstream answer.");
    out.sample({}, counters.queries.value());
    out.counter("taskdns_forward_joined_queries_total", "Of those, the ones whose question was being asked already.");
    out.sample({}, counters.joined.value());
    out.counter("taskdns_forward_prefetches_total", "Popular answers fetched anew before they ran out.");
    out.sample({}, counters.prefetches.value());
    out.counter("taskdns_forward_evictions_total", "Answers that left the cache to make room.");
    out.sample({}, counters.evictions.value());
    out.counter("taskdns_forward_uncached_answers_total", "Answers that there was no memory to keep.");
    out.sample({}, counters.uncached.value());
    out.counter("taskdns_forward_unusable_answers_total", "Upstream answers that were not whole or made no sense.");
    out.sample({}, counters.unusable.value());
    out.counter("taskdns_forward_foreign_records_total",
                "Records of upstream answers that did not belong to the question, and were left out.");
    out.sample({}, counters.foreign_records.value());
    out.counter("taskdns_forward_local_faults_total", "Queries that this host could not send.");
    out.sample({}, counters.local_faults.value());
    out.counter("taskdns_forward_loops_total", "Times that an upstream server brought our own queries back.");
    out.sample({}, counters.loops.value());
    out.gauge("taskdns_forward_cache_entries", "Answers in the cache.");
    out.sample({}, counters.cache_entries.value());
    out.gauge("taskdns_forward_cache_bytes", "What the cache takes, its table included.");
    out.sample({}, counters.cache_bytes.value());
    out.gauge("taskdns_forward_questions_in_flight", "Questions that are being asked of the upstream.");
    out.sample({}, counters.in_flight.value());
    out.gauge("taskdns_forward_waiting_clients", "Queries that wait for them.");
    out.sample({}, counters.waiting.value());
}

}  // namespace

void write_dns_metrics(MetricsText& out, const Figures& figures) {
    if (figures.dns_server != nullptr) write_dns_server(out, *figures.dns_server);
    if (figures.forward != nullptr) write_forward(out, *figures.forward);
}

}  // namespace taskdns::app
