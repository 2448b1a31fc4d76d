// When which target is probed, and who learns of the outcome: the whole schedule under virtual time.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/schedule.hpp"

namespace taskdns::health {

void PrintTo(const Event& event, std::ostream* out) {
    *out << "service " << event.service << ' ' << event.endpoint.to_string() << (event.changed ? " changed" : "");
}

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint start{1h};
const std::string name = "orders.local";

SocketAddress endpoint(int number) {
    return {IpAddress(IpAddress::V4Bytes{10, 0, static_cast<std::uint8_t>(number / 256),
                                         static_cast<std::uint8_t>(number % 256)}),
            8080};
}

std::vector<SocketAddress> endpoints(int count) {
    std::vector<SocketAddress> out;
    for (int i = 1; i <= count; ++i) out.push_back(endpoint(i));
    return out;
}

config::Health tcp_policy(milliseconds interval = 2s) {
    config::Health policy;
    policy.check = config::CheckKind::tcp;
    policy.interval = interval;
    return policy;
}

config::Health http_policy(std::string path) {
    config::Health policy = tcp_policy();
    policy.check = config::CheckKind::http;
    policy.path = std::move(path);
    return policy;
}

const Outcome connected{.observed = Observed::connected};
const Outcome refused{.observed = Observed::refused};
const Outcome timed_out{.observed = Observed::timeout};

class Schedules : public testing::Test {
protected:
    /// Takes all that is due, in order.
    std::vector<Schedule::Job> take_all(TimePoint now) {
        std::vector<Schedule::Job> jobs;
        while (auto job = schedule.take_due(now)) jobs.push_back(std::move(*job));
        return jobs;
    }
    std::vector<SocketAddress> addresses_of(const std::vector<Schedule::Job>& jobs) {
        std::vector<SocketAddress> out;
        for (const auto& job : jobs) out.push_back(job.target.address);
        return out;
    }
    /// The only job that is due; a failure if there is none or another.
    Schedule::Job take_one(TimePoint now) {
        auto job = schedule.take_due(now);
        EXPECT_TRUE(job.has_value());
        EXPECT_FALSE(schedule.take_due(now).has_value());
        return job.value_or(Schedule::Job{});
    }

    Schedule schedule{256, 1};
};

TEST_F(Schedules, HasNothingToDoAtFirst) {
    EXPECT_EQ(schedule.next_due(), never);
    EXPECT_FALSE(schedule.take_due(start).has_value());
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
}

TEST_F(Schedules, ProbesNewEndpointsAtOnce) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(3), start);
    EXPECT_EQ(schedule.next_due(), start);
    EXPECT_THAT(addresses_of(take_all(start)), ElementsAre(endpoint(1), endpoint(2), endpoint(3)));
    EXPECT_EQ(schedule.in_flight(), 3U);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(Schedules, MakesTheTargetFromThePolicy) {
    config::Health policy = http_policy("/healthz");
    policy.timeout = 700ms;
    schedule.set_endpoints(0, name, policy, endpoints(1), start);
    const auto job = take_one(start);
    EXPECT_EQ(job.target, make_target(endpoint(1), policy, name));
    EXPECT_EQ(job.timeout, 700ms);
}

TEST_F(Schedules, NewVerdictIsPendingSinceItWasAdded) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const Verdict* verdict = schedule.find(0, endpoint(1));
    ASSERT_NE(verdict, nullptr);
    EXPECT_EQ(verdict->status, Status::pending);
    EXPECT_EQ(verdict->since, start);
    EXPECT_EQ(verdict->first_seen, start);
    EXPECT_EQ(schedule.find(0, endpoint(2)), nullptr);
    EXPECT_EQ(schedule.find(1, endpoint(1)), nullptr);
}

TEST_F(Schedules, OutcomeReachesTheVerdict) {
    schedule.set_endpoints(7, name, tcp_policy(), endpoints(1), start);
    const auto first = schedule.finish(take_one(start), connected, start + 3ms);
    EXPECT_THAT(first, ElementsAre(Event{7, endpoint(1), true}));
    EXPECT_EQ(schedule.find(7, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(7, endpoint(1))->last_at, start + 3ms);
    EXPECT_EQ(schedule.in_flight(), 0U);

    const auto second = schedule.finish(take_one(start + 10s), connected, start + 10s);
    EXPECT_THAT(second, ElementsAre(Event{7, endpoint(1), false}));
}

TEST_F(Schedules, NextProbeIsDueAnIntervalAfterTheLastOneLessUpToATenth) {
    constexpr int count = 200;
    schedule.set_endpoints(0, name, tcp_policy(2s), endpoints(count), start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start + 100ms);
    EXPECT_THAT(take_all(start + 100ms + 1799ms), IsEmpty());
    const auto soonest = schedule.next_due() - start - 100ms;
    EXPECT_GE(soonest, 1800ms);
    EXPECT_LT(soonest, 1830ms) << "200 draws come close to the bound";
    const auto before_half = take_all(start + 100ms + 1900ms).size();
    EXPECT_GT(before_half, 60U) << "spread evenly";
    EXPECT_LT(before_half, 140U);
    EXPECT_EQ(before_half + take_all(start + 100ms + 2000ms).size(), 200U);
}

TEST_F(Schedules, InDoubtTheNextProbeComesFast) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), timed_out, start);
    EXPECT_GE(schedule.next_due(), start + 450ms);
    EXPECT_LE(schedule.next_due(), start + 500ms);
}

