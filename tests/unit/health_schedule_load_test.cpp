// The schedule with more to do than it may do at once, over many changes, and how soon it sees what goes dark.
#include <algorithm>
#include <queue>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health_schedules.hpp"

namespace taskdns::health {
namespace {

using testing::ElementsAre;

// More that is due than may be in flight.

class CrowdedSchedules : public Schedules {
protected:
    CrowdedSchedules() { schedule = Schedule(2, 1); }
};

TEST_F(CrowdedSchedules, HasNoMoreInFlightThanAllowed) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(5), start);
    const auto first = take_all(start);
    EXPECT_THAT(addresses_of(first), ElementsAre(endpoint(1), endpoint(2)));
    EXPECT_EQ(schedule.next_due(), never) << "until one of them ends";
    schedule.finish(first[1], connected, start + 1ms);
    EXPECT_EQ(schedule.next_due(), start);
    EXPECT_EQ(take_one(start + 1ms).target.address, endpoint(3));
}

TEST_F(CrowdedSchedules, ForgottenOnesStillCountUntilTheyEnd) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    const auto old_jobs = take_all(start);
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(3)}, start);
    EXPECT_FALSE(schedule.take_due(start).has_value());
    schedule.finish(old_jobs[0], connected, start);
    EXPECT_EQ(take_one(start).target.address, endpoint(3));
}

TEST_F(CrowdedSchedules, StarvesNobody) {
    constexpr int count = 9;
    config::Health hasty = tcp_policy(100ms);  // due again long before the others had their turn
    schedule.set_endpoints(0, name, hasty, endpoints(count), start);
    std::vector<int> probes(count + 1);
    TimePoint now = start;
    for (int round = 0; round < 90; ++round) {
        const auto jobs = take_all(now);
        ASSERT_LE(jobs.size(), 2U);
        now += 200ms;
        for (const auto& job : jobs) {
            ++probes[static_cast<std::size_t>(job.target.address.address.bytes()[3])];
            schedule.finish(job, timed_out, now);
        }
    }
    for (int i = 1; i <= count; ++i) {  // of 180 in 9 parts; jitter lets one pass another by one turn
        EXPECT_GE(probes[static_cast<std::size_t>(i)], 19);
        EXPECT_LE(probes[static_cast<std::size_t>(i)], 21);
    }
}

TEST_F(Schedules, ManyEndpointsOverManyChangesStayConsistent) {
    std::minstd_rand random(7);
    std::vector<Schedule::Job> in_flight;
    std::vector<std::set<SocketAddress>> current(3);
    TimePoint now = start;
    for (int step = 0; step < 3'000; ++step) {
        now += milliseconds(random() % 300);
        const auto service = static_cast<ServiceIndex>(random() % 3);
        if (random() % 10 == 0) {
            std::vector<SocketAddress> chosen;
            for (int i = 1; i <= 40; ++i) {
                if (random() % 2 == 0) chosen.push_back(endpoint(i));
            }
            current[service] = {chosen.begin(), chosen.end()};
            schedule.set_endpoints(service, name, random() % 4 == 0 ? http_policy("/") : tcp_policy(), chosen, now);
        }
        for (auto& job : take_all(now)) in_flight.push_back(std::move(job));
        ASSERT_EQ(schedule.in_flight(), in_flight.size());
        std::shuffle(in_flight.begin(), in_flight.end(), random);
        for (std::size_t n = random() % 20; n > 0 && !in_flight.empty(); --n) {
            const Outcome outcome = random() % 3 == 0 ? timed_out : random() % 2 == 0 ? refused : connected;
            for (const Event& event : schedule.finish(in_flight.back(), outcome, now)) {
                ASSERT_TRUE(current[event.service].contains(event.endpoint));
                ASSERT_NE(schedule.find(event.service, event.endpoint), nullptr);
            }
            in_flight.pop_back();
        }
    }
    for (const auto& job : in_flight) schedule.finish(job, connected, now);
    EXPECT_EQ(schedule.in_flight(), 0U);
    for (ServiceIndex service = 0; service < 3; ++service) {
        for (const auto& address : current[service]) EXPECT_NE(schedule.find(service, address), nullptr);
        schedule.set_endpoints(service, name, tcp_policy(), {}, now);
    }
    EXPECT_EQ(schedule.targets(), 0U);
    EXPECT_EQ(schedule.next_due(), never);
}

}  // namespace
}  // namespace taskdns::health
