// Log lines: machine-readable when asked for, and never a reason to stop answering.
#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::UnorderedElementsAreArray;

/// A pipe that is full and that nobody reads, as a container's stdout may be when its log driver hangs.
class FullPipe {
public:
    FullPipe() {
        if (pipe2(ends_, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
        fcntl(ends_[1], F_SETFL, O_NONBLOCK);
        const char filler[512] = {};
        while (write(ends_[1], filler, sizeof filler) > 0) {
        }
        fcntl(ends_[1], F_SETFL, 0);  // blocking again, for the daemon
    }
    ~FullPipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    FullPipe(const FullPipe&) = delete;
    FullPipe& operator=(const FullPipe&) = delete;
    int writable() const { return ends_[1]; }

private:
    int ends_[2] = {-1, -1};
};

TEST(Log, ThatNobodyReadsHoldsNothingUp) {
    Vpc vpc;
    const FullPipe pipe;
    DaemonOptions options =
        vpc.daemon_options("    health: {interval: 100ms, fast_interval: 100ms, timeout: 50ms}\n");
    options.stdout_descriptor = pipe.writable();
    DaemonUnderTest daemon(options);
    ASSERT_TRUE(daemon.wait_until_ready());
    for (int flap = 0; flap < 10; ++flap) {  // changes of state, so that there is something to log
        Backend& backend = vpc.backends["127.0.0.12"];
        flap % 2 == 0 ? backend.kill() : backend.start();
        const std::size_t expected = flap % 2 == 0 ? 3 : 4;
        ASSERT_TRUE(wait_until(2s, [&] { return daemon.ask_a(Vpc::service).size() == expected; })) << "flap " << flap;
    }
    for (int i = 0; i < 200; ++i) ASSERT_LT(daemon.ask({.name = Vpc::service}).elapsed, 500ms);
    const DaemonUnderTest::Stopped stopped = daemon.stop();
    EXPECT_EQ(stopped.status, std::optional(0));
    EXPECT_LE(stopped.elapsed, 1s);
}

TEST(Log, OfJsonIsOneObjectPerLine) {
    Vpc vpc;
    DaemonOptions options = vpc.daemon_options();
    options.environment["TASKDNS_LOG_FORMAT"] = "json";
    DaemonUnderTest daemon(options);
    ASSERT_TRUE(daemon.wait_until_ready());
    vpc.backends["127.0.0.12"].kill();
    ASSERT_TRUE(wait_until(4s, [&] { return daemon.ask_a(Vpc::service).size() == 3; }));
    EXPECT_EQ(daemon.stop().status, std::optional(0));

    std::istringstream lines(daemon.log());
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        boost::system::error_code error;
        const boost::json::value value = boost::json::parse(line, error);
        ASSERT_FALSE(error) << line;
        ASSERT_TRUE(value.is_object()) << line;
        EXPECT_TRUE(value.as_object().contains("level")) << line;
    }
    EXPECT_GE(count, 4) << "started, listening, a change, stopped: " << daemon.log();
    EXPECT_TRUE(daemon.says("127.0.0.12"));
}

TEST(Log, SaysWhatChangesAndNotWhatStays) {
    Vpc vpc;
    DaemonOptions options = vpc.daemon_options(
        "    health: {interval: 100ms, fast_interval: 100ms, timeout: 50ms}\n    poll: {min: 1s}\n");
    options.environment["TASKDNS_LOG_LEVEL"] = "info";
    const DaemonUnderTest daemon(options);
    ASSERT_TRUE(daemon.wait_until_ready());
    wait_until(300ms, [] { return false; });
    const std::string before = daemon.log();
    for (int i = 0; i < 100; ++i) daemon.ask_a(Vpc::service);
    wait_until(2'500ms, [] { return false; });  // some polls, many checks
    EXPECT_EQ(daemon.log(), before);
}

}  // namespace
}  // namespace taskdns::testing_support
