// Durations and points in time: their text form. Layer: base.
#include "base/time.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace taskdns {
namespace {

struct Unit {
    std::string_view name;
    double in_ms;
};

// Longest first, so that a duration is written with the largest unit that divides it.
constexpr std::array<Unit, 4> units{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr double longest_ms = 10.0 * 365 * 24 * 3'600'000;  // 10 years: nothing here lives longer

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
    double number = 0;
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || std::signbit(number)) return std::nullopt;
    const std::string_view unit_name(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
    for (const Unit& unit : units) {
        if (unit.name != unit_name) continue;
        const double ms = number * unit.in_ms;
        if (!(ms <= longest_ms)) return std::nullopt;
        return milliseconds(std::llround(ms));
    }
    return std::nullopt;
}

std::string format_duration(milliseconds duration) {
    const auto ms = duration.count();
    if (ms == 0) return "0s";
    for (const Unit& unit : units) {
        const auto divisor = static_cast<milliseconds::rep>(unit.in_ms);
        if (ms % divisor == 0) return fmt::format("{}{}", ms / divisor, unit.name);
        if (unit.name == "s" && ms > divisor) {  // 1.8s reads better than 1800ms
            std::string text = fmt::format("{:.3f}", static_cast<double>(ms) / unit.in_ms);
            text.erase(text.find_last_not_of('0') + 1);
            return text + "s";
        }
    }
    return fmt::format("{}ms", ms);
}

std::string format_wall_time(WallTime time) {
    const auto ms = std::chrono::time_point_cast<milliseconds>(time).time_since_epoch().count();
    const std::time_t whole_seconds = static_cast<std::time_t>(ms / 1000 - (ms % 1000 < 0 ? 1 : 0));
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole_seconds),
                       ms - static_cast<milliseconds::rep>(whole_seconds) * 1000);
}

std::optional<WallTime> parse_wall_time(std::string_view text) {
    constexpr std::string_view pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    if (text.size() != pattern.size()) return std::nullopt;
    std::array<unsigned, 7> fields{};  // year, month, day, hour, minute, second, millisecond
    std::size_t field = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = text[i];
        if (pattern[i] == 'd') {
            if (c < '0' || c > '9') return std::nullopt;
            fields[field] = fields[field] * 10 + static_cast<unsigned>(c - '0');
        } else {
            if (c != pattern[i]) return std::nullopt;
            ++field;
        }
    }
    const auto [year, month, day, hour, minute, second, millisecond] = fields;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (!date.ok() || year < 1970 || year > 2199 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + seconds(second) +
           milliseconds(millisecond);
}

}  // namespace taskdns
