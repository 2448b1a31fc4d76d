// The snapshot's file on a real disk: what is read at the start, when it is written, and what damage does.
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/snapshot_store.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

membership::Snapshot snapshot_of(const char* address) {
    membership::SavedService service{.name = dns::Name::parse("orders.local").value(), .members = {}};
    service.members.push_back({.address = *SocketAddress::parse(address)});
    return {.written = WallTime{} + 1h, .services = {service}};
}

class SnapshotStoreTest : public testing::Test {
protected:
    SnapshotStoreTest() : path_(dir_ / "snapshot.json") {}

    std::string text() const {
        std::ifstream file(path_);
        std::ostringstream out;
        out << file.rdbuf();
        return out.str();
    }
    void put(const std::string& text) const { std::ofstream(path_) << text; }

    /// Loads, and runs until that has ended.
    void load(SnapshotStore& store) {
        store.load([this](const std::optional<membership::Snapshot>& snapshot) {
            if (snapshot) loaded_.push_back(*snapshot);
        });
        context_.run_for(100ms);
        context_.restart();
    }
    /// Runs until `done`, for 5 s at most.
    template <class Condition>
    bool run_until(Condition done) {
        const TimePoint end = Clock::now() + 5s;
        while (!done() && Clock::now() < end) {
            context_.run_for(5ms);
            context_.restart();
        }
        return done();
    }

    testing_support::TempDir dir_;
    std::string path_;
    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
    std::vector<membership::Snapshot> loaded_;
    membership::Snapshot current_ = snapshot_of("10.0.0.1:80");
    int collected_ = 0;
    SnapshotStore::Collect collect_ = [this] {
        ++collected_;
        return current_;
    };
};

TEST_F(SnapshotStoreTest, GivesWhatTheFileHolds) {
    const std::string written = membership::format_snapshot(snapshot_of("10.0.0.9:80"));
    ASSERT_TRUE(membership::parse_snapshot(written)) << membership::parse_snapshot(written).error().message;
    put(written);
    SnapshotStore store(context_.get_executor(), path_, collect_);
    load(store);
    ASSERT_EQ(loaded_.size(), 1u);
    EXPECT_EQ(loaded_[0], snapshot_of("10.0.0.9:80"));
}

TEST_F(SnapshotStoreTest, GivesNothingWithoutAFileOrAPath) {
    SnapshotStore store(context_.get_executor(), path_, collect_);
    load(store);
    SnapshotStore none(context_.get_executor(), "", collect_);
    load(none);
    none.changed();
    none.stop(1s);
    EXPECT_THAT(loaded_, IsEmpty());
    EXPECT_EQ(collected_, 0);
}

TEST_F(SnapshotStoreTest, IgnoresADamagedFileAndReplacesItAtTheNextChange) {
    const std::string whole = membership::format_snapshot(current_);
    put(whole.substr(0, whole.size() / 2));
    SnapshotStore store(context_.get_executor(), path_, collect_);
    load(store);
    EXPECT_THAT(loaded_, IsEmpty());
    store.changed();
    EXPECT_TRUE(run_until([&] { return text() == whole; })) << text();
}

TEST_F(SnapshotStoreTest, WritesAChangeSoonAndFurtherOnesAtMostOnceASecond) {
    SnapshotStore store(context_.get_executor(), path_, collect_);
    load(store);
    store.changed();
    ASSERT_TRUE(run_until([&] { return text() == membership::format_snapshot(current_); }));
    EXPECT_EQ(collected_, 1);
    current_ = snapshot_of("10.0.0.2:80");
    for (int i = 0; i < 100; ++i) store.changed();
    const TimePoint before = Clock::now();
    ASSERT_TRUE(run_until([&] { return text() == membership::format_snapshot(current_); }));
    EXPECT_GE(Clock::now() - before, 500ms);
    EXPECT_EQ(collected_, 2);
}

TEST_F(SnapshotStoreTest, WritesWhatHasChangedWhenItStops) {
    SnapshotStore store(context_.get_executor(), path_, collect_);
    load(store);
    store.changed();
    store.stop(5s);
    EXPECT_EQ(text(), membership::format_snapshot(current_));
}

TEST_F(SnapshotStoreTest, OverwritesNothingThatItHasNotReadYet) {
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);  // to open it for reading hangs, as a dead network file system does
    SnapshotStore store(context_.get_executor(), path_, collect_);
    load(store);
    store.changed();
    context_.run_for(50ms);
    EXPECT_EQ(collected_, 0);
    const TimePoint before = Clock::now();
    store.stop(20ms);
    EXPECT_LT(Clock::now() - before, 1s);
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_TRUE(S_ISFIFO(status.st_mode));
    std::ofstream release(path_);  // lets the thread go that was left behind
}

TEST_F(SnapshotStoreTest, TriesAgainByItselfWhenTheFolderWasMissing) {
    const std::string path = dir_ / "later/snapshot.json";
    SnapshotStore store(context_.get_executor(), path, collect_);
    load(store);
    store.changed();
    ASSERT_TRUE(run_until([&] { return store.figures()->failures == 2; })) << "a second later";
    for (int i = 0; i < 100; ++i) store.changed();
    context_.run_for(100ms);
    context_.restart();
    EXPECT_EQ(collected_, 2) << "changes do not hurry it";
    ASSERT_EQ(mkdir((dir_ / "later").c_str(), 0700), 0);
    EXPECT_TRUE(run_until([&] { return std::ifstream(path).good(); }));
    EXPECT_EQ(collected_, 3);
}

TEST_F(SnapshotStoreTest, CountsItsWritesAndFailures) {
    const SnapshotStore none(context_.get_executor(), "", collect_);
    EXPECT_FALSE(none.figures()) << "no snapshot is kept";
    const std::string path = dir_ / "later/snapshot.json";
    SnapshotStore store(context_.get_executor(), path, collect_);
    load(store);
    EXPECT_FALSE(store.figures()->written);
    store.changed();
    ASSERT_TRUE(run_until([&] { return store.figures()->failures == 1; }));
    EXPECT_EQ(store.figures()->writes, 0U);
    EXPECT_FALSE(store.figures()->written);
    ASSERT_EQ(mkdir((dir_ / "later").c_str(), 0700), 0);
    const WallTime before = std::chrono::system_clock::now();
    store.changed();
    ASSERT_TRUE(run_until([&] { return store.figures()->writes == 1; }));
    EXPECT_EQ(store.figures()->failures, 1U);
    EXPECT_GE(store.figures()->written.value(), before);

    put(membership::format_snapshot(snapshot_of("10.0.0.9:80")));
    SnapshotStore found(context_.get_executor(), path_, collect_);
    load(found);
    EXPECT_EQ(found.figures()->written, snapshot_of("10.0.0.9:80").written) << "before our start";
    put("damaged");
    SnapshotStore damaged(context_.get_executor(), path_, collect_);
    load(damaged);
    EXPECT_EQ(damaged.figures()->failures, 1U);
}

}  // namespace
}  // namespace taskdns::app
