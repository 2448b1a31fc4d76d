// Is this text at all? Layer: config.
#include "config/text_check.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace taskdns::config {
namespace {

// Octets of the UTF-8 character at the front; 0 if there is none (RFC 3629 section 4).
std::size_t utf8_length(std::string_view text) {
    const auto octet = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = octet(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((octet(i) & 0xc0) != 0x80) return 0;
    }
    const std::uint8_t second = octet(1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || beyond ? 0 : length;
}

bool is_stray_control(char c) {
    const auto octet = static_cast<unsigned char>(c);  // char has a sign on amd64, and none on arm64
    return (octet < ' ' && c != '\t' && c != '\n' && c != '\r') || octet == 0x7f;
}

}  // namespace

bool check_text(std::string_view text, std::uint32_t source, Mistakes& mistakes) {
    Place place{source, 1, 1};
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto octet = static_cast<unsigned char>(text.front());
        if (length == 0) {
            mistakes.add(place, "", fmt::format("octet 0x{:02x} is not UTF-8 (save it as UTF-8 text)", octet));
            return false;
        }
        if (is_stray_control(text.front())) {
            mistakes.add(place, "", fmt::format("octet 0x{:02x} is not text (is this a YAML file?)", octet));
            return false;
        }
        place.column += static_cast<std::uint32_t>(length);
        if (text.front() == '\n') place = {source, place.line + 1, 1};
        text.remove_prefix(length);
    }
    return true;
}

bool quote_is_closed(std::string_view text, const Place& place) {
    for (std::uint32_t line = 1; line < place.line; ++line) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
    text.remove_prefix(std::min<std::size_t>(place.column - 1, text.size()));
    if (!text.starts_with('\'') && !text.starts_with('"')) return true;  // not a quote
    const char quote = text.front();
    for (std::size_t i = 1; i < text.size(); ++i) {
        const bool escapes = (quote == '"' && text[i] == '\\') || (quote == '\'' && text.substr(i).starts_with("''"));
        if (escapes) {
            ++i;
        } else if (text[i] == quote) {
            return true;
        }
    }
    return false;
}

}  // namespace taskdns::config
