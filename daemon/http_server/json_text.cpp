// JSON as people read it. Layer: http_server.
#include "http_server/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json/serialize.hpp>

namespace taskdns::http_server {
namespace {

namespace json = boost::json;

// How deep a value stands; on one line nothing is indented.
struct Depth {
    std::size_t levels = 0;
    bool one_line = false;

    Depth deeper() const { return {levels + 1, one_line}; }
};

void append(std::string& out, const json::value& value, Depth depth);

void new_line(std::string& out, Depth depth) {
    if (depth.one_line) return;
    out.push_back('\n');
    out.append(depth.levels * 2, ' ');
}

void append_object(std::string& out, const json::object& object, Depth depth) {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, value] : object) {
        if (!first) out.append(depth.one_line ? ", " : ",");
        first = false;
        new_line(out, depth.deeper());
        out.append(json::serialize(json::string_view(key))).append(": ");
        append(out, value, depth.deeper());
    }
    if (!object.empty()) new_line(out, depth);
    out.push_back('}');
}

void append_array(std::string& out, const json::array& array, Depth depth) {
    const bool plain =
        std::all_of(array.begin(), array.end(), [](const json::value& element) { return !element.is_structured(); });
    out.push_back('[');
    bool first = true;
    for (const json::value& element : array) {
        if (!first) out.append(plain || depth.one_line ? ", " : ",");
        first = false;
        if (!plain) new_line(out, depth.deeper());
        append(out, element, depth.deeper());
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

void append(std::string& out, const json::value& value, Depth depth) {
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
    append(out, value, {});
    out.push_back('\n');
    return out;
}

std::string format_json_line(const json::value& value) {
    std::string out;
    append(out, value, {0, true});
    return out;
}

}  // namespace taskdns::http_server
