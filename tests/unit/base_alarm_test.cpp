// What is to be done is done once there is memory: an alarm needs none to ring, and rings again until it is done.
#include <new>
#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/alarm.hpp"
#include "support/allocations.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;
using testing_support::NoMemory;

TEST(Alarm, RingsOncePerSetting) {
    asio::io_context io;
    int rung = 0;
    Alarm alarm(io.get_executor(), "test", [&rung] { ++rung; });
    alarm.set_now();
    alarm.set_now();
    EXPECT_EQ(rung, 0) << "never from within set()";
    io.poll();
    EXPECT_EQ(rung, 1);
    io.poll();
    EXPECT_EQ(rung, 1);
    alarm.set_now();
    io.poll();
    EXPECT_EQ(rung, 2);
}

TEST(Alarm, KeepsTheEarlierOfTwoTimes) {
    asio::io_context io;
    int rung = 0;
    Alarm alarm(io.get_executor(), "test", [&rung] { ++rung; });
    alarm.set_now();
    alarm.set(Clock::now() + 1h);
    io.poll();
    EXPECT_EQ(rung, 1);
}

TEST(Alarm, RingsNoMoreOnceClearedOrGone) {
    asio::io_context io;
    int rung = 0;
    {
        Alarm alarm(io.get_executor(), "test", [&rung] { ++rung; });
        alarm.set_now();
        alarm.clear();
        io.poll();
        alarm.set_now();
    }
    io.restart();
    io.run();  // it has no work left
    EXPECT_EQ(rung, 0);
}

TEST(Alarm, MayBeSetAndDestroyedWhileItRings) {
    asio::io_context io;
    int rung = 0;
    std::unique_ptr<Alarm> alarm;
    alarm = std::make_unique<Alarm>(io.get_executor(), "test", [&] {
        if (++rung == 3) {
            alarm.reset();
        } else {
            alarm->set_now();
        }
    });
    alarm->set_now();
    io.run();
    EXPECT_EQ(rung, 3);
}

TEST(Alarm, NeedsNoMemoryToRing) {
    asio::io_context io;
    int rung = 0;
    Alarm alarm(io.get_executor(), "test", [&rung] { ++rung; });
    io.poll();
    bool failed = false;
    {
        NoMemory no_memory;
        for (int i = 0; i < 100; ++i) {
            alarm.set_now();
            io.poll();
        }
        failed = no_memory.end();
    }
    EXPECT_EQ(rung, 100);
    EXPECT_FALSE(failed) << "it took memory, the reserve's perhaps";
}

TEST(Alarm, RingsAgainUntilItIsDone) {
    asio::io_context io;
    int rung = 0;
    const std::uint64_t before = Alarm::failures();
    std::unique_ptr<Alarm> alarm;
    alarm = std::make_unique<Alarm>(io.get_executor(), "test", [&] {
        if (++rung < 3) throw std::bad_alloc();
        alarm.reset();
    });
    const TimePoint begun = Clock::now();
    alarm->set_now();
    io.run();
    EXPECT_EQ(rung, 3);
    EXPECT_EQ(Alarm::failures() - before, 2U);
    EXPECT_GE(Clock::now() - begun, 300ms) << "100 ms, then 200 ms";
}

/// Saying that it failed takes memory, too.
TEST(Alarm, RingsAgainThoughItCannotBeSaidThatItFailed) {
    asio::io_context io;
    bool done = false;
    std::unique_ptr<Alarm> alarm;
    alarm = std::make_unique<Alarm>(io.get_executor(), "what has a name that takes memory to be written", [&] {
        const auto wanted = std::make_unique<int>(1);
        done = true;
        alarm.reset();
    });
    io.poll();
    {
        NoMemory no_memory;
        alarm->set_now();
        io.poll();
    }
    ASSERT_FALSE(done);
    io.run_for(5s);
    EXPECT_TRUE(done);
}

}  // namespace
}  // namespace taskdns
