// Escaping. Layer: http_server.
#include "http_server/html.hpp"

#include <array>
#include <cstdint>

namespace taskdns::http_server {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
    char32_t code = 0;
    std::size_t octets = 0;  // 0: no UTF-8 begins here
};

/// The first character of `text` (RFC 3629, section 4), which is not empty.
Character first_character(std::string_view text) {
    const auto octet = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = octet(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    char32_t code = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((octet(i) & 0xC0U) != 0x80U) return {};
        code = (code << 6U) | (octet(i) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> shortest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < shortest[length] || code > 0x10FFFF || surrogate) return {};
    return {code, length};
}

bool shown(char32_t code) {
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return !control && !direction;
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    while (!text.empty()) {
        const Character next = first_character(text);
        const std::size_t octets = next.octets == 0 ? 1 : next.octets;
        if (next.code == '&') {
            out += "&amp;";
        } else if (next.code == '<') {
            out += "&lt;";
        } else if (next.code == '>') {
            out += "&gt;";
        } else if (next.code == '"') {
            out += "&quot;";
        } else if (next.code == '\'') {
            out += "&#39;";
        } else if (next.code == '\n' || next.code == '\t' || next.code == '\r') {
            out += ' ';
        } else if (next.octets == 0 || !shown(next.code)) {
            out += replacement;
        } else {
            out += text.substr(0, octets);
        }
        text.remove_prefix(octets);
    }
    return out;
}

std::string escape_url(std::string_view text) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        out += '%';
        out += digits[octet >> 4U];
        out += digits[octet & 0xFU];
    }
    return out;
}

}  // namespace taskdns::http_server
