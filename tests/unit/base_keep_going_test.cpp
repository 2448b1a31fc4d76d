// Loops that go on after an exception, until they return or are cancelled.
#include <new>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/keep_going.hpp"
#include "base/task_group.hpp"
#include "base/time.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;
using testing_support::run_until;

struct Trace {
    int begun = 0;
};

asio::awaitable<void> throw_twice(Trace* trace) {
    if (++trace->begun < 3) throw std::bad_alloc();
    co_return;
}

class KeepGoing : public testing::Test {
protected:
    asio::io_context io;
    Trace trace;
    TaskGroup group{io.get_executor()};
};

TEST_F(KeepGoing, BeginsAgainUntilItReturns) {
    const std::uint64_t before = loops_begun_again();
    const TimePoint begun = Clock::now();
    group.spawn("test", keep_going([this] { return throw_twice(&trace); }));
    run_until(io, [this] { return group.running() == 0; });
    EXPECT_EQ(trace.begun, 3);
    EXPECT_EQ(loops_begun_again() - before, 2U);
    EXPECT_EQ(group.failed(), 0U);
    EXPECT_GE(Clock::now() - begun, 300ms) << "100 ms, then 200 ms";
}

TEST_F(KeepGoing, CancelEndsThePause) {
    group.spawn("test", keep_going([this] { return throw_twice(&trace); }));
    run_until(io, [this] { return trace.begun == 2; });
    group.cancel_all();
    run_until(io, [this] { return group.running() == 0; });
    EXPECT_EQ(trace.begun, 2);
}

}  // namespace
}  // namespace taskdns
