// N sidecars that each draw a subset of M endpoints: what they cost, and how evenly they load. The real
// view::choose_subset and view::build_schedule; probes and queries are computed from the intervals (x 0.95: the mean
// of the jitter).
#include "simulation/fleet.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "membership/registry.hpp"
#include "simulation/random.hpp"
#include "view/schedule.hpp"
#include "view/subset.hpp"

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr double mean_jitter = 0.95;  // of an interval

IpAddress endpoint_address(std::size_t number) {
    const auto high = static_cast<std::uint8_t>(number / 250 / 250);
    const auto middle = static_cast<std::uint8_t>(number / 250 % 250);
    const auto low = static_cast<std::uint8_t>(1 + number % 250);
    return IpAddress(IpAddress::V4Bytes{10, high, middle, low});
}

std::size_t number_of(const IpAddress& address) {
    const auto bytes = address.bytes();
    return (bytes[1] * std::size_t{250} + bytes[2]) * 250 + bytes[3] - 1U;
}

struct Load {
    std::vector<double> shares;      // of the fleet's connections, per endpoint
    std::vector<unsigned> checkers;  // how many sidecars have it in their subset
};

/// What one sidecar's schedule gives each of its endpoints.
void add_sidecar(Load& load, const std::vector<SocketAddress>& chosen) {
    std::vector<view::Turn> turns(chosen.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) turns[i].destination.address = chosen[i].address;
    config::Answer answer;
    answer.size = 1;
    const view::Slots slots = view::build_schedule(turns, answer, 0);
    const double turn = 1.0 / static_cast<double>(slots.numbers.size());
    for (const std::uint16_t first : slots.numbers) load.shares[number_of(chosen[first].address)] += turn;
    for (const SocketAddress& endpoint : chosen) ++load.checkers[number_of(endpoint.address)];
}

Load draw_fleet(std::size_t sidecars, std::size_t endpoints, std::size_t subset) {
    std::vector<membership::Member> members(endpoints);
    for (std::size_t i = 0; i < endpoints; ++i) members[i].address = {endpoint_address(i), 8080};
    Load load{std::vector<double>(endpoints), std::vector<unsigned>(endpoints)};
    const auto nobody = [](const SocketAddress&) { return false; };
    for (std::size_t i = 0; i < sidecars; ++i) {
        add_sidecar(load, view::choose_subset(members, nobody, subset, fmt::format("arn:aws:ecs:task/{}", i)));
    }
    return load;
}

void print_row(std::size_t sidecars, std::size_t endpoints, std::size_t subset) {
    // All sidecars use all endpoints: the same for each, one is enough.
    const std::size_t used = subset == 0 ? endpoints : std::min(subset, endpoints);
    const bool all = used == endpoints;
    const Load load = draw_fleet(all ? 1 : sidecars, endpoints, subset);
    const double mean = std::accumulate(load.shares.begin(), load.shares.end(), 0.0) / static_cast<double>(endpoints);
    const double most = *std::ranges::max_element(load.shares) / mean;
    const double least = *std::ranges::min_element(load.shares) / mean;
    const auto unused = std::ranges::count(load.checkers, 0U);
    const double per_second = 1 / (2.0 * mean_jitter);
    const double idle_per_second = 1 / (10.0 * mean_jitter);
    const double checked = static_cast<double>(used);
    const double checkers = static_cast<double>(sidecars) * checked / static_cast<double>(endpoints);
    fmt::print("{:>7} {:>9} {:>6}  {:>10.1f} {:>9.1f}  {:>10.1f} {:>9.1f}  {:>8.2f} {:>8.2f} {:>9}\n", sidecars,
               endpoints, subset, checkers * per_second, checkers * idle_per_second, checked * per_second,
               checked * idle_per_second, most, least, unused);
}

struct Coverage {
    double share = 0;           // of the members known, from the second hour on
    double seconds_to_all = 0;  // mean; those that never saw all at once count as the whole time
    bool saw_all = true;        // every run did, at some time
};

