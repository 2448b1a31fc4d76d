// What /metrics says of figures, without a daemon.
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/metrics.hpp"
#include "unit/app_service_states.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// Every part is there.
struct World {
    dns_server::Counters dns;
    forward::Counters forward;
    health::Counters health;
    health::ConnectionObserver::Counters observer;
    http_server::Counters http;
    PublishCounters publish;
    upstream::Ignored ignored;
    std::vector<SocketAddress> servers{*SocketAddress::parse("10.0.0.2:53"), *SocketAddress::parse("[fd00::2]:53")};
    std::vector<upstream::ServerCounters> polled = std::vector<upstream::ServerCounters>(2);

    Figures figures() {
        Figures out;
        out.wall_now = WallTime(1000s);
        out.started = WallTime(900s);
        out.publish = &publish;
        out.health = &health;
        out.observer = &observer;
        out.upstream.push_back({"poll", &servers, &polled, &ignored});
        out.snapshot = SnapshotStore::Figures{.writes = 2, .failures = 1, .written = WallTime(940s)};
        out.dns_server = &dns;
        out.forward = &forward;
        out.http_server = &http;
        out.reload =
            ReloadFigures{.applied = 1, .unchanged = 2, .failed = 3, .last_failed = true, .last_at = WallTime(950s)};
        return out;
    }
};

std::uint8_t row_of(dns::Rcode rcode) { return dns_server::AnswerCounters::row_of(rcode, false); }

std::string text_of(World& world) { return metrics_text(world.figures()); }

TEST(Metrics, OfTheDaemonAreThere) {
    World world;
    world.dns.udp_queries.add(5);
    world.dns.answers.count(dns_server::Source::upstream, 28, row_of(dns::Rcode::servfail));
    world.dns.dropped_source.add(2);
    world.forward.hits.add(7);
    world.health.outcomes[static_cast<std::size_t>(health::Observed::refused)].add(4);
    world.http.requests.add(9);
    world.polled[1].timeouts.add(6);
    world.ignored.id.add(3);
    world.ignored.header.add(2);
    world.ignored.question.add(1);
    world.polled[1].round_trip.observe(2ms);
    for (const char* line : {
             "\ntaskdns_dns_server_queries_total{transport=\"udp\"} 5\n",
             "\ntaskdns_dns_server_answers_total{source=\"upstream\",type=\"AAAA\",rcode=\"SERVFAIL\"} 1\n",
             "\ntaskdns_dns_server_answers_total{source=\"service\",type=\"A\",rcode=\"NOERROR\"} 0\n",
             "\ntaskdns_dns_server_dropped_messages_total{reason=\"source\"} 2\n",
             "\ntaskdns_forward_answers_total{outcome=\"hit\"} 7\n",
             "\ntaskdns_health_probes_total{outcome=\"refused\"} 4\n",
             "\ntaskdns_http_server_requests_total 9\n",
             "\ntaskdns_upstream_failures_total{server=\"[fd00::2]:53\",purpose=\"poll\",kind=\"timeout\"} 6\n",
             "\ntaskdns_upstream_round_trip_seconds_count{server=\"[fd00::2]:53\",purpose=\"poll\"} 1\n",
             "\ntaskdns_upstream_ignored_messages_total{purpose=\"poll\",reason=\"id\"} 3\n",
             "\ntaskdns_upstream_ignored_messages_total{purpose=\"poll\",reason=\"header\"} 2\n",
             "\ntaskdns_upstream_ignored_messages_total{purpose=\"poll\",reason=\"question\"} 1\n",
             "\ntaskdns_snapshot_age_seconds 60\n",
             "\ntaskdns_config_reloads_total{outcome=\"failed\"} 3\n",
             "\ntaskdns_config_last_reload_successful 0\n",
             "\ntaskdns_config_last_success_timestamp_seconds 950\n",
             "\nprocess_start_time_seconds 900\n",
         }) {
        EXPECT_THAT(text_of(world), HasSubstr(line));
    }
}

TEST(Metrics, AreAbsentWhereTheirPartIs) {
    Figures nothing;
    const std::string text = metrics_text(nothing);
    for (const char* name : {"taskdns_dns_server", "taskdns_forward", "taskdns_health", "taskdns_upstream_queries",
                             "taskdns_snapshot", "taskdns_config", "taskdns_discovery", "process_resident"}) {
        EXPECT_THAT(text, Not(HasSubstr(name)));
    }
    EXPECT_THAT(text, HasSubstr("taskdns_build_info{"));
}

