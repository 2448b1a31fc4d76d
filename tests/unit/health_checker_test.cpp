// The checker as its owner sees it: fake probes on a real executor, order and counts only. The times:
// health_schedule.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/checker.hpp"
#include "unit/health_endpoints.hpp"

namespace taskdns::health {
namespace {

constexpr milliseconds patience = 20s;

/// One probe and no other soon, unless `interval` says so.
config::Health probed_every(milliseconds interval = 1h) {
    config::Health policy = tcp_policy(interval);
    policy.fast_interval = interval;
    return policy;
}

/// Where the fake probes look up what to say; one that waits does so until it is cancelled or released.
struct Fake {
    enum class Manner { answer, wait, fail };

    Manner manner = Manner::answer;
    Outcome outcome{.observed = Observed::connected};
    std::vector<SocketAddress> probed;
    unsigned in_flight = 0;
    unsigned most_in_flight = 0;
    std::vector<asio::steady_timer*> waiting;

    void release_all() {
        for (asio::steady_timer* timer : std::exchange(waiting, {})) timer->cancel();
    }
};

asio::awaitable<Outcome> fake_probe(std::shared_ptr<Fake> fake, Target target, milliseconds) {
    fake->probed.push_back(target.address);
    fake->most_in_flight = std::max(fake->most_in_flight, ++fake->in_flight);
    if (fake->manner == Fake::Manner::fail) {
        --fake->in_flight;
        throw std::runtime_error("a probe never throws");
    }
    if (fake->manner == Fake::Manner::wait) {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        fake->waiting.push_back(&timer);
        co_await timer.async_wait(as_result);
        std::erase(fake->waiting, &timer);
    }
    --fake->in_flight;
    co_return fake->outcome;
}

asio::awaitable<void> stop_into(Checker* checker, milliseconds limit, std::optional<bool>* stopped) {
    const bool result = co_await checker->stop(limit);
    *stopped = result;
}

class Checkers : public testing::Test {
protected:
    void SetUp() override {
        checker.emplace(
            context.get_executor(),
            [fake = fake](Target target, milliseconds timeout) {
                return fake_probe(fake, std::move(target), timeout);
            },
            [this](const Checker::Event& event) {
                events.push_back(event);
                if (on_event) on_event(event);
            },
            1);
    }
    void TearDown() override {
        checker.reset();
        settle();
        EXPECT_EQ(fake->in_flight, 0U) << "a probe outlived its checker";
    }
    void settle() {
        context.restart();
        context.poll();
    }
    void run_until(const std::function<bool()>& reached) {
        const TimePoint give_up = Clock::now() + patience;
        context.restart();
        while (!reached() && Clock::now() < give_up) context.run_one_until(give_up);
        ASSERT_TRUE(reached());
    }
    std::optional<bool> stop(milliseconds limit) {
        std::optional<bool> stopped;
        asio::co_spawn(context, stop_into(&*checker, limit, &stopped), asio::detached);
        run_until([&] { return stopped.has_value(); });
        return stopped;
    }
    std::size_t changes() const {
        return static_cast<std::size_t>(std::ranges::count_if(events, [](const auto& e) { return e.changed; }));
    }

    asio::io_context context{1};
    std::shared_ptr<Fake> fake = std::make_shared<Fake>();
    std::vector<Checker::Event> events;
    std::function<void(const Checker::Event&)> on_event;
    std::optional<Checker> checker;
};

TEST_F(Checkers, ProbesNewEndpointsAndReportsThem) {
    checker->set_endpoints(3, "orders.local", probed_every(), endpoints(2));
    EXPECT_TRUE(events.empty()) << "never from within a call";
    settle();
    EXPECT_THAT(fake->probed, testing::ElementsAre(endpoint(1), endpoint(2)));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0], (Checker::Event{3, endpoint(1), true}));
    EXPECT_EQ(checker->find(3, endpoint(1))->status, Status::healthy);
    EXPECT_EQ(checker->find(3, endpoint(9)), nullptr);
}

