// Jobs on the file thread: in order, bounded, and never waited for longer than stop() says.
#include <signal.h>

#include <atomic>
#include <future>
#include <new>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "base/file_thread.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;

TEST(FileThread, RunsJobsInOrder) {
    FileThread files;
    std::vector<int> done;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(files.submit([&done, i] { done.push_back(i); }));
    EXPECT_TRUE(files.stop(5s));
    EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(FileThread, TakesNoSignalButThatOfARefusedSystemCall) {
    FileThread files;
    sigset_t blocked;
    sigemptyset(&blocked);
    EXPECT_TRUE(files.submit([&blocked] { pthread_sigmask(SIG_SETMASK, nullptr, &blocked); }));
    EXPECT_TRUE(files.stop(5s));
    EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
    EXPECT_EQ(sigismember(&blocked, SIGSYS), 0) << "the kernel would end the process instead (task/sandbox)";
}

TEST(FileThread, StopsAtOnceWithoutJobs) {
    FileThread files;
    EXPECT_TRUE(files.stop(0ms));
    EXPECT_FALSE(files.submit([] {}));
}

/// A file system that hangs until told otherwise. Shared: the thread may be left behind.
struct Hanging {
    std::promise<void> released;
    std::shared_future<void> wait = released.get_future().share();
};

TEST(FileThread, LeavesAHangingJobBehindAndBeginsNoOther) {
    auto hanging = std::make_shared<Hanging>();
    auto second_ran = std::make_shared<std::atomic<bool>>(false);
    auto first_ended = std::make_shared<std::promise<void>>();
    {
        FileThread files;
        ASSERT_TRUE(files.submit([hanging, first_ended] {
            hanging->wait.wait();
            first_ended->set_value();
        }));
        ASSERT_TRUE(files.submit([second_ran] { *second_ran = true; }));
        const TimePoint before = Clock::now();
        EXPECT_FALSE(files.stop(20ms));
        EXPECT_LT(Clock::now() - before, 5s);
    }
    hanging->released.set_value();
    first_ended->get_future().wait();
    EXPECT_FALSE(*second_ran);
}

TEST(FileThread, TakesOnlySoManyJobsBehindAHangingOne) {
    auto hanging = std::make_shared<Hanging>();
    auto begun = std::make_shared<std::promise<void>>();
    FileThread files;
    ASSERT_TRUE(files.submit([hanging, begun] {
        begun->set_value();
        hanging->wait.wait();
    }));
    begun->get_future().wait();
    for (std::size_t i = 0; i < FileThread::max_waiting; ++i) EXPECT_TRUE(files.submit([] {})) << i;
    EXPECT_FALSE(files.submit([] {}));
    hanging->released.set_value();
    EXPECT_TRUE(files.stop(5s));
}

TEST(FileThread, RunsAJobAgainUntilItHasMemory) {
    FileThread files;
    int ran = 0;
    bool second_ran = false;
    ASSERT_TRUE(files.submit([&ran] {
        if (++ran < 8) throw std::bad_alloc();
    }));
    ASSERT_TRUE(files.submit([&] { second_ran = ran == 8; }));
    EXPECT_TRUE(files.stop(20s));
    EXPECT_EQ(ran, 8);
    EXPECT_TRUE(second_ran) << "in order all the same";
}

TEST(FileThread, GivesUpAJobThatHasAMistake) {
    FileThread files;
    int ran = 0;
    int thrown_otherwise = 0;
    bool last_ran = false;
    ASSERT_TRUE(files.submit([&ran] {
        ++ran;
        throw std::runtime_error("a mistake");
    }));
    ASSERT_TRUE(files.submit([&thrown_otherwise] {
        ++thrown_otherwise;
        throw 1;
    }));
    ASSERT_TRUE(files.submit([&last_ran] { last_ran = true; }));
    EXPECT_TRUE(files.stop(20s));
    EXPECT_EQ(ran, 5);
    EXPECT_EQ(thrown_otherwise, 5);
    EXPECT_TRUE(last_ran);
}

}  // namespace
}  // namespace taskdns