TEST_F(Schedules, KeptEndpointsKeepVerdictAndTime) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    for (const auto& job : take_all(start)) schedule.finish(job, connected, start);
    const TimePoint due = schedule.next_due();
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(3), endpoint(2), endpoint(1)}, start + 1s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(0, endpoint(1))->first_seen, start);
    EXPECT_EQ(schedule.find(0, endpoint(3))->first_seen, start + 1s);
    EXPECT_EQ(take_one(start + 1s).target.address, endpoint(3));
    EXPECT_EQ(schedule.next_due(), due);
}

TEST_F(Schedules, EndpointsNoLongerNamedAreForgotten) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    for (const auto& job : take_all(start)) schedule.finish(job, refused, start);
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(2)}, start + 1s);
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
    EXPECT_EQ(schedule.targets(), 1U);
    EXPECT_EQ(take_one(start + 10s).target.address, endpoint(2));

    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start + 20s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending) << "who comes back is new";
}

TEST_F(Schedules, NamingOneTwiceIsNamingItOnce) {
    schedule.set_endpoints(0, name, tcp_policy(), {endpoint(1), endpoint(1)}, start);
    EXPECT_THAT(schedule.finish(take_one(start), connected, start), ElementsAre(Event{0, endpoint(1), true}));
}

TEST_F(Schedules, CheckNoneHasNoEndpoints) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(2), start);
    schedule.set_endpoints(0, name, config::Health{}, endpoints(2), start);
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
    EXPECT_EQ(schedule.targets(), 0U);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(Schedules, OutcomeOfAForgottenEndpointIsIgnored) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const auto job = take_one(start);
    schedule.set_endpoints(0, name, tcp_policy(), {}, start);
    EXPECT_THAT(schedule.finish(job, connected, start + 1s), IsEmpty());
    EXPECT_EQ(schedule.in_flight(), 0U);
    EXPECT_EQ(schedule.next_due(), never);
}

TEST_F(Schedules, OutcomeFromBeforeAnEndpointCameBackIsIgnored) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const auto old_job = take_one(start);
    schedule.set_endpoints(0, name, tcp_policy(), {}, start);
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    const auto new_job = take_one(start);
    EXPECT_THAT(schedule.finish(old_job, refused, start), IsEmpty());
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending);
    EXPECT_THAT(schedule.finish(new_job, connected, start), ElementsAre(Event{0, endpoint(1), true}));
    EXPECT_EQ(schedule.in_flight(), 0U);
}

// Several services that share an endpoint.

TEST_F(Schedules, OneProbeFeedsAllThatShareTheTarget) {
    config::Health strict = tcp_policy();
    strict.fall = 1;
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", strict, endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    const auto events = schedule.finish(take_one(start + 2s), timed_out, start + 2s);
    EXPECT_THAT(events, ElementsAre(Event{0, endpoint(1), false}, Event{1, endpoint(1), true}));
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.find(1, endpoint(1))->status, Status::unhealthy);
}

TEST_F(Schedules, SharedTargetIsDueForTheMostImpatient) {
    schedule.set_endpoints(0, "a.local", tcp_policy(60s), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", tcp_policy(5s), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    EXPECT_GE(schedule.next_due(), start + 4500ms);
    EXPECT_LE(schedule.next_due(), start + 5s);
}

TEST_F(Schedules, SharedProbeHasTheLongestTimeoutAndIsJudgedByEachOnesOwn) {
    config::Health quick = tcp_policy();
    quick.timeout = 100ms;
    config::Health slow = tcp_policy();
    slow.timeout = 1s;
    schedule.set_endpoints(0, "a.local", quick, endpoints(1), start);
    schedule.set_endpoints(1, "b.local", slow, endpoints(1), start);
    auto job = take_one(start);
    EXPECT_EQ(job.timeout, 1s);
    schedule.finish(job, {.observed = Observed::connected, .latency = 101ms}, start);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::timeout);
    EXPECT_EQ(schedule.find(1, endpoint(1))->last.observed, Observed::connected);

    job = take_one(start + 10s);
    schedule.finish(job, {.observed = Observed::connected, .latency = 100ms}, start + 10s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::connected);

    job = take_one(start + 20s);
    schedule.finish(job, {.observed = Observed::local_fault, .latency = 500ms}, start + 20s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::local_fault) << "no evidence stays none";
}

