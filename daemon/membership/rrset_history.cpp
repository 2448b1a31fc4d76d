// What the answers for one type have looked like. Layer: membership.
#include "membership/rrset_history.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace taskdns::membership {
namespace {

using namespace std::chrono_literals;

constexpr unsigned samples_for_coverage = 3;

std::vector<SocketAddress> addresses_of(const discovery::Rrset& rrset) {
    std::vector<SocketAddress> out;
    out.reserve(rrset.sightings.size());
    for (const discovery::Sighting& sighting : rrset.sightings) out.push_back(sighting.address);
    std::sort(out.begin(), out.end());
    return out;
}

/// ln C(n, k)
double log_choices(std::size_t n, std::size_t k) {
    double sum = 0;
    for (std::size_t i = 1; i <= k; ++i) sum += std::log(static_cast<double>(n - k + i) / static_cast<double>(i));
    return sum;
}

}  // namespace

Reading RrsetHistory::read(const discovery::Rrset& rrset, std::size_t known, std::size_t remaining,
                           std::size_t newcomers, const config::Membership& policy, TimePoint now) {
    if (rrset.exhaustive) return reading_ = Reading::complete;  // the configuration itself: nothing to confirm
    std::vector<SocketAddress> shown = addresses_of(rrset);
    const bool same = last_ == shown;
    if (rrset.answered) {
        previous_ttl_ = std::exchange(ttl_, rrset.ttl);
    } else if (same) {  // a repetition of what has been judged
        if (reading_ == Reading::guarded && guard_ends_ == never) start_guard(known, now);
        return reading_;
    }
    last_ = std::move(shown);
    if (!same) {
        unchanged_ = 0;
        proven_ = false;
    }
    if (!rrset.fresh && guard_ends_ != never) return reading_ = Reading::guarded;  // neither confirms nor ends it
    const bool full = rrset.sightings.size() + rrset.unusable == policy.sample_limit;
    reading_ = full ? judge_full(rrset, same, known, newcomers, policy.sample_limit)
                    : judge_complete(rrset.fresh, known, remaining, policy.shrink_guard, now);
    return reading_;
}

Reading RrsetHistory::judge_full(const discovery::Rrset& rrset, bool same, std::size_t known, std::size_t newcomers,
                                 unsigned limit) {
    suspend_guard();
    if (rrset.fresh) {
        unchanged_ = same ? unchanged_ + 1 : 1;
        const auto needed = unchanged_answers_needed(known, limit);
        if (needed && unchanged_ >= *needed) proven_ = true;
    }
    if (proven_) return Reading::complete;
    if (rrset.fresh) count_sample(known, rrset.sightings.size(), newcomers);
    return Reading::sample;
}

Reading RrsetHistory::judge_complete(bool fresh, std::size_t known, std::size_t remaining, unsigned shrink_guard,
                                     TimePoint now) {
    const std::size_t before = guard_ends_ != never ? guarded_set_ : known;
    const bool too_few = remaining * 100 < before * shrink_guard && remaining + 2 <= before;
    if (fresh && too_few) ++shrunk_;
    if (!too_few || shrunk_ >= 2) {
        suspend_guard();
        return Reading::complete;
    }
    if (guard_ends_ == never) start_guard(known, now);
    return Reading::guarded;
}

void RrsetHistory::start_guard(std::size_t known, TimePoint now) {
    guarded_set_ = known;
    guard_ends_ = now + std::max<milliseconds>(30s, 2 * ttl());
}

void RrsetHistory::end_guard() {
    suspend_guard();
    reading_ = Reading::complete;
}

void RrsetHistory::suspend_guard() {
    guard_ends_ = never;
    shrunk_ = 0;
}

void RrsetHistory::interrupt() {
    suspend_guard();
    unchanged_ = 0;
    proven_ = false;
}

/// Good-Turing: the share of a sample that was new estimates the share of all members that had not been seen before.
void RrsetHistory::count_sample(std::size_t known, std::size_t shown, std::size_t newcomers) {
    ++samples_;
    if (known == 0) return;  // nothing could have been known: says nothing about now
    ++shares_;
    const double share = static_cast<double>(shown - newcomers) / static_cast<double>(shown);
    known_share_ += std::max(1.0 / shares_, 0.2) * (share - known_share_);
}

std::optional<double> RrsetHistory::coverage() const {
    if (reading_ != Reading::sample) return 1;
    if (samples_ < samples_for_coverage) return std::nullopt;
    return known_share_;
}

std::optional<unsigned> unchanged_answers_needed(std::size_t known, unsigned limit) {
    if (limit <= 1) return std::nullopt;
    constexpr double accepted_chance = 2e-4;
    // With no more than `limit` known, the question is whether there is one more.
    const double choices = log_choices(std::max<std::size_t>(known, limit + 1), limit);
    const double repetitions = std::ceil(-std::log(accepted_chance) / choices);
    return std::max(5U, 1 + static_cast<unsigned>(repetitions));
}

milliseconds absent_max(std::size_t members, unsigned limit, milliseconds period) {
    constexpr milliseconds shortest = 10min;
    constexpr milliseconds longest = 60min;
    if (limit >= members) return shortest;
    constexpr double missed = 1e-4;
    const double per_sample = std::log1p(-static_cast<double>(limit) / static_cast<double>(members));
    const double samples = std::ceil(std::log(missed) / per_sample);
    const double wanted = samples * static_cast<double>(period.count());
    if (wanted >= static_cast<double>(milliseconds(longest).count())) return longest;
    return std::max(shortest, milliseconds(std::llround(wanted)));
}

}  // namespace taskdns::membership
