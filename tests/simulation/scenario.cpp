// The services of one seed.
#include "simulation/scenario.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;
using config::CheckKind;
using config::Order;
using config::WhenNoneHealthy;

constexpr double most_probes = 3'000;  // of one seed: what it costs
constexpr auto shortest = 14min;       // two storms and one calm
constexpr auto usual = 16min;
constexpr auto longest = 60min;

unsigned draw_tasks(Random& random) {
    const std::uint64_t kind = random.below(100);
    if (kind < 60) return 1 + static_cast<unsigned>(random.below(6));
    if (kind < 90) return 7 + static_cast<unsigned>(random.below(10));
    return 17 + static_cast<unsigned>(random.below(44));
}

config::Health draw_health(Random& random) {
    config::Health health;
    const std::uint64_t kind = random.below(100);
    health.check = kind < 60 ? CheckKind::tcp : kind < 85 ? CheckKind::http : CheckKind::none;
    health.interval = random.of({1000ms, 2000ms, 2000ms, 5000ms});
    health.idle_interval = random.percent(70) ? 10s : health.interval;
    health.timeout = random.of({500ms, 1000ms, 1000ms});
    health.fast_interval = random.of({250ms, 500ms, 500ms, 1000ms});
    health.rise = 1 + static_cast<unsigned>(random.below(3));
    health.fall = 1 + static_cast<unsigned>(random.below(4));
    return health;
}

config::Membership draw_membership(Random& random) {
    config::Membership membership;
    if (random.percent(5)) membership.sample_limit = 1;
    if (random.percent(30)) membership.absent_max = random.between(60s, 180s);
    if (random.percent(30)) membership.stale_max = membership.stale_max_unchecked = random.between(60s, 180s);
    if (random.percent(50)) membership.empty_max = random.between(40s, 120s);
    if (random.percent(50)) membership.empty_max_unchecked = random.between(30s, 90s);
    membership.shrink_guard = random.of({50U, 50U, 50U, 80U, 0U});
    membership.reserve = random.of({60000ms, 60000ms, 20000ms});
    return membership;
}

void draw_answer(ServicePlan& plan, Random& random) {
    config::Answer& answer = plan.settings.answer;
    const std::uint64_t order = random.below(100);
    answer.order = order < 60 ? Order::round_robin : order < 80 ? Order::random : Order::weighted;
    answer.size = random.of({1U, 3U, 8U, 8U});
    answer.fair = random.percent(80);
    answer.when_none_healthy = random.of(
        {WhenNoneHealthy::all, WhenNoneHealthy::all, WhenNoneHealthy::last_healthy, WhenNoneHealthy::servfail});
    plan.srv = answer.order == Order::weighted || random.percent(15);
    plan.priorities = plan.srv && random.percent(25);
}

ServicePlan draw_service(Random& random, std::size_t number) {
    ServicePlan plan;
    plan.tasks = draw_tasks(random);
    plan.ttl = random.of({5s, 10s, 10s, 20s, 60s});
    plan.negative_ttl = random.of({5s, 15s, 60s});
    config::Service& service = plan.settings;
    service.name = dns::Name::parse("s" + std::to_string(number) + ".local").value();
    service.port = 8080;
    service.health = draw_health(random);
    service.membership = draw_membership(random);
    if (random.percent(5)) service.poll = {40s, 60s};
    draw_answer(plan, random);
    if (plan.srv) service.record = config::RecordKind::srv;
    if (random.percent(40)) service.subset = random.of({2U, 3U, 5U, 10U});
    if (random.percent(25)) {
        service.zone.prefer = true;
        for (const char* number_of_zone : {"1", "2", "3"}) {
            const std::string network = std::string("10.0.") + number_of_zone + ".0/24";
            service.zone.map.push_back({*Network::parse(network), std::string("az") + number_of_zone});
        }
    }
    if (random.percent(12)) service.slow_start = random.between(5s, 30s);
    service.panic =
        random.of({config::Panic{50, 6}, config::Panic{50, 4}, config::Panic{100, 6}, config::Panic{30, 3}});
    return plan;
}