TEST(Metrics, OfAServiceAreLabelledWithItsName) {
    World world;
    Figures figures = world.figures();
    ServiceFigures& service = figures.services.emplace_back();
    service.name = "orders.local.";
    service.tally = {.records = 4, .empty = 1, .failed = 2, .answered = 9, .refused = 8, .unanswered = 7};
    service.answer_age = 1500ms;
    service.by_presence[static_cast<std::size_t>(membership::Presence::withdrawn)] = 3;
    service.by_state = {5, 6, 0, 0};
    service.served = 5;
    service.drained = 1;
    service.ejected = 2;
    service.rung = view::Rung::reserve;
    service.panic = true;
    const std::string text = metrics_text(figures);
    for (const char* line : {
             "\ntaskdns_discovery_polls_total{service=\"orders.local.\",outcome=\"failed\"} 2\n",
             "\ntaskdns_discovery_answer_age_seconds{service=\"orders.local.\"} 1.5\n",
             "\ntaskdns_membership_endpoints{service=\"orders.local.\",presence=\"withdrawn\"} 3\n",
             "\ntaskdns_health_endpoints{service=\"orders.local.\",state=\"unhealthy\"} 6\n",
             "\ntaskdns_health_connection_outcomes_total{service=\"orders.local.\",outcome=\"refused\"} 8\n",
             "\ntaskdns_view_served_endpoints{service=\"orders.local.\"} 5\n",
             "\ntaskdns_view_drained_endpoints{service=\"orders.local.\"} 1\n",
             "\ntaskdns_view_ejected_endpoints{service=\"orders.local.\"} 2\n",
             "\ntaskdns_view_rung{service=\"orders.local.\",rung=\"reserve\"} 1\n",
             "\ntaskdns_view_rung{service=\"orders.local.\",rung=\"healthy\"} 0\n",
             "\ntaskdns_view_panic{service=\"orders.local.\"} 1\n",
             "\ntaskdns_view_stale{service=\"orders.local.\"} 0\n",
         }) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    EXPECT_THAT(text, Not(HasSubstr("taskdns_membership_coverage_ratio"))) << "not known yet";
    EXPECT_THAT(text, Not(HasSubstr("taskdns_discovery_next_poll_seconds"))) << "not polled yet";
}

TEST(ServiceFigures, AreThoseOfTheLastDecision) {
    ServiceState state(make_service());
    Verdicts verdicts;
    EXPECT_EQ(service_figures(state, start).answer_age, std::nullopt);
    EXPECT_EQ(service_figures(state, start).next_poll, std::nullopt);
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}), 10s, start);
    verdicts.set("10.0.0.1:80", health::Status::healthy, health::Observed::connected);
    verdicts.set("10.0.0.2:80", health::Status::unhealthy, health::Observed::refused);
    state.choose(verdicts.find(), "task");
    decide(state, verdicts);
    ServiceFigures figures = service_figures(state, start + 4s);
    EXPECT_EQ(figures.by_state, (std::array<std::size_t, 4>{1, 1, 1, 0}));
    EXPECT_EQ(figures.by_presence[static_cast<std::size_t>(membership::Presence::present)], 3U);
    EXPECT_EQ(figures.served, 1U);
    EXPECT_EQ(figures.rung, view::Rung::healthy);
    EXPECT_EQ(figures.answer_age, 4s);
    EXPECT_EQ(figures.next_poll, 6s);
    EXPECT_FALSE(figures.stale);

    state.observe(discovery::Failed{"timeout"}, 1s, start + 10s);
    state.observe(discovery::Empty{}, 1s, start + 11s);
    state.observe(discovery::Failed{"timeout"}, 1s, start + 12s);
    state.count_connection(health::Observed::refused);
    state.count_connection(health::Observed::timeout);
    state.count_connection(health::Observed::answered);
    decide(state, verdicts);
    figures = service_figures(state, start + 15s);
    EXPECT_EQ(figures.tally.records, 1U);
    EXPECT_EQ(figures.tally.empty, 1U);
    EXPECT_EQ(figures.tally.failed, 2U);
    EXPECT_EQ(figures.tally.refused, 1U);
    EXPECT_EQ(figures.tally.unanswered, 1U);
    EXPECT_EQ(figures.tally.answered, 1U);
    EXPECT_EQ(figures.answer_age, 4s) << "a failure is no answer, empty is";
    EXPECT_EQ(figures.next_poll, -2s) << "overdue";
    EXPECT_EQ(figures.by_presence[static_cast<std::size_t>(membership::Presence::present)], 0U);
    EXPECT_TRUE(figures.stale);
}

TEST(ServiceFigures, OfAServiceWithoutChecksAreUnchecked) {
    ServiceState state(make_service(config::CheckKind::none));
    state.observe(seen({"10.0.0.1:80", "10.0.0.2:80"}), 10s, start);
    decide(state, Verdicts{});
    const ServiceFigures figures = service_figures(state, start);
    EXPECT_EQ(figures.by_state, (std::array<std::size_t, 4>{0, 0, 0, 2}));
    EXPECT_EQ(figures.served, 2U);
}

TEST(Metrics, HaveNoMoreSeriesHoweverMuchIsCounted) {
    World world;
    const auto series = [&world] {
        std::set<std::string> out;
        std::istringstream text(text_of(world));
        for (std::string line; std::getline(text, line);) {
            if (line[0] == '#') continue;
            EXPECT_TRUE(out.insert(line.substr(0, line.rfind(' '))).second) << line;
        }
        return out.size();
    };
    using dns_server::Source;
    for (unsigned type = 0; type < 65'536; ++type) {
        for (const auto source : {Source::local, Source::service, Source::cache, Source::upstream}) {
            for (unsigned rcode = 0; rcode < 17; ++rcode) {
                world.dns.answers.count(source, static_cast<std::uint16_t>(type),
                                        row_of(static_cast<dns::Rcode>(rcode)));
            }
        }
    }
    EXPECT_LT(series(), 468U + 200U);
}

}  // namespace
}  // namespace taskdns::app