/// The real registry with random samples of 8 for three hours.
Coverage collect(std::size_t members, seconds ttl, std::uint64_t seed) {
    Random random(seed);
    config::Membership policy;
    policy.max_endpoints = 10'000;
    membership::Registry registry(policy, config::Poll{2s, 60s}, true);
    std::vector<std::size_t> numbers(members);
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    const TimePoint begin{std::chrono::hours(1000)};
    const auto length = 3h;
    Coverage out{0, static_cast<double>(seconds(length).count()), false};
    std::size_t looks = 0;
    for (TimePoint now = begin; now < begin + length; now += ttl) {
        discovery::Rrset rrset;
        rrset.ttl = ttl;
        const std::size_t shown = std::min<std::size_t>(8, members);
        for (std::size_t i = 0; i < shown; ++i) {
            std::swap(numbers[i], numbers[i + random.below(members - i)]);
            rrset.sightings.push_back({.address = {endpoint_address(numbers[i]), 8080}});
        }
        std::ranges::sort(rrset.sightings, {}, &discovery::Sighting::address);
        registry.apply(discovery::Records{{rrset}, ttl}, now);
        const std::size_t known = registry.members().size();
        if (known == members && !out.saw_all) {
            out.saw_all = true;
            out.seconds_to_all = std::chrono::duration<double>(now - begin).count();
        }
        if (now < begin + 1h) continue;
        out.share += static_cast<double>(known) / static_cast<double>(members);
        ++looks;
    }
    out.share /= static_cast<double>(looks);
    return out;
}

}  // namespace

void print_fleet() {
    fmt::print(
        "                           probes/s per endpoint   probes/s per sidecar   first positions    endpoints\n"
        "      N         M subset    interval 2s  idle 10s   interval 2s idle 10s  max/mean min/mean  of nobody\n");
    for (const std::size_t sidecars : {10U, 100U, 1'000U, 10'000U}) {
        for (const std::size_t endpoints : {10U, 100U, 1'000U, 10'000U}) {
            for (const std::size_t subset : {0U, 20U, 50U}) print_row(sidecars, endpoints, subset);
        }
    }
    fmt::print("\nqueries/s that one ENI sends (A + AAAA), whatever N and M\n services");
    constexpr std::array ttls{10, 60};
    for (const int ttl : ttls) fmt::print("   TTL {} s", ttl);
    fmt::print("\n");
    // A poll comes when the TTL has run out, at most every 30 s (poll.max), 0 to 10 % later, at most 1 s.
    for (const int services : {1, 5, 20, 100, 1000}) {
        fmt::print("{:>9}", services);
        for (const int ttl : ttls) {
            const double period = std::min(ttl, 30);
            fmt::print(" {:>9.2f}", 2 * services / (period + std::min(period / 10, 1.0) / 2));
        }
        fmt::print("\n");
    }
}

void print_coverage() {
    constexpr int runs = 5;
    fmt::print("members known of those that a sampled service has, from the second hour on; mean of {} runs\n", runs);
    fmt::print("members    TTL   known  all seen for the first time after\n");
    for (const auto ttl : {10s, 60s}) {
        for (const std::size_t members : {20U, 50U, 100U, 200U, 500U, 1'000U, 2'000U}) {
            Coverage sum{0, 0, true};
            for (int run = 0; run < runs; ++run) {
                const Coverage one = collect(members, ttl, members + static_cast<std::uint64_t>(run));
                sum.share += one.share / runs;
                sum.seconds_to_all += one.seconds_to_all / runs;
                sum.saw_all = sum.saw_all && one.saw_all;
            }
            const std::string when =
                sum.saw_all ? fmt::format("{:.0f} min", sum.seconds_to_all / 60) : "never in 3 h";
            fmt::print("{:>7} {:>4} s {:>6.1f}%  {}\n", members, ttl.count(), sum.share * 100, when);
        }
    }
}

}  // namespace taskdns::simulation
