// How long answers go on after SIGTERM, and what ends it.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/linger.hpp"
#include "support/fake_metadata.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing_support::FakeMetadata;
using testing_support::MetadataConduct;

TEST(LongestLinger, IsWhatIsWrittenElse25SecondsInEcs) {
    EXPECT_EQ(longest_linger({}, true), 25s);
    EXPECT_EQ(longest_linger({}, false), 0s);
    EXPECT_EQ(longest_linger({.linger = 3s, .linger_ignore = {}}, true), 3s);
    EXPECT_EQ(longest_linger({.linger = 3s, .linger_ignore = {}}, false), 3s);
    EXPECT_EQ(longest_linger({.linger = 0s, .linger_ignore = {}}, true), 0s);
}

struct LeftCase {
    const char* name;
    task::OtherContainers others;
    std::optional<milliseconds> linger;
    bool nobody_left;
};

void PrintTo(const LeftCase& c, std::ostream* out) { *out << c.name; }

class IsNobodyLeft : public testing::TestWithParam<LeftCase> {};

TEST_P(IsNobodyLeft, ByTheOtherContainers) {
    EXPECT_EQ(is_nobody_left(GetParam().others, {.linger = GetParam().linger, .linger_ignore = {}}),
              GetParam().nobody_left);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Tasks, IsNobodyLeft,
    testing::Values(
        LeftCase{"OneRuns", {{"app"}, true, true}, std::nullopt, false},
        LeftCase{"AllHaveStopped", {{}, true, true}, std::nullopt, true},
        LeftCase{"NeverAnyOther", {{}, false, true}, std::nullopt, true},
        LeftCase{"AListWithoutUs", {{}, true, false}, std::nullopt, false},
        LeftCase{"NoList", {{}, false, false}, std::nullopt, false},
        LeftCase{"OneRunsForADuration", {{"app"}, true, true}, 5s, false},
        LeftCase{"AllHaveStoppedForADuration", {{}, true, true}, 5s, true},
        LeftCase{"NeverAnyOtherForADuration", {{}, false, true}, 5s, false}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

class LingerTest : public testing::Test {
protected:
    /// What ends it, and after how long.
    std::pair<Linger::End, Duration> wait(const config::Shutdown& settings, const std::string& uri) {
        TaskMetadata metadata(io.get_executor(), {.uri = uri}, {});
        Linger linger(io.get_executor(), metadata);
        if (signal_after) {
            signal.expires_after(*signal_after);
            signal.async_wait([&linger](const boost::system::error_code&) { EXPECT_TRUE(linger.end()); });
        }
        const TimePoint begin = Clock::now();
        const Linger::End end = testing_support::run(io, linger.wait(settings));
        const Duration elapsed = Clock::now() - begin;
        EXPECT_FALSE(linger.end()) << "it is over";
        return {end, elapsed};
    }

    asio::io_context io;
    asio::steady_timer signal{io};
    std::optional<milliseconds> signal_after;
    FakeMetadata endpoint{"ec2"};
};

TEST_F(LingerTest, EndsAsSoonAsTheLastContainerHasStopped) {
    asio::steady_timer timer(io, 300ms);
    timer.async_wait([this](const boost::system::error_code&) { endpoint.set_status("client", "STOPPED"); });
    const auto [end, elapsed] = wait({}, endpoint.uri());
    EXPECT_EQ(end, Linger::End::others_stopped);
    EXPECT_GE(elapsed, 300ms);
    EXPECT_LE(elapsed, 5s);
    EXPECT_LE(endpoint.requests(), 2U + static_cast<std::size_t>(elapsed / 500ms)) << "the endpoint throttles";
}

TEST_F(LingerTest, DoesNotTakeUsForAnother) {
    endpoint.set_status("client", "STOPPED");
    EXPECT_LE(wait({}, endpoint.uri()).second, 5s);
}

TEST_F(LingerTest, EndsByASignalWhileARequestHangs) {
    endpoint.behave(MetadataConduct::hangs);
    signal_after = 200ms;
    const auto [end, elapsed] = wait({}, endpoint.uri());
    EXPECT_EQ(end, Linger::End::asked);
    EXPECT_LE(elapsed, 1'500ms) << "the request would hang for longer";
}

TEST_F(LingerTest, EndsWhenItsTimeIsOver) {
    const auto [end, elapsed] = wait({.linger = 200ms, .linger_ignore = {}}, endpoint.uri());
    EXPECT_EQ(end, Linger::End::time_over);
    EXPECT_GE(elapsed, 200ms);
    EXPECT_LE(elapsed, 5s);
}

TEST_F(LingerTest, WaitsOutItsTimeWhereTheVariableIsUseless) {
    const auto [end, elapsed] = wait({.linger = 200ms, .linger_ignore = {}}, "https://metadata.internal/v4");
    EXPECT_EQ(end, Linger::End::time_over);
    EXPECT_GE(elapsed, 200ms);
}

TEST_F(LingerTest, TakesNoTimeOutsideEcs) {
    TaskMetadata metadata(io.get_executor(), {}, {});
    const Linger linger(io.get_executor(), metadata);
    EXPECT_FALSE(linger.lingers({}));
    EXPECT_TRUE(linger.lingers({.linger = 1s, .linger_ignore = {}}));
}

}  // namespace
}  // namespace taskdns::app
