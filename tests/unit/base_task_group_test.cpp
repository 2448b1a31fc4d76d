// Coroutines that share an owner: cancelled and joined together, and no exception of theirs leaves the executor.
#include <optional>
#include <stdexcept>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "base/time.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds limit = 20s;  // how long a join may take before the test gives up

struct Trace {
    int begun = 0;
    int ended = 0;
    std::vector<boost::system::error_code> errors;
};

asio::awaitable<void> return_at_once(Trace* trace) {
    ++trace->begun;
    ++trace->ended;
    co_return;
}

asio::awaitable<void> sleep_for_long(Trace* trace) {
    ++trace->begun;
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    const auto [error] = co_await timer.async_wait(as_result);
    trace->errors.push_back(error);
    ++trace->ended;
}

/// As most of Asio's users write it: no test for cancellation, so the next co_await throws.
asio::awaitable<void> sleep_again_and_again(Trace* trace) {
    ++trace->begun;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (true) {
        timer.expires_after(1h);
        co_await timer.async_wait(as_result);
    }
}

asio::awaitable<void> wait_for_a_turn(Trace* trace) {
    ++trace->begun;
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    ++trace->ended;
}

asio::awaitable<void> loop_until_cancelled(Trace* trace) {
    ++trace->begun;
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        timer.expires_after(1h);
        co_await timer.async_wait(as_result);
    }
    ++trace->ended;
}

