// How long listeners that a reload has taken away still answer: by what resolv.conf says.
#include <sys/stat.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/leaving_listeners.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"
#include "task/resolv_conf_text.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::write_file;

SocketAddress at_53(const char* address) { return {IpAddress::parse(address).value(), 53}; }

class Leaving : public testing::Test {
protected:
    static constexpr milliseconds after{60};

    void managed_names(const char* server, const std::string& file) const {
        write_file(file, task::manage_text("nameserver 10.0.0.2\n", {IpAddress::parse(server).value()}).value());
    }
    void managed_names(const char* server) const { managed_names(server, path); }
    void watch(const std::vector<SocketAddress>& addresses, bool manage = true) {
        watcher.watch(addresses, before, {.manage = manage, .path = path});
    }
    bool closes(const SocketAddress& address) {
        return testing_support::wait_until(5s, [&] {
            io.restart();
            io.poll();
            return std::find(closed.begin(), closed.end(), address) != closed.end();
        });
    }
    /// Much longer than one that nobody names is kept.
    void run_long() {
        io.restart();
        io.run_for(4 * after);
    }

    const testing_support::TempDir dir;
    const std::string path = dir / "resolv.conf";
    config::ResolvConf before{.manage = true, .path = path};
    asio::io_context io;
    const asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    std::vector<SocketAddress> closed;
    LeavingListeners watcher{
        io.get_executor(), [this](const SocketAddress& address) { closed.push_back(address); }, {5ms, after}};
};

TEST_F(Leaving, CloseWhenTheFileHasNotNamedThemForAWhile) {
    managed_names("127.0.0.2");
    const auto begin = Clock::now();
    watch({at_53("127.0.0.1"), at_53("127.0.0.3")});
    EXPECT_TRUE(closes(at_53("127.0.0.1")));
    EXPECT_GE(Clock::now() - begin, after);
    EXPECT_THAT(closed, ElementsAre(at_53("127.0.0.1"), at_53("127.0.0.3")));
}

TEST_F(Leaving, StayWhileTheFileNamesThemAndForAWhileThereafter) {
    managed_names("127.0.0.1");
    watch({at_53("127.0.0.1"), at_53("127.0.0.3")});
    run_long();
    EXPECT_THAT(closed, ElementsAre(at_53("127.0.0.3")));
    managed_names("127.0.0.2");
    const auto begin = Clock::now();
    EXPECT_TRUE(closes(at_53("127.0.0.1")));
    EXPECT_GE(Clock::now() - begin, after - 20ms) << "from the last look at the latest";
}

TEST_F(Leaving, OnAWildcardAddressAreReachedOverLoopback) {
    managed_names("127.0.0.1");
    watch({at_53("0.0.0.0"), at_53("::")});
    run_long();
    EXPECT_THAT(closed, ElementsAre(at_53("::")));
}

TEST_F(Leaving, StayWhereOurPartIsDamagedOrTheFileCannotBeRead) {
    managed_names("127.0.0.1");
    write_file(path, "options edns0\n" + testing_support::read_file(path));
    watch({at_53("127.0.0.1")}, false);
    run_long();
    EXPECT_THAT(closed, IsEmpty()) << "damaged";
    ASSERT_EQ(::unlink(path.c_str()), 0);
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
    run_long();
    EXPECT_THAT(closed, IsEmpty()) << "a directory";
}

TEST_F(Leaving, StayForAFileThatIsNotOursOnlyWhereItIsToBe) {
    write_file(path, "nameserver 127.0.0.1\n");
    watch({at_53("127.0.0.1")}, true);
    run_long();
    EXPECT_THAT(closed, IsEmpty()) << "it is to be managed, and cannot be written";
    watch({at_53("127.0.0.1")}, false);
    EXPECT_TRUE(closes(at_53("127.0.0.1"))) << "another program may want the port";
}

TEST_F(Leaving, StayWhileTheFileOfTheConfigurationBeforeNamesThem) {
    before.path = dir / "before";
    managed_names("127.0.0.2");
    managed_names("127.0.0.1", before.path);
    watch({at_53("127.0.0.1")});
    run_long();
    EXPECT_THAT(closed, IsEmpty());
    write_file(before.path, "nameserver 10.0.0.2\n");
    EXPECT_TRUE(closes(at_53("127.0.0.1")));
}

TEST_F(Leaving, ThatAnotherReloadHasTakenBackStayForGood) {
    managed_names("127.0.0.2");
    watch({at_53("127.0.0.1"), at_53("127.0.0.3")});
    watch({at_53("127.0.0.3")});
    run_long();
    EXPECT_THAT(closed, ElementsAre(at_53("127.0.0.3")));
}

}  // namespace
}  // namespace taskdns::app
