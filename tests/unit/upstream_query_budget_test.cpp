// The budget that all outgoing queries share.
#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "upstream/query_budget.hpp"

namespace taskdns::upstream {
namespace {

using namespace std::chrono_literals;

const TimePoint start{1'000s};

unsigned take_all(QueryBudget& budget, Purpose purpose, unsigned cost, TimePoint now) {
    unsigned taken = 0;
    while (budget.take(purpose, cost, now)) ++taken;
    return taken;
}

struct BudgetCase {
    const char* name;
    unsigned max_qps;
    Purpose used_by;  // empties its share first
    Duration later;   // ... and after this
    Purpose purpose;  // this one takes what it can
    unsigned cost;
    unsigned taken;
};
void PrintTo(const BudgetCase& c, std::ostream* out) { *out << c.name; }

class Budget : public testing::TestWithParam<BudgetCase> {};

TEST_P(Budget, GivesWhatIsLeft) {
    const BudgetCase& c = GetParam();
    QueryBudget budget(c.max_qps);
    take_all(budget, c.used_by, 1, start);
    EXPECT_EQ(take_all(budget, c.purpose, c.cost, start + c.later), c.taken);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Upstream, Budget,
    testing::Values(
        BudgetCase{"ReserveForPolls",        500, Purpose::forward, 0ms,    Purpose::poll,    1, 100},
        BudgetCase{"ReserveInTcp",           500, Purpose::forward, 0ms,    Purpose::poll,    5, 20},
        BudgetCase{"PollsUseItUp",           500, Purpose::poll,    0ms,    Purpose::poll,    1, 0},
        BudgetCase{"NothingLeftToForward",   500, Purpose::poll,    0ms,    Purpose::forward, 1, 0},
        BudgetCase{"ForwardStaysOutOfLast5th", 500, Purpose::poll,  200ms,  Purpose::forward, 1, 0},
        BudgetCase{"ForwardAfterThat",       500, Purpose::poll,    202ms,  Purpose::forward, 1, 1},
        BudgetCase{"RefillsWithTime",        500, Purpose::poll,    10ms,   Purpose::poll,    1, 5},
        BudgetCase{"TcpCostsFive",           500, Purpose::poll,    100ms,  Purpose::poll,    5, 10},
        BudgetCase{"FullAfterASecond",       500, Purpose::poll,    1s,     Purpose::poll,    1, 500},
        BudgetCase{"NeverMoreThanASecond",   500, Purpose::poll,    1h,     Purpose::poll,    1, 500},
        BudgetCase{"ForwardFourFifths",      500, Purpose::poll,    1h,     Purpose::forward, 1, 400},
        BudgetCase{"TcpAboveASmallBucket",     2, Purpose::poll,    1h,     Purpose::poll,    5, 1},
        BudgetCase{"NotBeforeItIsFull",        2, Purpose::poll,    999ms,  Purpose::poll,    5, 0},
        BudgetCase{"AtLeastOneAtZero",         0, Purpose::poll,    1s,     Purpose::poll,    1, 1}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(QueryBudget, StartsFull) {
    QueryBudget budget(500);
    EXPECT_EQ(take_all(budget, Purpose::poll, 1, start), 500U);
    QueryBudget at_the_clocks_epoch(500);
    EXPECT_EQ(take_all(at_the_clocks_epoch, Purpose::poll, 1, TimePoint{}), 500U);
}

TEST(QueryBudget, WaitIsTheMomentWhenTakeSucceeds) {
    for (const Purpose purpose : {Purpose::poll, Purpose::forward}) {
        for (const unsigned cost : {QueryBudget::udp_cost, QueryBudget::tcp_cost}) {
            QueryBudget budget(100);
            EXPECT_EQ(budget.wait(purpose, cost, start), 0ns);
            take_all(budget, Purpose::poll, 1, start);
            const Duration wait = budget.wait(purpose, cost, start);
            ASSERT_GT(wait, 0ns);
            EXPECT_FALSE(budget.take(purpose, cost, start + wait - 1ns));
            EXPECT_TRUE(budget.take(purpose, cost, start + wait));
        }
    }
}

TEST(QueryBudget, ARefusedTakeTakesNothing) {
    QueryBudget budget(10);
    take_all(budget, Purpose::poll, 1, start);
    const Duration wait = budget.wait(Purpose::poll, 1, start);
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(budget.take(Purpose::poll, 1, start));
    EXPECT_EQ(budget.wait(Purpose::poll, 1, start), wait);
}

TEST(QueryBudget, TellsWhatIsUsed) {
    QueryBudget budget(10);
    EXPECT_EQ(budget.used(start), 0.0);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(budget.take(Purpose::poll, 1, start));
    EXPECT_NEAR(budget.used(start), 0.5, 1e-9);
    EXPECT_NEAR(budget.used(start + 200ms), 0.3, 1e-9);
    take_all(budget, Purpose::forward, 1, start);
    EXPECT_NEAR(budget.used(start), 0.8, 1e-9) << "the rest is for polls";
    EXPECT_EQ(budget.used(start + 1s), 0.0);
}

TEST(QueryBudget, TwoThreadsTogetherGetNoMoreThanItHolds) {
    constexpr unsigned max_qps = 20'000;
    QueryBudget budget(max_qps);
    // 50 turns of 10 ms in virtual time: a second's worth at the start and half a second's refill.
    const auto hammer = [&budget](Purpose purpose, unsigned& taken) {
        for (int turn = 0; turn <= 50; ++turn) taken += take_all(budget, purpose, 1, start + turn * 10ms);
    };
    unsigned polls = 0;
    unsigned forwards = 0;
    std::thread forwarding(hammer, Purpose::forward, std::ref(forwards));
    hammer(Purpose::poll, polls);
    forwarding.join();
    EXPECT_EQ(polls + forwards, max_qps + max_qps / 2);
}

TEST(QueryBudgetChange, CountsFromThenOn) {
    QueryBudget budget(10);
    EXPECT_EQ(take_all(budget, Purpose::poll, 1, start), 10U);
    budget.set_max_qps(100);
    EXPECT_EQ(take_all(budget, Purpose::poll, 1, start + 1s), 100U);
}

}  // namespace
}  // namespace taskdns::upstream
