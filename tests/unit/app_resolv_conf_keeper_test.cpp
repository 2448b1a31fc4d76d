// Who keeps resolv.conf: what is done at the start, on a change of the settings, at the end, and when somebody else
// writes the file.
#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/resolv_conf_keeper.hpp"
#include "support/child_process.hpp"
#include "support/libc_resolv_conf.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::read_file;
using testing_support::write_file;

const std::string original = "nameserver 10.0.0.2\nsearch a.internal";

class Keeper : public testing::Test {
protected:
    Keeper() { write_file(path, original); }

    void set(bool manage, bool fallback = false, const char* listener = "127.0.0.1:53",
             const std::string& file = "") {
        keeper.set({.manage = manage, .fallback = fallback, .path = file.empty() ? path : file},
                   {SocketAddress::parse(listener).value()}, {SocketAddress::parse("10.0.0.9:53").value()});
    }
    /// Runs the loop until `condition` holds.
    bool wait_until(const std::function<bool()>& condition) {
        return testing_support::wait_until(5s, [&] {
            io.restart();
            io.poll();
            return condition();
        });
    }
    bool names(const std::vector<std::string>& servers) {
        return wait_until([&] {
            return testing_support::read_as_glibc(read_file(path)).servers == servers &&
                   (!keeper.status() || keeper.status()->state != "pending");
        });
    }

    const testing_support::TempDir dir;
    const std::string path = dir / "resolv.conf";
    asio::io_context io;
    ResolvConfKeeper keeper{io.get_executor(), 20ms};
};

TEST_F(Keeper, ManagesTheFileAndPutsItBackAtTheEnd) {
    EXPECT_FALSE(keeper.status());
    set(true);
    ASSERT_TRUE(names({"127.0.0.1"}));
    EXPECT_EQ(keeper.status()->state, "managed");
    EXPECT_THAT(keeper.status()->saved, ElementsAre(*IpAddress::parse("10.0.0.2")));
    EXPECT_FALSE(keeper.figures().failing);
    keeper.stop(1s);
    EXPECT_EQ(read_file(path), original);
}

TEST_F(Keeper, LeavesTheFileAloneWhereItIsNotToBeManaged) {
    set(false);
    io.run_for(50ms);
    EXPECT_EQ(read_file(path), original);
    EXPECT_FALSE(keeper.status());
    keeper.stop(1s);
    EXPECT_EQ(read_file(path), original);
}

TEST_F(Keeper, FollowsTheSettings) {
    set(true);
    ASSERT_TRUE(names({"127.0.0.1"}));
    set(true, true);
    ASSERT_TRUE(names({"127.0.0.1", "10.0.0.2"}));
    set(true, true, "127.0.0.7:53");
    ASSERT_TRUE(names({"127.0.0.7", "10.0.0.2"}));
    set(false);
    ASSERT_TRUE(wait_until([&] { return read_file(path) == original; }));
    EXPECT_FALSE(keeper.status());
    set(true);
    ASSERT_TRUE(names({"127.0.0.1"}));

    const std::string other = dir / "other";
    write_file(other, "search b\n");
    set(true, true, "127.0.0.1:53", other);
    ASSERT_TRUE(wait_until([&] { return read_file(path) == original; })) << "the one before is put back";
    ASSERT_TRUE(wait_until([&] { return keeper.status()->state == "managed"; }));
    EXPECT_THAT(testing_support::read_as_glibc(read_file(other)).servers, ElementsAre("127.0.0.1", "10.0.0.9"))
        << "it named nobody: the fallback is the upstream";
    keeper.stop(1s);
    EXPECT_EQ(read_file(other), "search b\n");
}

TEST_F(Keeper, ManagesTheFileAgainWhenSomebodyElseHasWrittenIt) {
    set(true);
    ASSERT_TRUE(names({"127.0.0.1"}));
    const std::string theirs = "# dhcp\nnameserver 10.0.0.3\n";
    write_file(path, theirs);
    ASSERT_TRUE(names({"127.0.0.1"}));
    ASSERT_TRUE(wait_until([&] { return keeper.figures().writes == 2; }));
    keeper.stop(1s);
    EXPECT_EQ(read_file(path), theirs) << "theirs is the original now";
}

