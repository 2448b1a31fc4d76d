// When the next poll is due, and the loop that polls, under a source that answers at once or never.
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "discovery/poller.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns::discovery {
namespace {

using namespace std::chrono_literals;

struct DelayCase {
    const char* name;
    Observation observation;
    unsigned failures;
    double jitter;
    milliseconds delay;
};
void PrintTo(const DelayCase& c, std::ostream* out) { *out << c.name; }

class NextDelay : public testing::TestWithParam<DelayCase> {};

TEST_P(NextDelay, Is) {
    const DelayCase& c = GetParam();
    EXPECT_EQ(next_delay(c.observation, c.failures, {.min = 2s, .max = 30s}, c.jitter), c.delay);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Discovery, NextDelay,
    testing::Values(
        DelayCase{"TheTtl",               Records{{}, 7s},     0, 0,   7s},
        DelayCase{"TtlZero",              Records{{}, 0s},     0, 0,   2s},
        DelayCase{"BelowMin",             Records{{}, 1999ms}, 0, 0,   2s},
        DelayCase{"AtMin",                Records{{}, 2s},     0, 0,   2s},
        DelayCase{"AtMax",                Records{{}, 30s},    0, 0,   30s},
        DelayCase{"AboveMax",             Records{{}, 60s},    0, 0,   30s},
        DelayCase{"JitterIsATenth",       Records{{}, 5s},     0, 1,   5500ms},
        DelayCase{"HalfTheJitter",        Records{{}, 5s},     0, 0.5, 5250ms},
        DelayCase{"JitterAtMostASecond",  Records{{}, 30s},    0, 1,   31s},
        DelayCase{"JitterAfterTheClamp",  Records{{}, 0s},     0, 1,   2200ms},
        DelayCase{"Empty",                Empty{5s, ""},       0, 0,   5s},
        DelayCase{"EmptyWithALongSoa",    Empty{900s, ""},     0, 0,   30s},
        DelayCase{"EmptyWithJitter",      Empty{5s, ""},       0, 1,   5500ms},
        DelayCase{"FirstFailure",         Failed{""},          1, 0.5, 1s},
        DelayCase{"FirstFailureEarliest", Failed{""},          1, 0,   800ms},
        DelayCase{"FirstFailureLatest",   Failed{""},          1, 1,   1200ms},
        DelayCase{"SecondFailure",        Failed{""},          2, 0.5, 1600ms},
        DelayCase{"ThirdFailure",         Failed{""},          3, 0.5, 2560ms},
        DelayCase{"EighthFailure",        Failed{""},          8, 0.5, 26'844ms},
        DelayCase{"NinthFailure",         Failed{""},          9, 0.5, 30s},
        DelayCase{"LastEarliest",         Failed{""},          9, 0,   24s},
        DelayCase{"LastLatest",           Failed{""},          9, 1,   36s},
        DelayCase{"ManyFailures",         Failed{""},          4'000'000'000, 0.5, 30s}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

/// Gives the observations it was told to, one after the other, then never returns from observe() until cancelled.
class ScriptedSource final : public Source {
public:
    explicit ScriptedSource(std::vector<Observation> script) : script_(std::move(script)) {}

    asio::awaitable<Observation> observe() override {
        ++asked;
        if (asked <= script_.size()) co_return script_[asked - 1];
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer forever(executor, never);
        co_await forever.async_wait(as_result);
        co_return Failed{"cancelled"};
    }

    std::size_t asked = 0;

private:
    std::vector<Observation> script_;
};

class Poll : public testing::Test {
protected:
    asio::io_context io;
    TaskGroup tasks{io.get_executor()};
    std::vector<milliseconds> delays;

    OnObservation note() {
        return [this](const Observation&, milliseconds delay) { delays.push_back(delay); };
    }
    void run_until_ended() {
        testing_support::run_until(io, [this] { return tasks.running() == 0; });
    }
};

TEST_F(Poll, PollsAtOnceAndAgainAfterTheDelay) {
    ScriptedSource source({Records{{}, 1ms}, Records{{}, 1ms}, Records{{}, 1ms}});
    tasks.spawn("poll", poll(source, {.min = 1ms, .max = 1ms}, note(), 1));
    testing_support::run_until(io, [&] { return source.asked == 4; });
    EXPECT_EQ(delays, (std::vector<milliseconds>{1ms, 1ms, 1ms}));
    tasks.cancel_all();
    run_until_ended();
}

TEST_F(Poll, SaysHowLongItIsUntilTheNext) {
    ScriptedSource source({Records{{}, 20s}});
    tasks.spawn("poll", poll(source, {.min = 2s, .max = 30s}, note(), 1));
    testing_support::run_until(io, [&] { return !delays.empty(); });
    EXPECT_GE(delays[0], 20s);
    EXPECT_LE(delays[0], 21s);
    tasks.cancel_all();
    run_until_ended();
}

TEST_F(Poll, AsksNoMoreWhenCancelledWhileSleeping) {
    ScriptedSource source({Records{{}, 20s}});
    tasks.spawn("poll", poll(source, {.min = 2s, .max = 30s}, note(), 1));
    testing_support::run_until(io, [&] { return !delays.empty(); });
    tasks.cancel_all();
    run_until_ended();
    EXPECT_EQ(source.asked, 1U);
    EXPECT_EQ(delays.size(), 1U);
}

TEST_F(Poll, ReportsNothingWhenCancelledWhileTheQueryIsInFlight) {
    ScriptedSource source({});
    tasks.spawn("poll", poll(source, {}, note(), 1));
    testing_support::run_until(io, [&] { return source.asked == 1; });
    tasks.cancel_all();
    run_until_ended();
    EXPECT_EQ(source.asked, 1U);
    EXPECT_TRUE(delays.empty());
}

TEST_F(Poll, EndsWhenCancelledByWhomItTold) {
    ScriptedSource source({Records{{}, 20s}});
    tasks.spawn("poll", poll(
                            source, {}, [this](const Observation&, milliseconds) { tasks.cancel_all(); }, 1));
    run_until_ended();
    EXPECT_EQ(source.asked, 1U);
}

TEST_F(Poll, BacksOffWhileItFailsAndStartsAnewAfterAnAnswer) {
    // The first failure's delay, about a second, is slept through; the later ones are in the table above.
    ScriptedSource source({Failed{"timeout"}, Failed{"timeout"}});
    tasks.spawn("poll", poll(source, {.min = 1ms, .max = 1ms}, note(), 1));
    testing_support::run_until(io, [&] { return delays.size() == 2; });
    EXPECT_GE(delays[0], 800ms);
    EXPECT_LE(delays[0], 1200ms);
    EXPECT_GE(delays[1], 1280ms);
    EXPECT_LE(delays[1], 1920ms);
    tasks.cancel_all();
    run_until_ended();
}

TEST_F(Poll, StartsAnewAfterAnAnswer) {
    ScriptedSource source({Failed{"timeout"}, Records{{}, 1ms}, Failed{"timeout"}});
    tasks.spawn("poll", poll(source, {.min = 1ms, .max = 1ms}, note(), 1));
    testing_support::run_until(io, [&] { return delays.size() == 3; });
    EXPECT_EQ(delays[1], 1ms);
    EXPECT_LE(delays[2], 1200ms);  // a second failure in a row would wait at least 1,280 ms
    tasks.cancel_all();
    run_until_ended();
}

}  // namespace
}  // namespace taskdns::discovery