double probes_per_second(const ServicePlan& plan) {
    const config::Service& service = plan.settings;
    if (service.health.check == CheckKind::none) return 0.2;  // the rest of the machinery costs, too
    const unsigned checked = service.subset == 0 ? plan.tasks : std::min(plan.tasks, service.subset);
    return 1000.0 * checked / static_cast<double>(service.health.interval.count());
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
    Random random(seed);
    Scenario scenario;
    scenario.seed = seed;
    scenario.identity = "task-" + std::to_string(random.below(1'000'000));
    const unsigned services = random.of({1U, 1U, 2U, 2U, 3U, 4U});
    for (unsigned i = 0; i < services; ++i) scenario.services.push_back(draw_service(random, i));
    if (random.percent(5)) scenario.max_in_flight = random.of({2U, 8U});

    const double affordable = most_probes / static_cast<double>(seconds(shortest).count()) / services;
    double rate = 0;
    for (ServicePlan& plan : scenario.services) {
        config::Health& health = plan.settings.health;
        for (const milliseconds interval : {2000ms, 5000ms, 10000ms, 20000ms}) {
            if (probes_per_second(plan) > affordable) health.interval = std::max(health.interval, interval);
        }
        health.idle_interval = std::max(health.idle_interval, health.interval);
        rate += probes_per_second(plan);
    }
    const auto wanted = random.percent(8) ? random.between(shortest, longest) : random.between(shortest, usual);
    const auto possible = milliseconds(std::llround(1000 * most_probes / std::max(rate, 0.1)));
    scenario.length = std::clamp<milliseconds>(possible, shortest, wanted);
    return scenario;
}

std::string describe(const Scenario& scenario) {
    std::string out = fmt::format("seed {}: {} for {}, {} probes at once\n", scenario.seed, scenario.identity,
                                  format_duration(scenario.length), scenario.max_in_flight);
    for (const ServicePlan& plan : scenario.services) {
        const config::Service& s = plan.settings;
        constexpr const char* checks[] = {"none", "tcp", "http", "https"};
        constexpr const char* orders[] = {"round_robin", "random", "weighted"};
        constexpr const char* nones[] = {"all", "last_healthy", "servfail"};
        out += fmt::format(
            "  {}: {} tasks, {} TTL {}, check {} interval {} idle {} timeout {} fast {} rise {} fall {}, order {} "
            "size {}, subset {}, zone {}, slow_start {}, panic {}%/{}, guard {}%, sample_limit {}, absent_max {}, "
            "stale_max {}/{}, empty_max {}/{}, reserve {}, when_none_healthy {}, poll.min {}\n",
            s.name.to_string(), plan.tasks, plan.srv ? "SRV" : "A", format_duration(plan.ttl),
            checks[static_cast<int>(s.health.check)], format_duration(s.health.interval),
            format_duration(s.health.idle_interval), format_duration(s.health.timeout),
            format_duration(s.health.fast_interval), s.health.rise, s.health.fall,
            orders[static_cast<int>(s.answer.order)], s.answer.size, s.subset, s.zone.prefer,
            format_duration(s.slow_start), s.panic.threshold, s.panic.min_members, s.membership.shrink_guard,
            s.membership.sample_limit,
            s.membership.absent_max ? format_duration(*s.membership.absent_max) : std::string("auto"),
            format_duration(s.membership.stale_max), format_duration(s.membership.stale_max_unchecked),
            format_duration(s.membership.empty_max), format_duration(s.membership.empty_max_unchecked),
            format_duration(s.membership.reserve), nones[static_cast<int>(s.answer.when_none_healthy)],
            format_duration(s.poll.min));
    }
    return out;
}

}  // namespace taskdns::simulation
