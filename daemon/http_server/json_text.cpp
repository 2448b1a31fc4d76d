// JSON as people read it. Layer: http_server.
#include "http_server/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json/serialize.hpp>

namespace taskdns::http_server {
namespace {

namespace json = boost::json;

void append(std::string& out, const json::value& value, std::size_t depth);

void new_line(std::string& out, std::size_t depth) {
    out.push_back('\n');
    out.append(depth * 2, ' ');
}

void append_object(std::string& out, const json::object& object, std::size_t depth) {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, value] : object) {
        if (!first) out.push_back(',');
        first = false;
        new_line(out, depth + 1);
        out.append(json::serialize(json::string_view(key))).append(": ");
        append(out, value, depth + 1);
    }
    if (!object.empty()) new_line(out, depth);
    out.push_back('}');
}

void append_array(std::string& out, const json::array& array, std::size_t depth) {
    const bool plain =
        std::all_of(array.begin(), array.end(), [](const json::value& element) { return !element.is_structured(); });
    out.push_back('[');
    bool first = true;
    for (const json::value& element : array) {
        if (!first) out.append(plain ? ", " : ",");
        first = false;
        if (!plain) new_line(out, depth + 1);
        append(out, element, depth + 1);
    }
    if (!plain) new_line(out, depth);
    out.push_back(']');
}

/// The shortest text that is read back to the same number; the library would write 4.12E-1.
void append_number(std::string& out, double number) {
    std::array<char, 32> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    out.append(text.data(), end);
}

void append(std::string& out, const json::value& value, std::size_t depth) {
    if (const auto* object = value.if_object()) {
        append_object(out, *object, depth);
    } else if (const auto* array = value.if_array()) {
        append_array(out, *array, depth);
    } else if (const auto* number = value.if_double()) {
        append_number(out, *number);
    } else {
        out.append(json::serialize(value));
    }
}

}  // namespace

std::string format_json(const json::value& value) {
    std::string out;
    append(out, value, 0);
    out.push_back('\n');
    return out;
}

}  // namespace taskdns::http_server
