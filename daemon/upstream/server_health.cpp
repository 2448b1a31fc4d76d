// Which of several upstream servers to ask first. Layer: upstream. Pure.
#include "upstream/server_health.hpp"

#include <algorithm>

namespace taskdns::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_between_trials = 60s;
constexpr Duration first_back_off = 1s;
constexpr int smoothing = 8;            // a new round trip counts an eighth, as TCP's does (RFC 6298 section 2)
constexpr Duration noise = 20ms;        // less is no reason to leave the user's order
constexpr unsigned most_doublings = 6;  // 64 s is beyond the longest

}  // namespace

Duration ServerHealth::until_trial(const Server& server) const {
    if (server.failures == 0) return longest_between_trials;
    const Duration doubled = first_back_off * (1 << std::min(server.failures - 1, most_doublings));
    return std::min(doubled, longest_between_trials);
}

void ServerHealth::answered(std::size_t server, Duration round_trip, TimePoint now) {
    Server& it = servers_[server];
    const bool starts_anew = it.failures > 0 || it.round_trip == Duration(0);
    it.round_trip = starts_anew ? round_trip : it.round_trip + (round_trip - it.round_trip) / smoothing;
    it.round_trip = std::max(it.round_trip, Duration(1));
    it.failures = 0;
    it.next_trial = now + until_trial(it);
}

void ServerHealth::failed(std::size_t server, TimePoint now) {
    Server& it = servers_[server];
    ++it.failures;
    it.next_trial = now + until_trial(it);
}

std::vector<std::size_t> ServerHealth::order(TimePoint now) {
    std::vector<std::size_t> healthy;
    std::vector<std::size_t> failing;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (servers_[i].next_trial == never) servers_[i].next_trial = now + longest_between_trials;
        (is_failing(i) ? failing : healthy).push_back(i);
    }
    // One that nobody knows has no round trip: it is neither faster nor slower than another.
    const auto is_slower = [this](std::size_t one, std::size_t other) {
        const Duration a = servers_[one].round_trip;
        const Duration b = servers_[other].round_trip;
        return b != Duration(0) && a > 2 * b + noise;
    };
    std::vector<std::size_t> out;
    while (!healthy.empty()) {
        const auto next = std::find_if(healthy.begin(), healthy.end(), [&](std::size_t one) {
            return std::none_of(healthy.begin(), healthy.end(),
                                [&](std::size_t other) { return is_slower(one, other); });
        });
        out.push_back(*next);  // there always is one: the fastest is not slower than any
        healthy.erase(next);
    }
    std::stable_sort(failing.begin(), failing.end(), [this](std::size_t a, std::size_t b) {
        return servers_[a].next_trial < servers_[b].next_trial;
    });
    out.insert(out.end(), failing.begin(), failing.end());
    const auto due = std::find_if(out.begin() + 1, out.end(),
                                  [&](std::size_t server) { return servers_[server].next_trial <= now; });
    if (due != out.end()) std::rotate(out.begin(), due, due + 1);
    servers_[out.front()].next_trial =
        std::max(servers_[out.front()].next_trial, now + until_trial(servers_[out.front()]));
    return out;
}

}  // namespace taskdns::upstream