TEST_F(Keeper, WritesOnlyWhatIsNotThereYet) {
    set(true);
    ASSERT_TRUE(names({"127.0.0.1"}));
    set(true);
    io.restart();
    io.run_for(100ms);  // some looks
    EXPECT_EQ(keeper.figures().writes, 1U);
    EXPECT_EQ(keeper.figures().failures, 0U);
}

TEST_F(Keeper, SaysWhatIsInTheWayAndTriesAgain) {
    ASSERT_EQ(::remove(path.c_str()), 0);
    set(true);
    ASSERT_TRUE(wait_until([&] { return keeper.status()->state == "failing"; }));
    EXPECT_THAT(keeper.status()->last_error, HasSubstr(path + ": there is no such file"));
    EXPECT_TRUE(keeper.figures().failing);
    write_file(path, original);
    ASSERT_TRUE(names({"127.0.0.1"}));
    ASSERT_TRUE(wait_until([&] { return keeper.status()->state == "managed"; }));
    EXPECT_TRUE(keeper.status()->last_error.empty());
    EXPECT_FALSE(keeper.figures().failing);
    EXPECT_GE(keeper.figures().failures, 1U);
}

TEST_F(Keeper, NeedsAListenerOnPort53) {
    set(true, false, "127.0.0.1:5353");
    EXPECT_EQ(keeper.status()->state, "failing");
    EXPECT_THAT(keeper.status()->last_error, HasSubstr("no listener is on port 53"));
    EXPECT_TRUE(keeper.stop(1s));
    EXPECT_EQ(read_file(path), original);
}

TEST_F(Keeper, PutsTheFileBackWhereNoListenerIsOnPort53AnyMore) {
    set(true);
    ASSERT_TRUE(names({"127.0.0.1"}));
    set(true, false, "127.0.0.1:5353");
    EXPECT_TRUE(wait_until([&] { return read_file(path) == original; }));
    EXPECT_EQ(keeper.status()->state, "failing");
    set(true);
    EXPECT_TRUE(names({"127.0.0.1"}));
}

/// What is in the way of the way back, for a while.
class Unreachable : public Keeper {
protected:
    Unreachable() {
        set(true);
        EXPECT_TRUE(names({"127.0.0.1"}));
        std::filesystem::rename(path, away);
    }
    void come_back() { std::filesystem::rename(away, path); }
    void run_for(milliseconds time) {
        testing_support::wait_until(time, [&] {
            io.restart();
            io.poll();
            return false;
        });
    }

    const std::string away = dir / "away";
};

TEST_F(Unreachable, IsPutBackOnceThatIsPossible) {
    set(false);
    run_for(100ms);  // some looks
    come_back();
    EXPECT_TRUE(wait_until([&] { return read_file(path) == original; }));
    run_for(50ms);
    EXPECT_TRUE(keeper.stop(1s));
    EXPECT_EQ(read_file(path), original);
}

TEST_F(Unreachable, IsPutBackAtTheEnd) {
    set(false);
    run_for(100ms);
    come_back();
    EXPECT_TRUE(keeper.stop(1s));
    EXPECT_EQ(read_file(path), original);
}

TEST_F(Unreachable, IsManagedWhereThatIsWantedAgain) {
    set(false);
    run_for(50ms);
    set(true);
    run_for(50ms);  // a last attempt to put it back has ended
    come_back();
    EXPECT_TRUE(names({"127.0.0.1"}));
    run_for(100ms);
    EXPECT_TRUE(names({"127.0.0.1"})) << "nobody puts it back any more";
    EXPECT_EQ(keeper.figures().writes, 1U);
    EXPECT_TRUE(keeper.stop(1s));
    EXPECT_EQ(read_file(path), original);
}

TEST_F(Unreachable, IsSaidAtTheEnd) { EXPECT_FALSE(keeper.stop(1s)); }

}  // namespace
}  // namespace taskdns::app
