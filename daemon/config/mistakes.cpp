// Every mistake of the user with its place. Layer: config.
#include "config/mistakes.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace taskdns::config {
namespace {

constexpr std::size_t longest_quote = 60;

bool is_at_or_below(std::string_view path, std::string_view above) {
    return path.starts_with(above) &&
           (path.size() == above.size() || path[above.size()] == '.' || path[above.size()] == '[');
}

}  // namespace

std::uint32_t Mistakes::add_source(std::string name) {
    sources_.push_back(std::move(name));
    return static_cast<std::uint32_t>(sources_.size() - 1);
}

void Mistakes::add(const Place& place, std::string path, std::string what) {
    if (found_.size() == most) {
        ++left_out_;
        return;
    }
    found_.push_back({place, std::move(path), std::move(what)});
}

bool Mistakes::none_at(std::string_view path) const {
    return std::none_of(found_.begin(), found_.end(),
                        [path](const Mistake& mistake) { return is_at_or_below(mistake.path, path); });
}

std::string Mistakes::place_text(const Place& place) const {
    const std::string name = printable(sources_[place.source]);
    return place.line == 0 ? name : fmt::format("{}:{}:{}", name, place.line, place.column);
}

std::string Mistakes::text() const {
    std::vector<Mistake> sorted = found_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Mistake& a, const Mistake& b) { return a.place < b.place; });
    std::string text;
    for (const Mistake& mistake : sorted) {
        if (!text.empty()) text += '\n';
        text += place_text(mistake.place) + ": ";
        if (!mistake.path.empty()) text += printable(mistake.path) + ": ";
        text += mistake.what;
    }
    if (left_out_ > 0) text += fmt::format("\n(and {} more)", left_out_);
    return text;
}

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < ' ' || octet == 0x7f) {
            out += fmt::format("\\x{:02x}", octet);
        } else {
            out += c;
        }
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    if (text.size() <= longest_quote) return "'" + printable(text) + "'";
    std::size_t end = longest_quote;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
    return "'" + printable(text.substr(0, end)) + "...'";
}

}  // namespace taskdns::config