asio::awaitable<void> receive_datagram(Trace* trace) {
    ++trace->begun;
    asio::ip::udp::socket socket(co_await asio::this_coro::executor,
                                 asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::array<char, 16> buffer{};
    asio::ip::udp::endpoint sender;
    const auto [error, length] = co_await socket.async_receive_from(asio::buffer(buffer), sender, as_result);
    trace->errors.push_back(error);
    ++trace->ended;
}

asio::awaitable<void> accept_connection(Trace* trace) {
    ++trace->begun;
    asio::ip::tcp::acceptor acceptor(co_await asio::this_coro::executor,
                                     asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    auto [error, socket] = co_await acceptor.async_accept(as_result);
    trace->errors.push_back(error);
    ++trace->ended;
}

asio::awaitable<void> read_what_never_comes(Trace* trace) {
    ++trace->begun;
    const auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::acceptor acceptor(executor, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    asio::ip::tcp::socket socket(executor);
    const auto [connect_error] = co_await socket.async_connect(acceptor.local_endpoint(), as_result);
    EXPECT_FALSE(connect_error);
    std::array<char, 16> buffer{};
    const auto [error, length] = co_await asio::async_read(socket, asio::buffer(buffer), as_result);
    trace->errors.push_back(error);
    ++trace->ended;
}

asio::awaitable<void> throw_at_once() {
    throw std::runtime_error("on purpose");
    co_return;
}

asio::awaitable<void> throw_after_waiting() {
    asio::steady_timer timer(co_await asio::this_coro::executor, 0ms);
    co_await timer.async_wait(as_result);
    throw 42;  // NOLINT(hicpp-exception-baseclass): on purpose no std::exception
}

asio::awaitable<void> throw_an_abort_of_its_own() {
    throw boost::system::system_error(asio::error::operation_aborted);
    co_return;
}

/// Ends, or awaits again, in the very moment in which it has cancelled its whole group, itself included.
asio::awaitable<void> cancel_own_group(TaskGroup* group, bool throws) {
    group->cancel_all();
    if (throws) throw std::runtime_error("after cancel");
    co_return;
}

/// Waits for its cancellation signal alone, and ends *inside* of emit(), not on a later turn of the executor.
asio::awaitable<void> end_inside_of_emit(Trace* trace) {
    ++trace->begun;
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(
        [](auto handler) {
            auto slot = asio::get_associated_cancellation_slot(handler);
            auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
            slot.assign([waiting](asio::cancellation_type) mutable {
                auto resume = std::move(*waiting);
                waiting.reset();
                resume();
            });
        },
        asio::use_awaitable);
    ++trace->ended;
}

asio::awaitable<void> join_into(TaskGroup* group, milliseconds at_most, std::optional<bool>* all_ended) {
    const bool result = co_await group->join(at_most);
    *all_ended = result;
}

class TaskGroups : public testing::Test {
protected:
    /// Lets everything run that is ready.
    void settle() {
        context.restart();
        context.poll();
    }
    /// True if the group's tasks all ended. Ends at once if they do.
    bool join() {
        std::optional<bool> all_ended;
        asio::co_spawn(context, join_into(&*group, limit, &all_ended), asio::detached);
        context.restart();
        while (!all_ended && context.run_one() > 0) {
        }
        return all_ended.value_or(false);
    }

    Trace trace;
    asio::io_context context{1};
    std::optional<TaskGroup> group{std::in_place, context.get_executor()};
};

TEST_F(TaskGroups, JoinOfNoneReturnsAtOnce) { EXPECT_TRUE(join()); }

TEST_F(TaskGroups, CountsWhatRuns) {
    group->spawn("sleeper", sleep_for_long(&trace));
    group->spawn("returner", return_at_once(&trace));
    EXPECT_EQ(group->running(), 2U);
    settle();
    EXPECT_EQ(group->running(), 1U);
    EXPECT_EQ(trace.begun, 2);
    EXPECT_EQ(trace.ended, 1);
}

TEST_F(TaskGroups, JoinEndsWithTheLastTask) {
    group->spawn("returner", return_at_once(&trace));
    group->spawn("returner", return_at_once(&trace));
    EXPECT_TRUE(join());
    EXPECT_EQ(trace.ended, 2);
    EXPECT_EQ(group->failed(), 0U);
}

TEST_F(TaskGroups, JoinGivesUpAtItsLimit) {
    group->spawn("sleeper", sleep_for_long(&trace));
    std::optional<bool> all_ended;
    asio::co_spawn(context, join_into(&*group, 1ms, &all_ended), asio::detached);
    while (!all_ended && context.run_one() > 0) {
    }
    EXPECT_EQ(all_ended, false);
    EXPECT_EQ(group->running(), 1U);
}

TEST_F(TaskGroups, SeveralMayJoin) {
    group->spawn("sleeper", sleep_for_long(&trace));
    std::optional<bool> first;
    std::optional<bool> second;
    asio::co_spawn(context, join_into(&*group, limit, &first), asio::detached);
    asio::co_spawn(context, join_into(&*group, limit, &second), asio::detached);
    settle();
    EXPECT_FALSE(first || second);
    group->cancel_all();
    settle();
    EXPECT_EQ(first, true);
    EXPECT_EQ(second, true);
}

TEST_F(TaskGroups, CancelEndsOneTaskOnly) {
    const auto id = group->spawn("sleeper", sleep_for_long(&trace));
    group->spawn("sleeper", sleep_for_long(&trace));
    settle();
    group->cancel(id);
    settle();
    EXPECT_EQ(trace.ended, 1);
    EXPECT_EQ(group->running(), 1U);
}

TEST_F(TaskGroups, CancelOfAnEndedTaskDoesNothing) {
    const auto id = group->spawn("returner", return_at_once(&trace));
    ASSERT_TRUE(join());
    group->cancel(id);
    group->cancel(id + 100);
    settle();
    EXPECT_EQ(group->running(), 0U);
}

struct WaitCase {
    const char* name;
    asio::awaitable<void> (*task)(Trace*);
    bool sees_the_error;  // false: the task's end is an exception of Asio's
};

void PrintTo(const WaitCase& c, std::ostream* out) { *out << c.name; }

class CancelledWait : public TaskGroups, public testing::WithParamInterface<WaitCase> {};

TEST_P(CancelledWait, EndsAtOnceAndIsNoFailure) {
    group->spawn(GetParam().name, GetParam().task(&trace));
    settle();
    ASSERT_EQ(group->running(), 1U);
    group->cancel_all();
    ASSERT_TRUE(join());
    EXPECT_EQ(trace.begun, 1);
    EXPECT_EQ(trace.ended, GetParam().sees_the_error ? 1 : 0);
    for (const auto& error : trace.errors) EXPECT_EQ(error, asio::error::operation_aborted);
    EXPECT_EQ(group->failed(), 0U);
}

TEST_P(CancelledWait, NeverBeginsWhenCancelledBefore) {
    group->spawn(GetParam().name, GetParam().task(&trace));
    group->cancel_all();
    ASSERT_TRUE(join());
    EXPECT_EQ(trace.begun, 0);
    EXPECT_EQ(group->failed(), 0U);
}

TEST_P(CancelledWait, EndsWhenItsGroupIsDestroyed) {
    group->spawn(GetParam().name, GetParam().task(&trace));
    settle();
    group.reset();
    context.restart();
    EXPECT_GT(context.run_for(limit), 0U);
    EXPECT_TRUE(context.stopped()) << "something still waits";
    EXPECT_EQ(trace.ended, GetParam().sees_the_error ? 1 : 0);
}

TEST_P(CancelledWait, MayBeLeftBehindByItsExecutor) {
    asio::io_context other(1);
    TaskGroup doomed(other.get_executor());
    doomed.spawn(GetParam().name, GetParam().task(&trace));
    other.poll();
    EXPECT_EQ(doomed.running(), 1U);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    TaskGroup, CancelledWait,
    testing::Values(
        WaitCase{"Timer",              sleep_for_long,        true},
        WaitCase{"TimerAgainAndAgain", sleep_again_and_again, false},
        WaitCase{"LoopThatTests",      loop_until_cancelled,  true},
        WaitCase{"DatagramReceive",    receive_datagram,      true},
        WaitCase{"TcpAccept",          accept_connection,     true},
        WaitCase{"TcpRead",            read_what_never_comes, true}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST_F(TaskGroups, ExceptionsEndTheirTaskAndNothingElse) {
    group->spawn("sleeper", sleep_for_long(&trace));
    group->spawn("thrower", throw_at_once());
    group->spawn("thrower", throw_after_waiting());
    group->spawn("thrower", throw_an_abort_of_its_own());  // not cancelled: a failure like others
    context.restart();
    while (group->running() > 1 && context.run_one() > 0) {
    }
    EXPECT_EQ(group->running(), 1U);
    EXPECT_EQ(group->failed(), 3U);
}

TEST_F(TaskGroups, TaskMayCancelItsOwnGroup) {
    group->spawn("sleeper", sleep_for_long(&trace));
    settle();
    group->spawn("canceller", cancel_own_group(&*group, false));
    EXPECT_TRUE(join());
    EXPECT_EQ(trace.ended, 1);
    EXPECT_EQ(group->failed(), 0U);
}

TEST_F(TaskGroups, TaskMayThrowAfterCancellingItself) {
    group->spawn("canceller", cancel_own_group(&*group, true));
    EXPECT_TRUE(join());
    EXPECT_EQ(group->failed(), 1U);
}

TEST_F(TaskGroups, TasksMayEndWhileTheyAreCancelled) {
    for (int i = 0; i < 3; ++i) group->spawn("inside", end_inside_of_emit(&trace));
    settle();
    ASSERT_EQ(trace.begun, 3);
    asio::post(context, [this] { group->cancel_all(); });  // on the executor, where everything runs inline
    EXPECT_TRUE(join());
    EXPECT_EQ(trace.ended, 3);
}

TEST_F(TaskGroups, TaskMayEndBetweenItsCancellationAndTheSignal) {
    group->spawn("turn", wait_for_a_turn(&trace));
    group->spawn("returner", return_at_once(&trace));
    while (trace.begun < 2) context.run_one();
    group->cancel_all();  // off the executor, so the signals come after the ends that are queued already
    EXPECT_TRUE(join());
    EXPECT_EQ(trace.ended, 2);
    EXPECT_EQ(group->failed(), 0U);
}

TEST_F(TaskGroups, TasksMaySpawnTasks) {
    asio::post(context, [this] { group->spawn("returner", return_at_once(&trace)); });
    settle();
    EXPECT_EQ(trace.ended, 1);
    EXPECT_EQ(group->running(), 0U);
}

}  // namespace
}  // namespace taskdns
