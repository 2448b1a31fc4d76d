// ${VAR} and ${VAR:-default} in the values of a YAML tree. Layer: config.
#include "config/expand.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace taskdns::config {
namespace {

bool is_variable_name(std::string_view name) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !name.empty() && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

Error wrong(std::string message) { return Error{Errc::invalid_config, std::move(message)}; }

// `inside` is what stands between ${ and }.
Result<std::string> value_of(std::string_view inside, const Environment& environment) {
    const std::size_t mark = inside.find(":-");
    const std::string name(inside.substr(0, mark));
    if (!is_variable_name(name)) {
        return wrong(fmt::format(
            "{} is not the name of a variable (write ${{NAME}} or ${{NAME:-default}}; $${{ is a literal ${{)",
            in_quotes(name)));
    }
    if (inside.find("${") != std::string_view::npos) {
        return wrong(fmt::format("${{{}}} has another ${{ inside (give a plain default)", name));
    }
    const auto value = environment(name);
    if (mark != std::string_view::npos && (!value || value->empty())) return std::string(inside.substr(mark + 2));
    if (!value) {
        return wrong(fmt::format("variable {} is not set (set it, or write ${{{}:-default}})", name, name));
    }
    return *value;
}

void expand_below(YamlNode& node, const std::string& path, const Environment& environment, Mistakes& mistakes) {
    if (node.kind == YamlNode::Kind::scalar && node.text.find("${") != std::string::npos) {
        if (auto expanded = expand(node.text, environment)) {
            node.text = std::move(*expanded);
        } else {
            node.broken = true;
            mistakes.add(node.place, path, expanded.error().message);
        }
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const std::string below = node.kind == YamlNode::Kind::list ? fmt::format("{}[{}]", path, i)
                                  : path.empty()                    ? node.keys[i].text
                                                                    : path + "." + node.keys[i].text;
        expand_below(node.items[i], below, environment, mistakes);
    }
}

}  // namespace

Result<std::string> expand(std::string_view text, const Environment& environment) {
    std::string out;
    while (!text.empty()) {
        if (text.starts_with("$${")) {
            out += "${";
            text.remove_prefix(3);
        } else if (text.starts_with("${")) {
            const std::size_t end = text.find('}');
            if (end == std::string_view::npos) {
                return wrong("a ${ is not closed (write ${NAME}; $${ is a literal ${)");
            }
            auto value = value_of(text.substr(2, end - 2), environment);
            if (!value) return value.error();
            out += *value;
            text.remove_prefix(end + 1);
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

void expand_all(YamlNode& node, const Environment& environment, Mistakes& mistakes) {
    expand_below(node, "", environment, mistakes);
}

}  // namespace taskdns::config
