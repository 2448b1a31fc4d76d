// Who of the served comes first, and how often. Layer: view.
#include "view/shares.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/assert.hpp>

namespace taskdns::view {
namespace {

constexpr std::size_t min_own_healthy = 2;  // one alone is no zone to rely on
constexpr std::size_t own_percent = 83;     // of its fair share: below, the own zone would carry more than it should
constexpr milliseconds shortest_step{100};  // of a slow start: each one publishes
constexpr int steps = 20;                   // of a slow start, so that a weight is right within 5 points
constexpr double first_share = 0.1;         // with which a slow start begins

bool fails(const EndpointDecision& endpoint) { return endpoint.standing.status == health::Status::unhealthy; }

/// RFC 2782: a client must contact those of the lowest priority number that it can reach. Those that fail and are
/// served all the same are not known to be reached, so they say only among themselves which number that is. Records
/// without a priority all have the same.
void let_lowest_priority_come_first(Decision& decision) {
    std::pair lowest(true, std::uint16_t{0xFFFF});
    for (const EndpointDecision& endpoint : decision.endpoints) {
        if (endpoint.served) lowest = std::min(lowest, std::pair(fails(endpoint), endpoint.priority));
    }
    for (EndpointDecision& endpoint : decision.endpoints) {
        endpoint.first = endpoint.served && endpoint.priority == lowest.second;
    }
}

/// Whether `candidate` has just come or come back, so that it is given its load slowly. Those who were there when the
/// sidecar started are nothing new to anybody.
bool is_new(const Candidate& candidate, const Circumstances& circumstances) {
    return candidate.verdict.status == health::Status::healthy &&
           (candidate.verdict.recovered || candidate.member.first_seen > circumstances.newcomers_since);
}

/// Of its turns to come first, by the order alone.
double order_weight(const Candidate& candidate, config::Order order) {
    switch (order) {
        case config::Order::weighted:
            return candidate.member.weight;
        case config::Order::least_connections:
            return candidate.balance;
        case config::Order::round_robin:
        case config::Order::random:
            break;
    }
    return 1;
}

void weigh(Decision& decision, std::span<const Candidate> candidates, const config::Service& service,
           const Circumstances& circumstances) {
    // Time goes in steps that are the same for all: within one, nothing changes that would have to be published.
    const Duration step = std::max(shortest_step, service.slow_start / steps);
    const TimePoint now = circumstances.now - circumstances.now.time_since_epoch() % step;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const Candidate& candidate = candidates[i];
        EndpointDecision& endpoint = decision.endpoints[i];
        endpoint.weight = order_weight(candidate, service.answer.order);
        if (!endpoint.served || !is_new(candidate, circumstances)) continue;
        const Duration elapsed = std::max(now - candidate.verdict.since, Duration::zero());
        if (elapsed >= service.slow_start) continue;
        const std::chrono::duration<double> exact = elapsed;
        const double share = first_share + (1 - first_share) * (exact / service.slow_start);
        endpoint.weight *= std::round(share * 100) / 100;  // few different weights make short schedules
        decision.next_change = now + step;
    }
}

/// Whether the own zone can carry its tasks' load alone: at least 83 % of the healthy ones that it would have if all
/// zones had equally many. Those that are served in panic do not count: nobody knows what they can carry.
bool own_zone_suffices(const Decision& decision, std::span<const std::string_view> zones,
                       const std::string& own_zone) {
    std::size_t total = 0;
    std::size_t own = 0;
    std::set<std::string_view> different;  // those that nobody knows are one zone, the empty name's
    for (std::size_t i = 0; i < zones.size(); ++i) {
        const EndpointDecision& endpoint = decision.endpoints[i];
        if (!endpoint.first || fails(endpoint)) continue;
        ++total;
        different.insert(zones[i]);
        if (zones[i] == own_zone) ++own;
    }
    return own >= min_own_healthy && own * different.size() * 100 >= own_percent * total;
}

void prefer_own_zone(Decision& decision, const config::Zone& map, const std::string& own_zone) {
    std::vector<std::string_view> zones;
    zones.reserve(decision.endpoints.size());
    for (const EndpointDecision& endpoint : decision.endpoints) {
        zones.push_back(find_zone(endpoint.address.address, map));
    }
    decision.zone_preferred = own_zone_suffices(decision, zones, own_zone);
    if (!decision.zone_preferred) return;
    for (std::size_t i = 0; i < zones.size(); ++i) {
        if (zones[i] != own_zone) decision.endpoints[i].first = false;
    }
}

}  // namespace

std::string_view find_zone(const IpAddress& address, const config::Zone& zone) {
    const config::ZoneNetwork* best = nullptr;
    for (const config::ZoneNetwork& candidate : zone.map) {
        if (!candidate.network.contains(address)) continue;
        if (best == nullptr || candidate.network.prefix_length > best->network.prefix_length) best = &candidate;
    }
    return best == nullptr ? std::string_view() : best->zone;
}

void share_turns(Decision& decision, std::span<const Candidate> candidates, const config::Service& service,
                 const Circumstances& circumstances) {
    BOOST_ASSERT(candidates.size() == decision.endpoints.size());
    let_lowest_priority_come_first(decision);
    weigh(decision, candidates, service, circumstances);
    if (service.zone.prefer && !circumstances.own_zone.empty() && decision.rung == Rung::healthy) {
        prefer_own_zone(decision, service.zone, circumstances.own_zone);
    }
}

}  // namespace taskdns::view
