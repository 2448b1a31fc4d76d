// Durations and points in time: the words for them and their text form.
// Layer: base. Pure. Pure stages are given `now`; only the loops of I/O layers and app read a clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace taskdns {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using WallTime = std::chrono::system_clock::time_point;

/// A point that is never reached: "no deadline".
inline constexpr TimePoint never = TimePoint::max();

/// Reads `500ms`, `5s`, `1.8s`, `10m`, `24h`: one number, one unit, nothing else. Null if it is not a duration,
/// negative, or beyond 10 years.
std::optional<milliseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back to the same value: `500ms`, `1.8s`, `10m`, `24h`.
std::string format_duration(milliseconds duration);

/// RFC 3339 in UTC with milliseconds: `2026-11-22T16:10:11.123Z`.
std::string format_wall_time(WallTime time);

/// Reads exactly what format_wall_time writes, for the years 1970 to 2199; null for any other text.
std::optional<WallTime> parse_wall_time(std::string_view text);

/// Translates steady time points to wall time for people, by one pair of readings taken together.
struct WallAnchor {
    TimePoint steady;
    WallTime wall;

    static WallAnchor take() { return {Clock::now(), std::chrono::system_clock::now()}; }
    WallTime at(TimePoint time) const { return wall + std::chrono::duration_cast<WallTime::duration>(time - steady); }
};

}  // namespace taskdns
