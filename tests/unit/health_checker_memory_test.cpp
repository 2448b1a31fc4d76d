// Checks without memory: wherever an allocation fails, no endpoint is held for failing by it, and all are checked
// again.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "health/checker.hpp"
#include "support/allocations.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using testing_support::NoMemory;

const std::vector<SocketAddress> endpoints{SocketAddress::parse("10.0.0.1:80").value(),
                                           SocketAddress::parse("10.0.0.2:80").value(),
                                           SocketAddress::parse("10.0.0.3:80").value()};

/// A checker of its own for each try: pauses grow from failure to failure.
struct Checked {
    asio::io_context io;
    std::map<SocketAddress, int> outcomes;
    int probes = 0;
    Checker checker{io.get_executor(), [this](Target target, milliseconds) { return pass(std::move(target)); },
                    [this](const Checker::Event& event) { count(event); }, 1};

    /// It takes a moment and memory, as those of the daemon do.
    asio::awaitable<Outcome> pass(Target target) {
        asio::steady_timer timer(io, 1ms);
        co_await timer.async_wait(as_result);
        ++probes;
        const Outcome outcome{.observed = Observed::connected,
                              .latency = 1ms,
                              .detail = std::string(100, 'x') + target.address.to_string()};
        co_return outcome;
    }
    void count(const Checker::Event& event) { ++outcomes[event.endpoint]; }
    config::Health policy() const {
        config::Health out;
        out.check = config::CheckKind::tcp;
        out.interval = 5ms;
        out.fast_interval = 5ms;
        return out;
    }
    /// As the daemon's loop does.
    void run_for(milliseconds time) {
        const TimePoint end = Clock::now() + time;
        while (Clock::now() < end) {
            try {
                io.restart();
                io.run_one_until(end);
            } catch (const std::exception&) {  // it reached the loop, and the loop goes on
            }
        }
    }
    /// Each endpoint is checked again, and nobody is held for failing.
    void expect_checks_go_on(std::size_t n) {
        const TimePoint end = Clock::now() + 20s;
        outcomes.clear();
        while (outcomes.size() < endpoints.size() && Clock::now() < end) run_for(5ms);
        ASSERT_EQ(outcomes.size(), endpoints.size()) << "after allocation " << n << " failed";
        for (const SocketAddress& endpoint : endpoints) {
            const Verdict* const verdict = checker.find(0, endpoint);
            ASSERT_NE(verdict, nullptr);
            EXPECT_NE(verdict->status, Status::unhealthy) << "after allocation " << n << " failed";
        }
        EXPECT_LE(checker.in_flight(), endpoints.size());
        EXPECT_EQ(checker.targets(), endpoints.size());
    }
};

TEST(CheckerWithoutMemory, EveryEndpointIsCheckedAgain) {
    int failed = 0;
    for (std::size_t n = 0; n < 60; n += 3) {
        Checked one;
        one.checker.set_endpoints(0, "orders.local", one.policy(), endpoints);
        one.expect_checks_go_on(n);
        {
            NoMemory no_memory(n, 1 + n % 20);
            one.run_for(8ms);
            if (no_memory.end()) ++failed;
        }
        one.expect_checks_go_on(n);
        if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(failed, 10) << "no allocation failed: the test proves nothing";
}

TEST(CheckerWithoutMemory, EndpointsThatCouldNotBeSetAreSetAgain) {
    const std::vector<SocketAddress> first{endpoints[0]};
    bool failing = true;
    std::size_t n = 0;
    for (; failing && n < 200; ++n) {
        Checked one;
        one.checker.set_endpoints(0, "orders.local", one.policy(), first);
        one.run_for(2ms);
        NoMemory no_memory(n, 1);
        try {
            one.checker.set_endpoints(0, "orders.local", one.policy(), endpoints);
        } catch (const std::bad_alloc&) {
        }
        failing = no_memory.end();
        one.run_for(2ms);
        one.checker.set_endpoints(0, "orders.local", one.policy(), endpoints);
        one.expect_checks_go_on(n);
        if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(n, 5U);
    EXPECT_FALSE(failing);
}

}  // namespace
}  // namespace taskdns::health
