// The schedule and the application's own connections: who is probed sooner, who is spared. Virtual time.
#include "unit/health_schedules.hpp"

namespace taskdns::health {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ServiceIndex orders = 0;
constexpr ServiceIndex others = 1;

class Observing : public Schedules {
protected:
    /// Endpoints 1 to `count`, each healthy by its first probe at `start`.
    void begin(int count, const config::Health& policy = tcp_policy()) {
        schedule.set_endpoints(orders, name, policy, endpoints(count), start);
        for (const auto& job : take_all(start)) schedule.finish(job, connected, start);
    }
    std::optional<Event> see(Observed observed, TimePoint now, int number = 1) {
        return schedule.observe(orders, endpoint(number), observed, now, now);
    }
};

TEST_F(Observing, ARefusedOneIsOutAtOnceAndProbedAtOnce) {
    begin(2);
    const TimePoint now = start + 500ms;
    EXPECT_EQ(see(Observed::refused, now), (Event{orders, endpoint(1), true}));
    EXPECT_EQ(schedule.find(orders, endpoint(1))->status, Status::unhealthy);
    EXPECT_THAT(addresses_of(take_all(now)), ElementsAre(endpoint(1)));
}

TEST_F(Observing, IsNotProbedAnewForEachFurtherRefusal) {
    begin(1);
    see(Observed::refused, start + 500ms);
    schedule.finish(take_one(start + 500ms), refused, start + 500ms);
    for (auto at = 510ms; at < 1500ms; at += 10ms) {
        EXPECT_EQ(see(Observed::refused, start + at), (Event{orders, endpoint(1), false}));
        EXPECT_THAT(take_all(start + at), IsEmpty());
    }
}

TEST_F(Observing, AFalseRefusalIsMendedByTwoProbes) {
    begin(1);
    see(Observed::refused, start + 500ms);
    schedule.finish(take_one(start + 500ms), connected, start + 500ms);
    schedule.finish(take_one(start + 1s), connected, start + 1s);
    EXPECT_EQ(schedule.find(orders, endpoint(1))->status, Status::healthy);
}

TEST_F(Observing, DoubtHastensTheNextProbe) {
    begin(1);
    EXPECT_EQ(see(Observed::timeout, start + 100ms), (Event{orders, endpoint(1), false}));
    EXPECT_THAT(take_all(start + 599ms), IsEmpty());
    EXPECT_THAT(take_all(start + 600ms), SizeIs(1));
}

TEST_F(Observing, SparesWhomTheApplicationReaches) {
    begin(2);
    for (auto at = 1s; at <= 60s; at += 1s) {
        see(Observed::answered, start + at);
        const auto jobs = take_all(start + at);
        for (const auto& job : jobs) {
            EXPECT_EQ(job.target.address, endpoint(2)) << at.count();
            schedule.finish(job, connected, start + at);
        }
    }
    EXPECT_GE(schedule.spared(), 25U);
}

TEST_F(Observing, SparesNobodyWhoseProbeTimedOutLateSince) {
    begin(1);
    const auto job = take_one(start + 2s);
    see(Observed::answered, start + 2500ms);
    schedule.finish(job, {.observed = Observed::late_timeout}, start + 3500ms);
    EXPECT_THAT(take_all(start + 4s), SizeIs(1)) << "the next one decides";
}

TEST_F(Observing, ProbesAgainAnIntervalAfterTheLastSuccess) {
    begin(1);
    for (auto at = 1s; at <= 10s; at += 1s) see(Observed::answered, start + at);
    EXPECT_THAT(take_all(start + 10s), IsEmpty());
    EXPECT_THAT(take_all(start + 11'700ms), IsEmpty());
    EXPECT_THAT(take_all(start + 12s), SizeIs(1));
}

TEST_F(Observing, CountsASuccessFromWhenItBegan) {
    begin(1);
    schedule.observe(orders, endpoint(1), Observed::answered, start + 100ms, start + 1900ms);
    EXPECT_THAT(take_all(start + 2100ms), SizeIs(1));
}

TEST_F(Observing, DoesNotSpareWhomIsInDoubt) {
    begin(1);
    see(Observed::answered, start + 1s);
    see(Observed::timeout, start + 1s + 1ms);
    EXPECT_THAT(take_all(start + 1501ms), SizeIs(1));
}

TEST_F(Observing, DoesNotSpareHttpChecks) {
    begin(1, http_policy("/"));
    see(Observed::answered, start + 1900ms);
    EXPECT_THAT(take_all(start + 2s), SizeIs(1));
}

TEST_F(Observing, SparesASharedTargetOnlyForAllWhoShareIt) {
    begin(1);
    schedule.set_endpoints(others, "others.local", tcp_policy(), {endpoint(1)}, start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start);
    see(Observed::answered, start + 1900ms);
    EXPECT_THAT(take_all(start + 2s), SizeIs(1)) << "nothing has been seen for the other, which may not observe";
}

TEST_F(Observing, KnowsOnlyItsEndpoints) {
    begin(1);
    EXPECT_EQ(see(Observed::refused, start, 7), std::nullopt);
    EXPECT_EQ(schedule.observe(others, endpoint(1), Observed::refused, start, start), std::nullopt);
}

}  // namespace
}  // namespace taskdns::health
