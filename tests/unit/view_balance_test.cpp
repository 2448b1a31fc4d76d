// Order `least_connections`: one step of the balance, and where it ends in a closed loop with simulated endpoints.
#include <algorithm>
#include <array>
#include <deque>
#include <numeric>
#include <queue>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/balance.hpp"
#include "view/turn_counts.hpp"

namespace taskdns::view {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::Pointwise;

// --- one step ---

struct StepRow {
    const char* name;
    std::vector<Load> loads;
    std::vector<double> weights;
};

void PrintTo(const StepRow& row, std::ostream* out) { *out << row.name; }

class Rebalance : public testing::TestWithParam<StepRow> {};

TEST_P(Rebalance, OneStep) {
    EXPECT_THAT(rebalance(GetParam().loads), Pointwise(DoubleNear(0.015), GetParam().weights));
}

const std::vector<StepRow>& step_rows() {
    static const std::vector<StepRow> all{
        {"None", {}, {}},
        {"OneAlone", {{1, 20}}, {1}},
        {"OneAloneIsNotHeldDown", {{0.1, 0}}, {1}},
        {"NothingOpen", {{1, 0}, {1, 0}, {1, 0}}, {1, 1, 1}},
        {"EquallyMany", {{1, 20}, {1, 20}}, {1, 1}},
        {"EquallyManyAtUnequalWeightsIsWhereItEnds", {{1, 20}, {0.1, 20}}, {1, 0.1}},
        {"MoreThanTheOthersGetsLess", {{1, 10}, {1, 20}}, {1, 0.88}},
        {"FewerThanTheOthersGetsMore", {{1, 20}, {0.5, 10}}, {1, 0.57}},
        {"AStepIsBounded", {{1, 0}, {1, 100'000}}, {1, 0.59}},
        {"OneConnectionSaysLittle", {{1, 0}, {1, 0}, {1, 0}, {1, 1}}, {1, 1, 1, 0.89}},
        {"TheLowest", {{1, 0}, {least_weight, 1000}}, {1, least_weight}},
        {"TheHighestIsOneAgain", {{1, 1000}, {0.9, 1}, {0.9, 1}}, {0.59, 1, 1}},
        {"WhatWasLearntFadesWhileNothingIsOpen", {{1, 0}, {0.5, 0}}, {1, 0.52}},
        {"WhatWasLearntStaysUnderLoad", {{1, 16}, {0.5, 16}}, {1, 0.5}},
    };
    return all;
}

INSTANTIATE_TEST_SUITE_P(Balance, Rebalance, testing::ValuesIn(step_rows()),
                         [](const auto& instance) { return instance.param.name; });

TEST(Rebalance, ExactlyOneAndExactlyTheLowest) {
    EXPECT_THAT(rebalance(std::vector<Load>(5)), Each(1.0));
    EXPECT_THAT(rebalance(std::vector<Load>{{1, 0}, {least_weight, 1000}}), ElementsAre(1.0, least_weight));
}

TEST(Rebalance, ASteadyStateReproducesItself) {
    std::vector<double> weights{1, 1};
    for (int i = 0; i < 20; ++i) weights = rebalance(std::vector<Load>{{weights[0], 10}, {weights[1], 17}});
    const auto balanced = [&](double a, double b) {
        return rebalance(std::vector<Load>{{weights[0], a}, {weights[1], b}});
    };
    EXPECT_EQ(balanced(15, 15), weights);
    EXPECT_EQ(balanced(15, 16), weights);
    EXPECT_EQ(balanced(16, 15), weights);
}

TEST(Rebalance, IsForgottenWithinAMinuteWithoutConnections) {
    std::vector<double> weights{1, least_weight, 0.3};
    for (int second = 0; second < 60; ++second) {
        weights = rebalance(std::vector<Load>{{weights[0], 0}, {weights[1], 0}, {weights[2], 0}});
        EXPECT_LT(weights[1], second < 20 ? 0.6 : 1.1) << "not at once either";
    }
    EXPECT_THAT(weights, Each(1.0));
}

// --- the closed loop: clients that ask, connect, wait, and ask again; virtual time ---

constexpr double smoothing = 0.3;  // of a second's count
constexpr std::size_t clients = 64;
constexpr std::size_t slow = 3;                   // the slow one's number
constexpr std::array durations{5., 5., 5., 50.};  // milliseconds

struct Second {
    double slow_share = 0;  ///< of the connections begun in it
    double requests = 0;
    double mean = 0;  ///< latency, milliseconds
    std::vector<double> weights;
};

class ClosedLoop {
public:
    /// Each endpoint serves so many at once and queues the rest. `proxy`: no weights, each goes to the emptiest.
    explicit ClosedLoop(std::size_t workers, bool proxy = false) : workers_(workers), proxy_(proxy) {
        for (std::size_t client = 0; client < clients; ++client) events_.push({uniform() * 50, begins, 0, 0});
    }

    Second next_second() {
        second_ = {};
        std::array<double, 4> begun{};
        std::swap(begun, begun_);
        end_ += 1000;
        while (events_.top().at < end_) {
            const Event event = events_.top();
            events_.pop();
            event.kind == begins ? begin(event.at) : finish(event);
        }
        const double all = std::accumulate(begun_.begin(), begun_.end(), 0.0);
        second_.slow_share = begun_[slow] / all;
        second_.mean /= second_.requests;
        sample();
        second_.weights = weights_;
        return second_;
    }

    void make_the_slow_one_fast() { durations_[slow] = durations[0]; }

private:
    enum Kind { begins, ends };
    struct Event {
        double at;
        Kind kind;
        std::size_t endpoint;
        double since;
        bool operator<(const Event& other) const { return at > other.at; }  // the earliest is on top
    };
    struct Endpoint {
        std::size_t open = 0;
        std::deque<double> waiting;
        double smoothed = 0;
    };

    double uniform() { return static_cast<double>(random_()) / 4294967296.0; }

    std::size_t choose() {
        ++turn_;
        if (!proxy_) return turns_[turn_ % turns_.size()];
        std::size_t best = turn_ % 4;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t other = (turn_ + i) % 4;
            if (endpoints_[other].open < endpoints_[best].open) best = other;
        }
        return best;
    }

    void serve(std::size_t number, double now, double since) {
        events_.push({now + durations_[number] * (0.8 + 0.4 * uniform()), ends, number, since});
    }

    void begin(double now) {
        const std::size_t number = choose();
        Endpoint& endpoint = endpoints_[number];
        ++begun_[number];
        if (++endpoint.open > workers_) {
            endpoint.waiting.push_back(now);
        } else {
            serve(number, now, now);
        }
    }

    void finish(const Event& event) {
        Endpoint& endpoint = endpoints_[event.endpoint];
        --endpoint.open;
        ++second_.requests;
        second_.mean += event.at - event.since;
        if (!endpoint.waiting.empty()) {
            serve(event.endpoint, event.at, endpoint.waiting.front());
            endpoint.waiting.pop_front();
        }
        begin(event.at);
    }

    void sample() {
        std::vector<Load> loads;
        for (std::size_t i = 0; i < 4; ++i) {
            Endpoint& endpoint = endpoints_[i];
            endpoint.smoothed += smoothing * (static_cast<double>(endpoint.open) - endpoint.smoothed);
            loads.push_back({weights_[i], endpoint.smoothed});
        }
        weights_ = rebalance(loads);
        turns_ = spread_turns(count_turns(weights_, 4096));
    }

    std::size_t workers_;
    bool proxy_;
    std::mt19937 random_{1};
    std::priority_queue<Event> events_;
    std::array<Endpoint, 4> endpoints_;
    std::array<double, 4> durations_ = durations;
    std::array<double, 4> begun_{};
    std::vector<double> weights_ = std::vector<double>(4, 1.0);
    std::vector<std::uint16_t> turns_{0, 1, 2, 3};
    std::size_t turn_ = 0;
    double end_ = 0;
    Second second_;
};

constexpr std::size_t enough = 1000;  // workers: nobody waits

/// What the emptiest-first of a proxy makes of it, once it has settled.
Second of_a_proxy(std::size_t workers) {
    ClosedLoop loop(workers, true);
    for (int second = 0; second < 5; ++second) loop.next_second();
    return loop.next_second();
}

TEST(ClosedLoop, ConvergesInTenStepsToWhatAProxyGivesAndStaysThere) {
    const Second proxy = of_a_proxy(enough);
    EXPECT_NEAR(proxy.slow_share, 1.0 / 31, 0.002) << "equal connections: shares as the inverse of the durations";
    ClosedLoop loop(enough);
    EXPECT_NEAR(loop.next_second().slow_share, 0.25, 0.001);
    for (int second = 1; second < 10; ++second) loop.next_second();
    for (int second = 10; second < 200; ++second) {
        const Second now = loop.next_second();
        EXPECT_NEAR(now.slow_share, proxy.slow_share, 0.15 * proxy.slow_share) << second;
        EXPECT_LT(now.mean, 1.1 * proxy.mean) << second;
    }
}

TEST(ClosedLoop, FindsOutThatTheSlowOneIsFast) {
    ClosedLoop loop(enough);
    for (int second = 0; second < 60; ++second) loop.next_second();
    loop.make_the_slow_one_fast();
    for (int second = 0; second < 15; ++second) loop.next_second();
    for (int second = 15; second < 60; ++second) {
        EXPECT_NEAR(loop.next_second().slow_share, 0.25, 0.15 * 0.25) << second;
    }
}

/// Queues answer to a share that is a little too high with all that is waiting: no weights that last a second can
/// hold equally many everywhere. What counts is that the work gets done and nobody is starved.
TEST(ClosedLoop, WithQueuesTheThroughputIsNearAProxys) {
    for (const std::size_t workers : {8U, 12U, 16U}) {
        const Second proxy = of_a_proxy(workers);
        ClosedLoop loop(workers);
        const Second first = loop.next_second();
        EXPECT_LT(first.requests, 0.5 * proxy.requests) << "equal shares: most clients wait for the slow one";
        for (int second = 1; second < 20; ++second) loop.next_second();
        double requests = 0;
        double share = 0;
        constexpr int seconds = 100;
        for (int second = 0; second < seconds; ++second) {
            const Second now = loop.next_second();
            requests += now.requests / seconds;
            share += now.slow_share / seconds;
            EXPECT_GT(now.slow_share, 0.5 * proxy.slow_share) << workers << " " << second;
            EXPECT_LT(now.slow_share, 1.5 * proxy.slow_share) << workers << " " << second;
        }
        EXPECT_GT(requests, 0.9 * proxy.requests) << workers;
        EXPECT_NEAR(share, proxy.slow_share, 0.15 * proxy.slow_share) << workers;
    }
}

}  // namespace
}  // namespace taskdns::view
