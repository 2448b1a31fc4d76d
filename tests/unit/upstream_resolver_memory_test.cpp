// A resolver without memory: wherever an allocation fails, whoever waits is answered, with an error at worst, and the
// next question is asked as ever.
#include <thread>

#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "support/allocations.hpp"
#include "support/fake_upstream.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::upstream {
namespace {

using namespace std::chrono_literals;
using testing_support::FakeUpstream;
using testing_support::NoMemory;

/// On a thread of its own: it has memory.
class ServerWithMemory {
public:
    ServerWithMemory() {
        fake_.on("orders.local", dns::RrType::a,
                 testing_support::Sections{.answer = {testing_support::a("orders.local", "10.0.0.1")}});
        thread_ = std::thread([this] { io_.run(); });
    }
    ~ServerWithMemory() {
        io_.stop();
        thread_.join();
    }
    ServerWithMemory(const ServerWithMemory&) = delete;
    ServerWithMemory& operator=(const ServerWithMemory&) = delete;
    SocketAddress address() const { return address_; }

private:
    asio::io_context io_;
    FakeUpstream fake_{io_};
    const SocketAddress address_ = fake_.address();
    std::thread thread_;
};

asio::awaitable<void> ask(Resolver* resolver, int* answered) {
    const auto response = co_await resolver->resolve(testing_support::question("orders.local"));
    if (response) ++*answered;
}

class ResolverWithoutMemory : public testing::Test {
protected:
    ServerWithMemory server;
    asio::io_context io;
    QueryBudget budget{100'000};
    Resolver resolver{io.get_executor(), {server.address()}, {.timeout = 2s, .attempts = 1}, budget};
    TaskGroup tasks{io.get_executor()};

    /// As the daemon's loop does, until nobody waits any more.
    void run() {
        const TimePoint end = Clock::now() + 20s;
        while (tasks.running() > 0 && Clock::now() < end) {
            try {
                io.restart();
                io.run_one_until(end);
            } catch (const std::exception&) {  // it reached the loop, and the loop goes on
            }
        }
    }
    /// Two ask at once and share the question.
    int ask_twice() {
        int answered = 0;
        for (int i = 0; i < 2; ++i) {
            try {
                tasks.spawn("ask", ask(&resolver, &answered));
            } catch (const std::bad_alloc&) {  // it did not begin
            }
        }
        run();
        return answered;
    }
};

TEST_F(ResolverWithoutMemory, EveryQuestionEndsAndTheNextIsAnswered) {
    ASSERT_EQ(ask_twice(), 2);
    int failed = 0;
    for (std::size_t n = 0; n < 200; ++n) {
        int answered = 0;
        bool has_failed = false;
        {
            NoMemory no_memory(n, 1 + n % 3);
            answered = ask_twice();
            has_failed = no_memory.end();
        }
        ASSERT_EQ(tasks.running(), 0U) << "somebody waits for ever when allocation " << n << " fails";
        ASSERT_EQ(ask_twice(), 2) << "after allocation " << n << " failed";
        if (answered < 2) ++failed;
        if (!has_failed) break;
    }
    EXPECT_GT(failed, 10) << "no allocation failed: the test proves nothing";
}

TEST_F(ResolverWithoutMemory, NoneAtAllIsAnErrorAtOnce) {
    const TimePoint begun = Clock::now();
    {
        NoMemory no_memory;
        EXPECT_EQ(ask_twice(), 0);
    }
    EXPECT_LT(Clock::now() - begun, 1s);
    EXPECT_EQ(tasks.running(), 0U);
    EXPECT_EQ(ask_twice(), 2);
}

}  // namespace
}  // namespace taskdns::upstream
