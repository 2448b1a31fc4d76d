// What the query of a target asks for. Layer: http_server.
#include "http_server/query.hpp"

#include <charconv>

#include "http_server/render.hpp"
#include "http_server/target.hpp"

namespace taskdns::http_server {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
    return number;
}

/// `30s`, or bare seconds.
std::optional<milliseconds> parse_wait(std::string_view text) {
    const auto bare = parse_number(text);
    std::optional<milliseconds> wait;
    if (!bare) {
        wait = parse_duration(text);
    } else if (*bare <= static_cast<std::uint64_t>(longest_wait.count())) {  // far from overflow
        wait = seconds(*bare);
    }
    if (!wait || wait->count() <= 0 || *wait > longest_wait) return std::nullopt;
    return wait;
}

Error mistake(const char* parameter, const std::string& value, const std::string& expected) {
    return {Errc::malformed,
            std::string("the parameter ") + parameter + " is " + in_quotes(value) + "; expected " + expected};
}

}  // namespace

Result<Query> parse_query(std::string_view text) {
    Query out;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find('&'));
        text.remove_prefix(one.size());
        if (text.starts_with('&')) text.remove_prefix(1);
        const std::string_view name = one.substr(0, one.find('='));
        const std::string_view encoded = name.size() == one.size() ? "" : one.substr(name.size() + 1);
        const std::string value = percent_decode(encoded).value_or(std::string(encoded));
        if (name == "fragment") {
            out.fragment = true;
        } else if (name == "index") {
            out.index = parse_number(value);
            if (!out.index) {
                return mistake("index", value, "a whole number, such as the last X-Taskdns-Index");
            }
        } else if (name == "wait") {
            const auto wait = parse_wait(value);
            if (!wait) return mistake("wait", value, "a duration of more than 0 and at most 10m, such as 30s");
            out.wait = *wait;
        }
    }
    return out;
}

}  // namespace taskdns::http_server
