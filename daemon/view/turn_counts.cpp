// How often each record comes first in a schedule of bounded length. Layer: view.
#include "view/turn_counts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace taskdns::view {
namespace {

constexpr double close_enough = 0.01;        // of each share
constexpr std::size_t most_trials = 10'000;  // of one weight in one length: together about 0.1 ms

/// Equal weights are treated as one: there are few different ones even among thousands.
struct Group {
    double weight = 0;
    std::size_t members = 0;
    std::uint64_t turns = 1;  ///< of each member
};

/// By ascending weight, with a turn each; without those of weight 0.
std::vector<Group> group_weights(std::span<const double> weights) {
    std::vector<double> sorted(weights.begin(), weights.end());
    std::ranges::sort(sorted);
    std::vector<Group> groups;
    for (const double weight : sorted) {
        if (weight <= 0) continue;
        if (groups.empty() || groups.back().weight != weight) groups.push_back({weight, 0, 1});
        ++groups.back().members;
    }
    return groups;
}

std::size_t total_turns(const std::vector<Group>& groups) {
    return std::accumulate(groups.begin(), groups.end(), std::size_t{0},
                           [](std::size_t sum, const Group& group) { return sum + group.members * group.turns; });
}

/// Whole numbers without their common divisor. False if a weight is no whole number, or they are more than `most`.
bool take_exactly(std::vector<Group>& groups, std::size_t most) {
    constexpr double largest = 1U << 31;
    std::uint64_t divisor = 0;
    for (Group& group : groups) {
        if (group.weight != std::floor(group.weight) || group.weight > largest) return false;
        group.turns = static_cast<std::uint64_t>(group.weight);
        divisor = std::gcd(divisor, group.turns);
    }
    for (Group& group : groups) group.turns /= divisor;
    return total_turns(groups) <= most;
}

/// Rounds all weights to whole numbers so that they are about `length`.
void scale(std::vector<Group>& groups, double total_weight, std::size_t length) {
    for (Group& group : groups) {
        const double turns = group.weight * static_cast<double>(length) / total_weight;
        group.turns = static_cast<std::uint64_t>(std::max(std::llround(turns), 1LL));
    }
}

/// The largest relative error of a share.
double error(const std::vector<Group>& groups, double total_weight) {
    const auto total = static_cast<double>(total_turns(groups));
    double worst = 0;
    for (const Group& group : groups) {
        const double share = static_cast<double>(group.turns) / total;
        worst = std::max(worst, std::abs(share * total_weight / group.weight - 1));
    }
    return worst;
}

/// The shortest length of all that are tried whose shares are close enough, else the one with the smallest error.
void approximate(std::vector<Group>& groups, std::size_t shortest, std::size_t most) {
    const double total_weight = std::accumulate(
        groups.begin(), groups.end(), 0.0,
        [](double sum, const Group& group) { return sum + group.weight * static_cast<double>(group.members); });
    const std::size_t step = 1 + (most - shortest) * groups.size() / most_trials;
    std::size_t best = shortest;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t length = shortest; length <= most && smallest > close_enough; length += step) {
        scale(groups, total_weight, length);
        if (total_turns(groups) > most) continue;
        const double now = error(groups, total_weight);
        if (now >= smallest) continue;
        smallest = now;
        best = length;
    }
    scale(groups, total_weight, best);
    if (total_turns(groups) > most) {  // nothing fits: one each
        for (Group& group : groups) group.turns = 1;
    }
}

}  // namespace

std::vector<std::uint32_t> count_turns(std::span<const double> weights, std::size_t most) {
    std::vector<Group> groups = group_weights(weights);
    if (groups.empty()) return std::vector<std::uint32_t>(weights.size(), 1);
    const std::size_t shortest = total_turns(groups);  // one each
    most = std::max(most, shortest);
    if (groups.size() > 1 && !take_exactly(groups, most)) approximate(groups, shortest, most);

    std::vector<std::uint32_t> out;
    out.reserve(weights.size());
    for (const double weight : weights) {
        const auto group = std::ranges::lower_bound(groups, weight, {}, &Group::weight);
        out.push_back(weight > 0 ? static_cast<std::uint32_t>(group->turns) : 0);
    }
    return out;
}

std::vector<std::uint16_t> spread_turns(std::span<const std::uint32_t> counts) {
    struct Equals {
        std::vector<std::uint16_t> numbers;
        std::size_t next = 0;
        std::int64_t weight = 0;
        std::int64_t credit = 0;
    };
    std::map<std::uint32_t, Equals, std::greater<>> by_count;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] != 0) by_count[counts[i]].numbers.push_back(static_cast<std::uint16_t>(i));
    }
    std::vector<Equals> groups;
    std::int64_t total = 0;
    for (auto& [count, equals] : by_count) {
        equals.weight = static_cast<std::int64_t>(count * equals.numbers.size());
        total += equals.weight;
        groups.push_back(std::move(equals));
    }

    std::vector<std::uint16_t> out;
    out.reserve(static_cast<std::size_t>(total));
    for (std::int64_t turn = 0; turn < total; ++turn) {
        for (Equals& group : groups) group.credit += group.weight;
        Equals& ahead = *std::ranges::max_element(groups, {}, &Equals::credit);
        ahead.credit -= total;
        out.push_back(ahead.numbers[ahead.next++ % ahead.numbers.size()]);
    }
    return out;
}

}  // namespace taskdns::view