TEST_F(Checkers, WakesForEndpointsThatComeWhileItSleeps) {
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(1));
    settle();
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(2));
    settle();
    EXPECT_THAT(fake->probed, testing::ElementsAre(endpoint(1), endpoint(2)));
}

TEST_F(Checkers, ProbesAgainAndAgain) {
    checker->set_endpoints(0, "orders.local", probed_every(1ms), endpoints(1));
    run_until([&] { return events.size() >= 5; });
    EXPECT_EQ(changes(), 1U);
}

TEST_F(Checkers, FollowsTheEndpointDownAndUpAgain) {
    config::Health policy = probed_every(1ms);
    checker->set_endpoints(0, "orders.local", policy, endpoints(1));
    run_until([&] { return changes() == 1; });
    fake->outcome.observed = Observed::refused;
    run_until([&] { return changes() == 2; });
    EXPECT_EQ(checker->find(0, endpoint(1))->status, Status::unhealthy);
    fake->outcome.observed = Observed::connected;
    run_until([&] { return changes() == 3; });
    EXPECT_EQ(checker->find(0, endpoint(1))->status, Status::healthy);
}

TEST_F(Checkers, CountsEveryKindOfOutcome) {
    const auto probe_as = [this](Observed observed, int number) {
        fake->outcome.observed = observed;
        checker->set_endpoints(0, "orders.local", probed_every(), endpoints(number));
        settle();
    };
    probe_as(Observed::connected, 1);
    probe_as(Observed::refused, 2);
    probe_as(Observed::timeout, 3);
    probe_as(Observed::local_fault, 4);
    probe_as(Observed::late_timeout, 5);
    EXPECT_EQ(checker->counters().probes.value(), 5U);
    EXPECT_EQ(checker->counters().successes.value(), 1U);
    EXPECT_EQ(checker->counters().failures.value(), 2U);
    EXPECT_EQ(checker->counters().local_faults.value(), 1U);
    EXPECT_EQ(checker->counters().late_timeouts.value(), 1U);
    const auto& outcomes = checker->counters().outcomes;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto observed = static_cast<Observed>(i);
        const bool was_seen = observed == Observed::connected || observed == Observed::refused ||
                              observed == Observed::timeout || observed == Observed::local_fault ||
                              observed == Observed::late_timeout;
        EXPECT_EQ(outcomes[i].value(), was_seen ? 1U : 0U) << to_string(observed);
    }
    EXPECT_EQ(checker->counters().probe_time.read().count, 3U) << "the others took no time of the endpoint's";
    EXPECT_EQ(checker->in_flight(), 0U);
    EXPECT_EQ(checker->targets(), 5U);
}

TEST_F(Checkers, HasNoMoreInFlightThanAllowedAndGetsToAll) {
    fake->manner = Fake::Manner::wait;
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(600));
    settle();
    EXPECT_EQ(fake->in_flight, Checker::max_in_flight);
    for (int round = 0; round < 3; ++round) {
        fake->release_all();
        settle();
    }
    EXPECT_EQ(events.size(), 600U);
    EXPECT_EQ(fake->most_in_flight, Checker::max_in_flight);
    EXPECT_EQ(fake->probed, endpoints(600));
}

/// How many of 10 endpoints a checker of its own has in flight that may have `most`.
unsigned in_flight_of_ten(unsigned most) {
    asio::io_context context(1);
    auto fake = std::make_shared<Fake>();
    fake->manner = Fake::Manner::wait;
    Checker checker(
        context.get_executor(),
        [fake](Target target, milliseconds timeout) { return fake_probe(fake, std::move(target), timeout); },
        [](const Checker::Event&) {}, 1, most);
    checker.set_endpoints(0, "orders.local", probed_every(), endpoints(10));
    context.poll();
    return fake->in_flight;
}

TEST(CheckersOfTheirOwn, HaveNoMoreInFlightThanTheyMay) {
    EXPECT_EQ(in_flight_of_ten(3), 3U);
    EXPECT_EQ(in_flight_of_ten(10), 10U);
    EXPECT_EQ(in_flight_of_ten(0), 1U) << "never none";
}

