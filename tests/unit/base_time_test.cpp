// Durations and wall times: text to value and back.
#include <gtest/gtest.h>

#include "base/time.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsANumberWithAUnit) {
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("5s"), 5s);
    EXPECT_EQ(parse_duration("1.8s"), 1800ms);
    EXPECT_EQ(parse_duration("10m"), 10min);
    EXPECT_EQ(parse_duration("24h"), 24h);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(ParseDuration, RejectsEverythingElse) {
    for (const char* text :
         {"", "5", "5x", "s", "-5s", "-0s", "5 s", "5s ", "1e3s", "5S", "1m30s", "100000000h", "nan"}) {
        EXPECT_FALSE(parse_duration(text).has_value()) << text;
    }
}

TEST(FormatDuration, WritesTheShortestTextThatReadsBack) {
    EXPECT_EQ(format_duration(0ms), "0s");
    EXPECT_EQ(format_duration(500ms), "500ms");
    EXPECT_EQ(format_duration(1800ms), "1.8s");
    EXPECT_EQ(format_duration(2s), "2s");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(10min), "10m");
    EXPECT_EQ(format_duration(24h), "24h");
    for (const auto ms : {1ms, 999ms, 1001ms, 59'999ms, 3'600'000ms})
        EXPECT_EQ(parse_duration(format_duration(ms)), ms);
}

TEST(FormatWallTime, WritesRfc3339InUtcWithMilliseconds) {
    EXPECT_EQ(format_wall_time(WallTime(1'700'000'000'123ms)), "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(format_wall_time(WallTime(0ms)), "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace taskdns
