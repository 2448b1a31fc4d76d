// The configuration read again: on request, while a reading goes on, and when the file changes.
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/reloader.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using http_server::ReloadStatus;
using testing::ElementsAre;
using testing::IsEmpty;

class ReloaderTest : public testing::Test {
protected:
    void make(Reloader::Read read, Reloader::Settings settings = {}) {
        reloader.emplace(io.get_executor(), std::move(settings), std::move(read), [this](Reading reading) {
            applied.push_back(reading.config.snapshot);
            return result;
        });
    }
    static Result<Reading> reading(const std::string& mark) {
        Reading out;
        out.config.snapshot = mark;
        return out;
    }
    Reloader::Done note() {
        return [this](const ReloadStatus& status) { reported.push_back(status); };
    }
    /// Runs the loop until `condition` holds; the limit only ends a failing test.
    template <class Condition>
    void run_until(Condition condition) {
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < limit) {
            io.restart();
            io.run_for(1ms);
        }
        ASSERT_TRUE(condition());
    }

    asio::io_context io{1};
    std::vector<std::string> applied;
    std::vector<ReloadStatus> reported;
    Result<bool> result = true;
    std::optional<Reloader> reloader;
};

TEST_F(ReloaderTest, AppliesWhatItReadsAndSaysSo) {
    make([] { return reading("new"); });
    EXPECT_EQ(reloader->last().trigger, "start");
    reloader->request("signal", note());
    EXPECT_THAT(applied, IsEmpty()) << "files are read elsewhere";
    run_until([&] { return !reported.empty(); });
    EXPECT_THAT(applied, ElementsAre("new"));
    EXPECT_EQ(reported[0].trigger, "signal");
    EXPECT_EQ(reported[0].outcome, "applied");
    EXPECT_THAT(reported[0].errors, IsEmpty());
    EXPECT_EQ(reloader->figures().applied, 2U) << "the start counts";
    EXPECT_EQ(reloader->last().trigger, "signal");
}

TEST_F(ReloaderTest, RefusesAtTheEndWhoAsksAndWhoHasAsked) {
    make([] { return reading("new"); });
    reloader->request("http", note());
    reloader->request("http", note());
    reloader->stop(1s);
    reloader->request("signal", note());
    ASSERT_EQ(reported.size(), 3U);
    for (const ReloadStatus& status : reported) {
        EXPECT_EQ(status.outcome, "failed");
        EXPECT_THAT(status.errors, ElementsAre("shutting down"));
    }
    io.restart();
    io.run_for(20ms);
    EXPECT_THAT(applied, IsEmpty());
    EXPECT_EQ(reported.size(), 3U) << "each is told once";
}

TEST_F(ReloaderTest, SaysThatNothingIsDifferent) {
    result = false;
    make([] { return reading("same"); });
    reloader->request("http", note());
    run_until([&] { return !reported.empty(); });
    EXPECT_EQ(reported[0].outcome, "unchanged");
    EXPECT_EQ(reloader->figures().unchanged, 1U);
    EXPECT_FALSE(reloader->figures().last_failed);
}

TEST_F(ReloaderTest, ReportsEveryMistakeAndAppliesNothing) {
    make([]() -> Result<Reading> { return Error{Errc::invalid_config, "f:1:1: one\nf:2:2: two"}; });
    reloader->request("http", note());
    run_until([&] { return !reported.empty(); });
    EXPECT_EQ(reported[0].outcome, "failed");
    EXPECT_THAT(reported[0].errors, ElementsAre("f:1:1: one", "f:2:2: two"));
    EXPECT_THAT(applied, IsEmpty());
    EXPECT_TRUE(reloader->figures().last_failed);
    EXPECT_EQ(reloader->figures().failed, 1U);
}

TEST_F(ReloaderTest, ReportsWhatCannotBeApplied) {
    result = Error{Errc::internal, "cannot listen"};
    make([] { return reading("new"); });
    reloader->request("http", note());
    run_until([&] { return !reported.empty(); });
    EXPECT_EQ(reported[0].outcome, "failed");
    EXPECT_THAT(reported[0].errors, ElementsAre("cannot listen"));
}

TEST_F(ReloaderTest, SurvivesAReadThatThrows) {
    make([]() -> Result<Reading> { throw std::bad_alloc(); });
    reloader->request("http", note());
    run_until([&] { return !reported.empty(); });
    EXPECT_EQ(reported[0].outcome, "failed");
}

