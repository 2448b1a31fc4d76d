// What holds whatever the application does: random worlds, seeded, judged by their truth.
#include <gtest/gtest.h>

#include "unit/health_connection_world.hpp"

namespace taskdns::health {
namespace {

using namespace testing_world;

constexpr unsigned seeds = 40;

/// What has been told of one endpoint.
struct Told {
    unsigned refused = 0;
    unsigned successes = 0;
    unsigned doubtful = 0;  ///< since its fault, if it has one
    unsigned doubtful_in_a_row = 0;
    int third_doubtful_at = never_ms;
    int longest_without_success = 0;
    int last_success_at = 0;
};

/// Each word is held against the truth when it is spoken.
class JudgedWorld : public World {
public:
    using World::World;
    std::map<int, Told> words;
    bool leave_out_refused = false;
    using World::host;
    using World::partial_dumps_percent;

private:
    void told(const ConnectionEvidence& one) override {
        Host& about = host(Ledger::number_of(one.endpoint));
        Told& word = words[about.number];
        const int since = static_cast<int>(std::chrono::duration_cast<milliseconds>(one.since - start).count());
        if (one.observed == Observed::refused) {
            ++word.refused;
            EXPECT_EQ(since, now_);
            EXPECT_TRUE(about.fault != Fault::black_hole && about.fails(now_));
            about.left_out = leave_out_refused && now_ >= about.fault_at + 300;
        } else if (one.observed == Observed::timeout) {
            EXPECT_TRUE(since == now_ || since == now_ - 2 * step_ms) << "of an event, or of a dump when it began";
            if (about.fails(now_) && ++word.doubtful == 3) word.third_doubtful_at = now_;
            ++word.doubtful_in_a_row;
            EXPECT_TRUE(about.fails(now_) || word.doubtful_in_a_row < 3) << "packets are lost, nothing has failed";
        } else {
            ASSERT_EQ(one.observed, Observed::answered);
            EXPECT_LE(since, about.last_accepted) << "nobody was answered since";
            EXPECT_EQ(word.refused, 0U) << "a success after a refusal";
            EXPECT_EQ(word.third_doubtful_at, never_ms) << "a success after it was found dark";
            ++word.successes;
            word.doubtful_in_a_row = 0;
            word.longest_without_success = std::max(word.longest_without_success, now_ - word.last_success_at);
            word.last_success_at = now_;
        }
    }
};

constexpr int run_ms = 40'000;

TEST(LedgerWorld, HealthyEndpointsStayHealthyThoughPacketsAreLost) {
    for (unsigned seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        JudgedWorld world(seed,
                          {{.number = 1}, {.number = 2, .connects_every = 5}, {.number = 3, .connects_every = 2000}});
        world.partial_dumps_percent = seed % 2 == 0 ? 20 : 0;
        world.run(run_ms);
        EXPECT_GT(world.words[3].successes, 3U);
        if (seed % 2 == 0) continue;
        EXPECT_LT(world.words[1].longest_without_success, 2500);
        EXPECT_LT(world.words[2].longest_without_success, 2500);
    }
}

void expect_refusals_told(Fault fault) {
    for (unsigned seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        const int fault_at = 10'000 + 5 * static_cast<int>(seed * 37 % 200);
        JudgedWorld world(seed, {{.number = 1}, {.number = 2, .fault = fault, .fault_at = fault_at}});
        world.leave_out_refused = seed % 3 != 0;
        world.partial_dumps_percent = seed % 2 == 0 ? 5 : 0;
        world.run(run_ms);
        EXPECT_GE(world.words[2].refused, 5U);
        EXPECT_NEAR(world.words[2].refused, world.host(2).refusals, 2)
            << "but for events that are still on their way";
        EXPECT_GT(world.words[2].successes, 5U) << "before";
        EXPECT_GT(world.words[1].successes, 20U);
    }
}

TEST(LedgerWorld, RefusalsAreToldAndNoOldConnectionDeniesThem) { expect_refusals_told(Fault::listener_closes); }

TEST(LedgerWorld, RefusalsAreToldAndNoResetConnectionDeniesThem) { expect_refusals_told(Fault::killed); }

TEST(LedgerWorld, BlackHolesAreFound) {
    int latest = 0;
    for (unsigned seed = 1; seed <= 4 * seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        const int fault_at = 10'000 + 5 * static_cast<int>(seed * 37 % 200);
        JudgedWorld world(seed, {{.number = 1}, {.number = 2, .fault = Fault::black_hole, .fault_at = fault_at}});
        world.run(20'000);
        latest = std::max(latest, world.words[2].third_doubtful_at - fault_at);
        EXPECT_LE(world.words[2].third_doubtful_at, fault_at + 2200);
    }
    EXPECT_GT(latest, 1500) << "the worst case is among them";
}

}  // namespace
}  // namespace taskdns::health
