// What holds whatever is observed: random stories, seeded.
#include <random>

#include <gtest/gtest.h>

#include "unit/membership_story.hpp"

namespace taskdns::membership {
namespace {

using namespace testing_story;

class RandomStory : public testing::Test {
protected:
    std::mt19937 random;
    unsigned upto(unsigned most) { return static_cast<unsigned>(random() % (most + 1)); }
    bool one_in(unsigned n) { return upto(n - 1) == 0; }

    void expect_promises_kept();

    Octets some_of(unsigned from, unsigned count) {
        Octets all = range(1, from);
        std::shuffle(all.begin(), all.end(), random);
        all.resize(std::min<std::size_t>(all.size(), count));
        std::sort(all.begin(), all.end());
        return all;
    }
    How any_how() {
        const unsigned kind = upto(9);
        return {.fresh = kind > 3, .answered = kind > 1, .ttl = seconds(upto(60))};
    }
    Observation next() {
        const unsigned kind = upto(11);
        if (kind == 0) return Empty{};
        if (kind <= 2) return Failed{"timeout"};
        Octets of_a = some_of(12, upto(5));
        const Octets of_aaaa = some_of(6, upto(4));
        if (of_a.empty() && of_aaaa.empty()) of_a = {1};
        if (kind <= 4) return seen(a(of_a, any_how()), aaaa(of_aaaa, any_how()));
        if (of_a.empty()) return Records{{aaaa(of_aaaa, any_how())}, 1s};
        return Records{{a(of_a, any_how())}, 1s};
    }
};

std::string state_of(const Registry& registry) {
    return words(registry.members()) + " " + to_string(registry.basis());
}

bool is_named(const Observation& observation, const SocketAddress& address) {
    const auto* records = std::get_if<Records>(&observation);
    if (records == nullptr) return false;
    for (const Rrset& rrset : records->rrsets) {
        for (const Sighting& sighting : rrset.sightings) {
            if (sighting.address == address) return true;
        }
    }
    return false;
}

void expect_consistent(const Registry& registry, const Observation& last, TimePoint now) {
    const Basis basis = registry.basis();
    bool guard_waits = false;
    for (const Member& member : registry.members()) {
        EXPECT_LE(member.first_seen, member.last_seen);
        EXPECT_LE(member.last_seen, now);
        EXPECT_LE(member.since, now);
        EXPECT_EQ(member.presence == Presence::present, is_named(last, member.address));
        if (basis == Basis::failed) {
            EXPECT_NE(member.presence, Presence::absent);
            EXPECT_NE(member.presence, Presence::held_guard);
        } else if (basis == Basis::empty) {
            EXPECT_TRUE(member.presence == Presence::withdrawn || member.presence == Presence::held_empty);
        } else {
            EXPECT_NE(member.presence, Presence::held_failed);
            EXPECT_NE(member.presence, Presence::held_empty);
        }
        if (member.presence == Presence::held_guard) guard_waits = true;
        EXPECT_FALSE(member.presence == Presence::absent && basis == Basis::complete);
    }
    EXPECT_TRUE(!guard_waits || basis == Basis::guarded);
    const double coverage = registry.coverage().value_or(0);
    EXPECT_TRUE(coverage >= 0 && coverage <= 1) << coverage;
}

/// One story of 300 observations.
void RandomStory::expect_promises_kept() {
    constexpr std::size_t most = 11;
    Registry registry({.sample_limit = 1 + upto(4), .max_endpoints = most}, {}, one_in(2));
    TimePoint now = start;
    for (int step = 0; step < 300 && !HasFailure(); ++step) {
        now += milliseconds(one_in(20) ? upto(3'600'000) : upto(30'000));
        // Time alone: nothing before next_expiry(), something then.
        const TimePoint next_expiry = registry.next_expiry();
        if (next_expiry < now) {
            EXPECT_FALSE(registry.expire(next_expiry - 1ns));
            EXPECT_TRUE(registry.expire(next_expiry));
            EXPECT_GT(registry.next_expiry(), next_expiry);
        }
        registry.expire(now);

        const std::string before = state_of(registry);
        const std::vector<Member> members_before = registry.members();
        const Observation observation = next();
        const bool changed = registry.apply(observation, now);
        EXPECT_EQ(changed, state_of(registry) != before) << before << " -> " << state_of(registry);
        EXPECT_LE(registry.members().size(), most);
        if (std::holds_alternative<Failed>(observation)) {
            EXPECT_EQ(registry.members().size(), members_before.size());
        }
        expect_consistent(registry, observation, now);
    }
}

TEST_F(RandomStory, KeepsItsPromises) {
    for (unsigned seed = 1; seed <= 200 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        random.seed(seed);
        expect_promises_kept();
    }
}

}  // namespace
}  // namespace taskdns::membership