TEST_F(Schedules, OwnTimeoutIsTheProbesBusiness) {
    schedule.set_endpoints(0, name, tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), {.observed = Observed::connected, .latency = 5s}, start);
    EXPECT_EQ(schedule.find(0, endpoint(1))->last.observed, Observed::connected);
}

TEST_F(Schedules, WhoJoinsAKnownTargetHasItProbedAtOnce) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start + 1s);
    EXPECT_EQ(schedule.targets(), 1U);
    const auto events = schedule.finish(take_one(start + 1s), connected, start + 1s);
    EXPECT_THAT(events, ElementsAre(Event{0, endpoint(1), false}, Event{1, endpoint(1), true}));
}

TEST_F(Schedules, WhoJoinsATargetInFlightGetsItsOutcome) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    const auto job = take_one(start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start);
    EXPECT_FALSE(schedule.take_due(start).has_value());
    EXPECT_EQ(schedule.finish(job, connected, start).size(), 2U);
}

TEST_F(Schedules, WhoLeavesDoesNotTakeTheOthersTargetAlong) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", tcp_policy(), endpoints(1), start);
    const auto job = take_one(start);
    schedule.set_endpoints(0, "a.local", tcp_policy(), {}, start);
    EXPECT_THAT(schedule.finish(job, connected, start), ElementsAre(Event{1, endpoint(1), true}));
    EXPECT_EQ(schedule.find(0, endpoint(1)), nullptr);
    EXPECT_EQ(schedule.targets(), 1U);
}

TEST_F(Schedules, DifferentChecksOfOneEndpointAreDifferentTargets) {
    schedule.set_endpoints(0, "a.local", tcp_policy(), endpoints(1), start);
    schedule.set_endpoints(1, "b.local", http_policy("/x"), endpoints(1), start);
    schedule.set_endpoints(2, "b.local", http_policy("/y"), endpoints(1), start);
    EXPECT_EQ(take_all(start).size(), 3U);
}

// A change of policy.

TEST_F(Schedules, NewTargetOfAKeptEndpointIsProbedAtOnceAndKeepsTheVerdict) {
    schedule.set_endpoints(0, name, http_policy("/old"), endpoints(1), start);
    schedule.finish(take_one(start), {.observed = Observed::answered, .http_status = 200}, start);
    schedule.set_endpoints(0, name, http_policy("/new"), endpoints(1), start + 1s);
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(schedule.targets(), 1U);
    const auto job = take_one(start + 1s);
    EXPECT_EQ(job.target.path, "/new");
    EXPECT_EQ(schedule.finish(job, refused, start + 1s).size(), 1U);
}

TEST_F(Schedules, OutcomeOfTheOldTargetIsIgnored) {
    schedule.set_endpoints(0, name, http_policy("/old"), endpoints(1), start);
    const auto old_job = take_one(start);
    schedule.set_endpoints(0, name, http_policy("/new"), endpoints(1), start);
    EXPECT_THAT(schedule.finish(old_job, refused, start), IsEmpty());
    EXPECT_EQ(schedule.find(0, endpoint(1))->status, Status::pending);
}

TEST_F(Schedules, NewNameOfTheServiceIsANewHostHeader) {
    schedule.set_endpoints(0, "old.local", http_policy("/"), endpoints(1), start);
    take_one(start);
    schedule.set_endpoints(0, "new.local", http_policy("/"), endpoints(1), start);
    EXPECT_EQ(take_one(start).target.host, "new.local");
}

TEST_F(Schedules, ShorterIntervalCountsFromNow) {
    schedule.set_endpoints(0, name, tcp_policy(10min), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_endpoints(0, name, tcp_policy(10s), endpoints(1), start + 1s);
    EXPECT_GE(schedule.next_due(), start + 10s);
    EXPECT_LE(schedule.next_due(), start + 11s);
    EXPECT_EQ(schedule.targets(), 1U);
}

TEST_F(Schedules, LongerIntervalCountsFromTheNextProbe) {
    schedule.set_endpoints(0, name, tcp_policy(10s), endpoints(1), start);
    schedule.finish(take_one(start), connected, start);
    schedule.set_endpoints(0, name, tcp_policy(10min), endpoints(1), start + 1s);
    EXPECT_LE(schedule.next_due(), start + 10s);
}

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
