// Loops that a group keeps: no exception and no lack of memory ends them for good.
#include <new>
#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "base/time.hpp"
#include "support/allocations.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;
using testing_support::NoMemory;
using testing_support::run_until;

struct Trace {
    int begun = 0;
    int turns = 0;
    int destroyed = 0;
};

/// Destroyed with its coroutine, however that ends.
struct Witness {
    explicit Witness(Trace* t) : trace(t) {}
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    ~Witness() { ++trace->destroyed; }
    Trace* trace;
};

asio::awaitable<void> throw_twice(Trace* trace) {
    if (++trace->begun < 3) throw std::runtime_error("not yet");
    co_return;
}

/// Each turn takes memory: for the wait, and, as timers of its own do, in Asio's queue of timers.
asio::awaitable<void> turn_for_ever(Trace* trace) {
    ++trace->begun;
    const Witness witness(trace);
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;
    std::vector<std::unique_ptr<asio::steady_timer>> others;
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        ++trace->turns;
        others.push_back(std::make_unique<asio::steady_timer>(executor, 1h));
        others.back()->async_wait([](const boost::system::error_code&) {});
        asio::steady_timer timer(executor, 1ms);
        co_await timer.async_wait(as_result);
    }
}

class TaskGroupKept : public testing::Test {
protected:
    asio::io_context io;
    Trace trace;
    TaskGroup group{io.get_executor()};

    /// As the daemon's loop does.
    int run_for(milliseconds time) {
        int caught = 0;
        const TimePoint end = Clock::now() + time;
        while (Clock::now() < end) {
            try {
                io.restart();
                io.run_one_until(end);
            } catch (const std::exception&) {
                ++caught;
            }
        }
        return caught;
    }
    void end() {
        group.cancel_all();
        run_until(io, [this] { return group.running() == 0; });
    }
};

TEST_F(TaskGroupKept, LoopBeginsAgainAfterAnException) {
    const std::uint64_t before = TaskGroup::revived();
    group.keep("test", [this] { return throw_twice(&trace); });
    EXPECT_EQ(group.running(), 1U);
    run_until(io, [this] { return group.running() == 0; });
    EXPECT_EQ(trace.begun, 3);
    EXPECT_EQ(group.failed(), 2U);
    EXPECT_EQ(TaskGroup::revived() - before, 2U);
    io.restart();
    io.run();  // it returned: nothing is left that would begin it again
    EXPECT_EQ(trace.begun, 3);
}

TEST_F(TaskGroupKept, CancelEndsOneThatWaitsToBeginAgain) {
    const auto id = group.keep("test", [this] { return throw_twice(&trace); });
    run_until(io, [this] { return group.failed() == 1; });
    group.cancel(id);
    EXPECT_EQ(group.running(), 0U);
    io.restart();
    io.run();
    EXPECT_EQ(trace.begun, 1);
}

TEST_F(TaskGroupKept, CancelEndsOneThatRuns) {
    group.keep("test", [this] { return turn_for_ever(&trace); });
    run_for(10ms);
    end();
    EXPECT_EQ(trace.destroyed, 1);
    EXPECT_EQ(group.failed(), 0U);
}

/// Wherever the n-th allocation fails, and all after it for a while: the loop goes on afterwards.
TEST_F(TaskGroupKept, NoFailingAllocationEndsALoopForGood) {
    group.keep("test", [this] { return turn_for_ever(&trace); });
    int loops_lost = 0;
    for (std::size_t n = 0; n < 40; ++n) {
        const int begun = trace.begun;
        {
            NoMemory no_memory(n, 50);
            run_for(3ms);
        }
        const int turns = trace.turns;
        run_until(io, [&] { return trace.turns > turns + 2; });
        if (trace.begun != begun) ++loops_lost;
    }
    EXPECT_GT(loops_lost, 0) << "no allocation failed: the test proves nothing";
    end();
    EXPECT_EQ(trace.begun, trace.destroyed) << "each frame is destroyed, whatever ended it";
}

TEST_F(TaskGroupKept, BeginsAgainThoughThereIsNoMemoryToBeginIt) {
    group.keep("test", [this] { return throw_twice(&trace); });
    run_until(io, [this] { return group.failed() == 1; });
    {
        NoMemory no_memory;
        run_for(450ms);  // its first tries
    }
    run_until(io, [this] { return group.running() == 0; });
    EXPECT_EQ(trace.begun, 3);
}

TEST_F(TaskGroupKept, SpawnThatCannotBeginThrowsAndLeavesNothing) {
    int thrown = 0;
    std::size_t n = 0;
    for (; n < 100; ++n) {
        NoMemory no_memory(n, 1);
        try {
            group.spawn("test", turn_for_ever(&trace));
        } catch (const std::bad_alloc&) {
            ++thrown;
        }
        if (!no_memory.end()) break;
        end();
    }
    EXPECT_LT(n, 100U);
    EXPECT_GT(thrown, 0);
    end();
    EXPECT_EQ(trace.begun, trace.destroyed);
}

}  // namespace
}  // namespace taskdns
