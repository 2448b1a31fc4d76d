// The schedule with more to do than it may do at once, over many changes, and how soon it sees what goes dark.
#include <algorithm>
#include <map>
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

/// Endpoints of which some go dark all at once: how long until the last of them is unhealthy?
struct DarkCase {
    const char* name;
    int dark;
    int healthy;
    milliseconds after;  ///< when they go dark, after the start
    config::Health policy = tcp_policy();
    unsigned max_in_flight = 256;
};

void PrintTo(const DarkCase& c, std::ostream* out) { *out << c.name; }

/// Probes under virtual time: one of a dark endpoint ends with its timeout, any other after a millisecond.
class World {
public:
    explicit World(const DarkCase& c) : case_(c), schedule_(c.max_in_flight, 7) {
        schedule_.set_endpoints(0, name, c.policy, endpoints(c.dark + c.healthy), start);
    }

    /// Runs until all that went dark are unhealthy, or until `limit`.
    void run_until(TimePoint limit) {
        TimePoint now = start;
        while (now < limit && unhealthy_.size() < static_cast<std::size_t>(case_.dark)) {
            while (auto job = schedule_.take_due(now)) begin(std::move(*job), now);
            most_in_flight_ = std::max(most_in_flight_, schedule_.in_flight());
            now = schedule_.next_due();
            if (!flights_.empty()) now = std::min(now, flights_.top().ends);
            while (!flights_.empty() && flights_.top().ends <= now) end(now);
        }
    }

    const std::map<SocketAddress, TimePoint>& unhealthy() const { return unhealthy_; }
    unsigned most_in_flight() const { return most_in_flight_; }
    bool is_dark(const SocketAddress& address) const { return address < endpoint(case_.dark + 1); }

private:
    struct Flight {
        TimePoint ends;
        Schedule::Job job;
        Observed observed;

        bool operator<(const Flight& other) const { return ends > other.ends; }  // the queue's top ends first
    };

    void begin(Schedule::Job job, TimePoint now) {
        const bool dark = is_dark(job.target.address) && now >= start + case_.after;
        const TimePoint ends = now + (dark ? job.timeout : 1ms);
        flights_.push({ends, std::move(job), dark ? Observed::timeout : Observed::connected});
    }
    void end(TimePoint now) {
        const Flight flight = flights_.top();
        flights_.pop();
        schedule_.finish(flight.job, {.observed = flight.observed}, now);
        const SocketAddress& address = flight.job.target.address;
        if (schedule_.find(0, address)->status == Status::unhealthy) unhealthy_.emplace(address, now);
    }

    const DarkCase& case_;
    Schedule schedule_;
    std::priority_queue<Flight> flights_;
    std::map<SocketAddress, TimePoint> unhealthy_;
    unsigned most_in_flight_ = 0;
};

class DarkEndpoints : public testing::TestWithParam<DarkCase> {};

TEST_P(DarkEndpoints, AreUnhealthyWithinTheBound) {
    const auto& c = GetParam();
    const milliseconds bound = c.policy.interval + 3 * c.policy.timeout + 2 * c.policy.fast_interval + 100ms;
    World world(c);
    world.run_until(start + c.after + 2 * bound);
    ASSERT_EQ(world.unhealthy().size(), static_cast<std::size_t>(c.dark));
    for (const auto& [address, at] : world.unhealthy()) {
        EXPECT_TRUE(world.is_dark(address)) << address.to_string() << " was healthy all the time";
        EXPECT_LE(at - start - c.after, bound) << address.to_string();
    }
    EXPECT_LE(world.most_in_flight(), c.max_in_flight);
}

config::Health slow_policy() {
    config::Health policy = tcp_policy(10s);
    policy.timeout = 5s;
    return policy;
}

config::Health hasty_policy() {  // probes of one endpoint follow each other closely
    config::Health policy = tcp_policy(500ms);
    policy.fast_interval = 100ms;
    policy.timeout = 2s;
    return policy;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Schedule, DarkEndpoints,
    testing::Values(
        DarkCase{"AFewOfMany",               5,   200, 30s},
        DarkCase{"AsPromised",               150, 100, 30s},
        DarkCase{"AsPromisedAMomentLater",   150, 100, 30'700ms},
        DarkCase{"AsPromisedLongAfter",      150, 100, 600s},
        DarkCase{"FromTheStart",             150, 100, 0s},
        DarkCase{"AmongMany",                150, 1'000, 30s},
        DarkCase{"SlowChecks",               150, 100, 30s,      slow_policy()},
        DarkCase{"HastyChecks",              150, 100, 30s,      hasty_policy()},
        DarkCase{"JustEnoughInFlight",       150, 100, 30s,      tcp_policy(), 151}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::health