TEST_F(ReloaderTest, ReadsOnceMoreForAllWhoAskWhileItReads) {
    std::promise<void> go_on;
    std::atomic<int> readings = 0;
    make([&, gate = go_on.get_future().share()] {
        if (++readings == 1) gate.wait();
        return reading("reading " + std::to_string(readings));
    });
    reloader->request("signal", note());
    while (readings == 0) std::this_thread::yield();
    reloader->request("http", note());
    reloader->request("http", note());
    EXPECT_THAT(reported, IsEmpty());
    go_on.set_value();
    run_until([&] { return reported.size() == 3; });
    EXPECT_EQ(readings, 2);
    EXPECT_THAT(applied, ElementsAre("reading 1", "reading 2"));
}

TEST_F(ReloaderTest, RefusesWhoAsksForEverWhileAReadingHangs) {
    std::promise<void> go_on;
    make([gate = go_on.get_future().share()] {
        gate.wait();
        return reading("late");
    });
    for (int i = 0; i < 100; ++i) reloader->request("http", note());
    EXPECT_FALSE(reported.empty());
    EXPECT_LT(reported.size(), 50U);
    EXPECT_EQ(reported[0].outcome, "failed");
    go_on.set_value();
    run_until([&] { return reported.size() == 100; });
}

TEST_F(ReloaderTest, AppliesNothingOnceStopped) {
    std::promise<void> go_on;
    make([gate = go_on.get_future().share()] {
        gate.wait();
        return reading("late");
    });
    reloader->request("http", note());
    go_on.set_value();
    reloader->stop(5s);
    io.run_for(20ms);
    EXPECT_THAT(applied, IsEmpty());
}

class WatchedFile : public ReloaderTest {
protected:
    WatchedFile() {
        testing_support::write_file(path, "first");
        make(
            [this]() -> Result<Reading> {
                ++readings;
                while (held) std::this_thread::yield();
                const std::string text = testing_support::read_file(path);
                if (text.empty()) return Error{Errc::invalid_config, "empty"};
                return reading(text);
            },
            {.file = path, .period = 5ms});
        reloader->start();
    }
    /// So that some looks have passed.
    void wait_for_looks() { io.run_for(60ms); }

    testing_support::TempDir dir;
    const std::string path = dir / "taskdns.yaml";
    std::atomic<int> readings = 0;
    std::atomic<bool> held = false;  // a reading waits until it is not
};

TEST_F(WatchedFile, IsReadOnceWhileItStaysAsItIs) {
    run_until([&] { return applied.size() == 1; });  // it may have changed since the start
    wait_for_looks();
    EXPECT_EQ(readings, 1);
    EXPECT_EQ(reloader->last().trigger, "file");
}

TEST_F(WatchedFile, IsNotSpokenOfWhereNothingIsDifferent) {
    result = false;
    run_until([&] { return readings == 1 && applied.size() == 1; });
    EXPECT_EQ(reloader->last().trigger, "start");
    EXPECT_EQ(reloader->figures().unchanged, 0U);
    result = Error{Errc::internal, "no"};
    testing_support::write_file(path, "second");
    run_until([&] { return reloader->figures().last_failed; });
    result = false;
    testing_support::write_file(path, "third");
    run_until([&] { return !reloader->figures().last_failed; });
    EXPECT_EQ(reloader->last().outcome, "unchanged") << "it was wrong before, so this is news";
}

TEST_F(WatchedFile, IsReadAgainWhenItChanges) {
    run_until([&] { return applied.size() == 1; });
    testing_support::write_file(path, "second");
    run_until([&] { return applied.size() == 2; });
    EXPECT_EQ(applied.back(), "second");
}

TEST_F(WatchedFile, IsReadAgainWhenAnotherTakesItsPlace) {
    run_until([&] { return applied.size() == 1; });
    testing_support::write_file(dir / "other", "third");
    std::filesystem::rename(dir / "other", path);
    run_until([&] { return applied.size() == 2; });
    EXPECT_EQ(applied.back(), "third");
}

// Looks that come back while the reading goes on that somebody has asked for have seen what the reading reads.
TEST_F(WatchedFile, IsReadOnceWhereAReadingOvertakesALook) {
    held = true;
    run_until([&] { return readings == 1; });
    wait_for_looks();  // they are made once the file thread is free
    testing_support::write_file(path, "second");
    reloader->request("signal", note());
    held = false;
    run_until([&] { return !reported.empty(); });
    wait_for_looks();
    EXPECT_EQ(readings, 2);
}

TEST_F(WatchedFile, IsReportedOnceWhenItIsWrongOrGone) {
    run_until([&] { return applied.size() == 1; });
    std::filesystem::remove(path);
    run_until([&] { return reloader->figures().failed == 1; });
    wait_for_looks();
    EXPECT_EQ(reloader->figures().failed, 1U);
    EXPECT_EQ(readings, 2);
    testing_support::write_file(path, "back");
    run_until([&] { return applied.size() == 2; });
    EXPECT_FALSE(reloader->figures().last_failed);
}

}  // namespace
}  // namespace taskdns::app
