// Services that nobody asks for are checked seldom, and at once when somebody asks: the schedule under virtual time.
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health_schedules.hpp"

namespace taskdns::health {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class IdleSchedules : public Schedules {
protected:
    /// One healthy endpoint of service 0, probed at the start.
    void begin(const config::Health& policy = tcp_policy()) {
        schedule.set_endpoints(0, name, policy, endpoints(1), start);
        schedule.finish(take_one(start), connected, start);
    }
    /// The next check is due after `delay` from `now`, less up to a tenth.
    void expect_due(TimePoint now, milliseconds delay) {
        EXPECT_GE(schedule.next_due() - now, delay - delay / 10);
        EXPECT_LE(schedule.next_due() - now, delay);
    }
};

TEST_F(IdleSchedules, FallingIdleKeepsTheTimeOfTheNextCheckAndDelaysThoseAfterIt) {
    begin();
    const TimePoint due = schedule.next_due();
    schedule.set_idle(0, true, start + 1s);
    EXPECT_EQ(schedule.next_due(), due);
    schedule.finish(take_one(due), connected, due);
    expect_due(due, 10s);
}

TEST_F(IdleSchedules, WakingChecksAllAtOnceAndThenEveryInterval) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(3), start);
    schedule.set_idle(0, true, start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start);
    EXPECT_THAT(take_all(start + 5s), IsEmpty());
    schedule.set_idle(0, false, start + 5s);
    const auto jobs = take_all(start + 5s);
    EXPECT_THAT(addresses_of(jobs), ElementsAre(endpoint(1), endpoint(2), endpoint(3)));
    for (const auto& job : jobs) schedule.finish(job, connected, start + 5s);
    expect_due(start + 5s, 2s);
}

TEST_F(IdleSchedules, WakingTheDownOnesToo) {
    begin();
    schedule.set_idle(0, true, start);
    const TimePoint due = schedule.next_due();
    schedule.finish(take_one(due), refused, due);
    expect_due(due, 10s);
    schedule.set_idle(0, false, due + 1s);
    EXPECT_EQ(schedule.next_due(), due + 1s);
}

TEST_F(IdleSchedules, WakingLeavesAloneWhatIsInFlight) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    schedule.set_idle(0, true, start);
    const auto job = take_one(start);
    schedule.set_idle(0, false, start + 1ms);
    EXPECT_EQ(schedule.next_due(), never);
    schedule.finish(job, connected, start + 2ms);
    expect_due(start + 2ms, 2s);
}

TEST_F(IdleSchedules, WakingWhatIsAwakeChangesNothing) {
    begin();
    const TimePoint due = schedule.next_due();
    schedule.set_idle(0, false, start + 1s);
    EXPECT_EQ(schedule.next_due(), due);
}

TEST_F(IdleSchedules, WakingTwiceChecksOnce) {
    begin();
    schedule.set_idle(0, true, start);
    schedule.set_idle(0, true, start);
    schedule.set_idle(0, false, start + 1s);
    schedule.finish(take_one(start + 1s), connected, start + 1s);
    schedule.set_idle(0, false, start + 1s);
    expect_due(start + 1s, 2s);
}

TEST_F(IdleSchedules, DoubtIsLookedIntoFast) {
    begin();
    schedule.set_idle(0, true, start);
    const TimePoint due = schedule.next_due();
    schedule.finish(take_one(due), timed_out, due);
    expect_due(due, 500ms);
}

TEST_F(IdleSchedules, NewEndpointsOfAnIdleServiceAreProbedAtOnce) {
    schedule.set_idle(0, true, start);
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start + 1s);
    schedule.finish(take_one(start + 1s), connected, start + 1s);
    expect_due(start + 1s, 10s);
}

TEST_F(IdleSchedules, StaysIdleWithoutEndpoints) {
    begin();
    schedule.set_idle(0, true, start);
    schedule.set_endpoints(0, name, tcp_policy(), {}, start + 1s);
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start + 2s);
    schedule.finish(take_one(start + 2s), connected, start + 2s);
    expect_due(start + 2s, 10s);
    schedule.set_endpoints(0, name, tcp_policy(), {}, start + 3s);
    schedule.set_idle(0, false, start + 3s);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(IdleSchedules, ChangeOfPolicyCountsWithTheIdleInterval) {
    config::Health patient = tcp_policy();
    patient.idle_interval = 60s;
    begin(patient);
    schedule.set_idle(0, true, start);
    const TimePoint due = schedule.next_due();
    schedule.finish(take_one(due), connected, due);
    expect_due(due, 60s);
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), due + 1s);
    expect_due(due + 1s, 10s);
}

TEST_F(IdleSchedules, SharedTargetIsIdleOnlyIfAllAre) {
    begin();
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_idle(0, true, start);
    TimePoint due = schedule.next_due();
    schedule.finish(take_one(due), connected, due);
    expect_due(due, 2s);
    schedule.set_idle(1, true, due);
    due = schedule.next_due();
    schedule.finish(take_one(due), connected, due);
    expect_due(due, 10s);
    schedule.set_idle(0, false, due + 1s);
    EXPECT_EQ(schedule.next_due(), due + 1s) << "one of them wakes";
}

TEST_F(IdleSchedules, SharedTargetIsDueForTheMostImpatientByItsOwnState) {
    schedule.set_endpoints(0, "idle.local", tcp_policy(2s), endpoints(1), start);
    schedule.set_endpoints(1, "awake.local", tcp_policy(5s), endpoints(1), start);
    schedule.set_idle(0, true, start);
    schedule.finish(take_one(start), connected, start);
    expect_due(start, 5s);
}

TEST_F(IdleSchedules, WakingOneServiceLeavesTheOthersAlone) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), {endpoint(1)}, start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), {endpoint(2)}, start);
    schedule.set_idle(0, true, start);
    schedule.set_idle(1, true, start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start);
    schedule.set_idle(1, false, start + 1s);
    EXPECT_EQ(take_one(start + 1s).target.address, endpoint(2));
}

}  // namespace
}  // namespace taskdns::health
