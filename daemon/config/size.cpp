// Sizes in octets as settings hold them. Layer: config.
#include "config/size.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include "config/mistakes.hpp"

namespace taskdns::config {
namespace {

struct Unit {
    std::string_view name;
    std::size_t octets;
};

// Largest first, so that a size is written with the largest unit that divides it.
constexpr std::array<Unit, 4> units{
    {{"GiB", std::size_t{1} << 30}, {"MiB", std::size_t{1} << 20}, {"KiB", std::size_t{1} << 10}, {"B", 1}}};
constexpr std::size_t largest = std::size_t{1} << 40;

struct Split {
    std::size_t number = 0;
    std::string_view unit;
};

std::optional<Split> split(std::string_view text) {
    Split out;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), out.number);
    if (error != std::errc{}) return std::nullopt;
    out.unit = text.substr(static_cast<std::size_t>(rest - text.data()));
    return out;
}

}  // namespace

std::optional<std::size_t> parse_size(std::string_view text) {
    const auto parts = split(text);
    if (!parts) return std::nullopt;
    if (parts->unit.empty() && parts->number == 0) return 0;
    for (const Unit& unit : units) {
        if (unit.name != parts->unit) continue;
        if (parts->number > largest / unit.octets) return std::nullopt;
        return parts->number * unit.octets;
    }
    return std::nullopt;
}

std::string format_size(std::size_t octets) {
    if (octets == 0) return "0";
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return octets % u.octets == 0; });
    return fmt::format("{}{}", octets / unit->octets, unit->name);
}

std::string not_a_size(std::string_view text) {
    const auto parts = split(text);
    std::string mend;
    if (parts && parts->number != 0) {
        std::string letters;
        for (const char c : parts->unit) {
            if (c != ' ') letters += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }
        const auto meant = [&](const char* a, const char* b) { return letters == a || letters == b; };
        // MB and M are 1,000,000 to some and 1,048,576 to others: the unit that says which is the one to write.
        const char* const unit = letters.empty() || meant("octets", "bytes") ? "B"
                                 : meant("k", "kb") || meant("kib", "ki")    ? "KiB"
                                 : meant("m", "mb") || meant("mib", "mi")    ? "MiB"
                                 : meant("g", "gb") || meant("gib", "gi")    ? "GiB"
                                                                             : "";
        mend = std::to_string(parts->number) + unit;
    }
    if (!parse_size(mend)) return in_quotes(text) + " is not a size (such as 512KiB or 1MiB)";
    return fmt::format("{} is not a size (try {})", in_quotes(text), mend);
}

}  // namespace taskdns::config
