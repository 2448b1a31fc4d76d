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

TEST(ParseWallTime, ReadsWhatIsWritten) {
    for (const auto ms : {0ms, 1ms, 1'700'000'000'123ms, 1'709'164'800'000ms /* a 29th of February */}) {
        EXPECT_EQ(parse_wall_time(format_wall_time(WallTime(ms))), WallTime(ms));
    }
    EXPECT_EQ(parse_wall_time("2026-11-22T16:10:11.123Z"), WallTime(1'795'363'811'123ms));
    EXPECT_TRUE(parse_wall_time("2199-12-31T23:59:59.999Z").has_value());
}

TEST(ParseWallTime, RejectsEverythingElse) {
    for (const char* text : {"",
                             "2026-11-22",
                             "2026-11-22T16:10:11Z",
                             "2026-11-22T16:10:11.12Z",
                             "2026-11-22T16:10:11.1234Z",
                             "2026-11-22T16:10:11.123",
                             "2026-11-22T16:10:11.123z",
                             "2026-11-22 16:10:11.123Z",
                             "2026-11-22T16:10:11,123Z",
                             "2026-11-22T16:10:11.123+",
                             "2026-11-22T16:10:11.123Z ",
                             " 026-11-22T16:10:11.123Z",
                             "-026-11-22T16:10:11.123Z",
                             "2026-00-22T16:10:11.123Z",
                             "2026-13-22T16:10:11.123Z",
                             "2026-11-00T16:10:11.123Z",
                             "2026-11-31T16:10:11.123Z",
                             "2025-02-29T16:10:11.123Z",
                             "2026-11-22T24:10:11.123Z",
                             "2026-11-22T16:60:11.123Z",
                             "2026-11-22T16:10:60.123Z",
                             "1969-12-31T23:59:59.999Z",
                             "2200-01-01T00:00:00.000Z"}) {
        EXPECT_FALSE(parse_wall_time(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace taskdns
