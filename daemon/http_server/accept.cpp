// Which of our two forms a client would rather have. Layer: http_server.
#include "http_server/accept.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace taskdns::http_server {
namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Cuts off and returns what stands before the first `separator`.
std::string_view take_until(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return trim(part);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

double parse_quality(std::string_view parameters) {
    while (!parameters.empty()) {
        std::string_view parameter = take_until(parameters, ';');
        if (!equal_ignoring_case(take_until(parameter, '='), "q")) continue;
        const std::string_view number = trim(parameter);
        double quality = 0;
        const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), quality);
        if (error != std::errc{} || rest != number.data() + number.size()) return 0;
        return quality >= 0 && quality <= 1 ? quality : 0;  // NaN is neither
    }
    return 1;
}

/// The quality of the most specific range that matches `type/subtype`; 0 if none does.
double quality(std::string_view accept, std::string_view type, std::string_view subtype) {
    int best_match = 0;
    double best = 0;
    while (!accept.empty()) {
        std::string_view range = take_until(accept, ',');
        std::string_view range_subtype = take_until(range, ';');
        const std::string_view range_type = take_until(range_subtype, '/');
        int match = 0;
        if (range_type == "*" && range_subtype == "*") match = 1;
        if (equal_ignoring_case(range_type, type)) {
            if (range_subtype == "*") match = 2;
            if (equal_ignoring_case(range_subtype, subtype)) match = 3;
        }
        if (match <= best_match) continue;
        best_match = match;
        best = parse_quality(range);
    }
    return best;
}

}  // namespace

Format choose_format(std::string_view accept, Format otherwise) {
    const double text = quality(accept, "text", "plain");
    const double json =
        std::max(quality(accept, "application", "json"), quality(accept, "application", "problem+json"));
    if (json == text) return otherwise;
    return json > text ? Format::json : Format::text;
}

}  // namespace taskdns::http_server