TEST_F(Checkers, WakesForAServiceThatSomebodyAsksFor) {
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(2));
    checker->set_idle(0, true);
    settle();
    EXPECT_EQ(fake->probed.size(), 2U);
    checker->set_idle(0, false);
    EXPECT_EQ(fake->probed.size(), 2U) << "never from within a call";
    settle();
    EXPECT_THAT(fake->probed, testing::ElementsAre(endpoint(1), endpoint(2), endpoint(1), endpoint(2)));
}

TEST_F(Checkers, IgnoresTheOutcomeOfARemovedEndpoint) {
    fake->manner = Fake::Manner::wait;
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(1));
    settle();
    checker->set_endpoints(0, "orders.local", probed_every(), {});
    fake->release_all();
    settle();
    EXPECT_EQ(fake->in_flight, 0U);
    EXPECT_TRUE(events.empty());
}

TEST_F(Checkers, CallbackMayChangeTheEndpoints) {
    on_event = [this](const Checker::Event& event) {
        EXPECT_NE(checker->find(event.service, event.endpoint), nullptr);
        checker->set_endpoints(event.service, "orders.local", probed_every(), {endpoint(2)});
    };
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(1));
    settle();
    EXPECT_THAT(fake->probed, testing::ElementsAre(endpoint(1), endpoint(2)));
    EXPECT_EQ(checker->find(0, endpoint(1)), nullptr);
}

TEST_F(Checkers, ProbeThatThrowsIsALocalFaultAndIsTriedAgain) {
    fake->manner = Fake::Manner::fail;
    checker->set_endpoints(0, "orders.local", probed_every(1ms), endpoints(1));
    run_until([&] { return events.size() >= 3; });
    EXPECT_EQ(checker->find(0, endpoint(1))->status, Status::pending);
    EXPECT_TRUE(checker->find(0, endpoint(1))->local_fault);
    EXPECT_GE(checker->counters().local_faults.value(), 3U);
}

TEST_F(Checkers, StopEndsIdleChecker) { EXPECT_EQ(stop(patience), true); }

TEST_F(Checkers, StopEndsProbesInFlightWithoutAReport) {
    fake->manner = Fake::Manner::wait;
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(300));
    settle();
    EXPECT_EQ(stop(patience), true);
    EXPECT_EQ(fake->in_flight, 0U);
    EXPECT_TRUE(events.empty());
}

TEST_F(Checkers, ProbesNothingAfterStop) {
    EXPECT_EQ(stop(patience), true);
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(3));
    settle();
    EXPECT_TRUE(fake->probed.empty());
    EXPECT_EQ(stop(patience), true);
}

TEST_F(Checkers, CallbackMayStopIt) {
    on_event = [this](const Checker::Event&) { checker.reset(); };
    checker->set_endpoints(0, "orders.local", probed_every(1ms), endpoints(50));
    checker->set_endpoints(1, "other.local", probed_every(1ms), endpoints(50));  // told of the same outcomes
    settle();
    EXPECT_EQ(events.size(), 1U);
}

TEST_F(Checkers, DestroyedWhileProbesAreInFlightReportsNothing) {
    fake->manner = Fake::Manner::wait;
    checker->set_endpoints(0, "orders.local", probed_every(), endpoints(3));
    settle();
    EXPECT_EQ(fake->in_flight, 3U);
    checker.reset();
    settle();
    EXPECT_EQ(fake->in_flight, 0U);
    EXPECT_TRUE(events.empty());
}

TEST_F(Checkers, MayBeLeftBehindByItsExecutor) {
    asio::io_context other(1);
    auto own_fake = std::make_shared<Fake>();
    own_fake->manner = Fake::Manner::wait;
    Checker doomed(
        other.get_executor(),
        [own_fake](Target target, milliseconds timeout) { return fake_probe(own_fake, std::move(target), timeout); },
        [](const Checker::Event&) { ADD_FAILURE(); }, 1);
    doomed.set_endpoints(0, "orders.local", probed_every(), endpoints(3));
    other.poll();
    EXPECT_EQ(own_fake->in_flight, 3U);
}

}  // namespace
}  // namespace taskdns::health
