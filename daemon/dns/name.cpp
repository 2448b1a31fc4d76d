// A domain name in wire form, lower-cased: text and wire to name and back. Layer: dns.
#include "dns/name.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace taskdns::dns {
namespace {

constexpr std::size_t max_label = 63;  // RFC 1035 section 2.3.4
constexpr std::size_t max_name = 255;  // the same, with the root's octet
constexpr std::size_t max_shown = 80;  // a mistyped text is quoted only so far in a message

// std::tolower depends on the locale; DNS folds ASCII only (RFC 4343 section 3).
char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_allowed(char c) {
    const char lower = folded(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_printable(char c) { return c > ' ' && c < 0x7f; }

std::string escaped(std::string_view octets) {
    std::string out;
    for (const char c : octets) {
        if (!is_printable(c)) {
            out += fmt::format("\\{:03}", static_cast<unsigned char>(c));
            continue;
        }
        if (c == '.' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, max_shown)) {
        out +=
            is_printable(c) || c == ' ' ? std::string(1, c) : fmt::format("\\{:03}", static_cast<unsigned char>(c));
    }
    return "'" + out + (text.size() > max_shown ? "...'" : "'");
}

Error malformed(std::string message) { return Error{Errc::malformed, std::move(message)}; }

}  // namespace

Result<Name> Name::parse(std::string_view text) {
    if (text.empty()) return malformed("a name is missing (such as orders.local)");
    if (text == ".") return Name();
    const std::string_view whole = text;
    if (text.ends_with('.')) text.remove_suffix(1);

    std::string wire;
    while (true) {
        const std::size_t dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        if (label.empty())
            return malformed(in_quotes(whole) + " has an empty label (two dots in a row, or one in front)");
        if (const auto bad = std::find_if_not(label.begin(), label.end(), is_allowed); bad != label.end()) {
            return malformed(fmt::format("{} has {} in its label {} (letters, digits, - and _ only)",
                                         in_quotes(whole), in_quotes({bad, 1}), in_quotes(label)));
        }
        if (label.size() > max_label) {
            return malformed(
                fmt::format("label {} has {} characters (at most {})", in_quotes(label), label.size(), max_label));
        }
        wire += static_cast<char>(label.size());
        std::transform(label.begin(), label.end(), std::back_inserter(wire), folded);
        if (dot == std::string_view::npos) break;
        text.remove_prefix(dot + 1);
    }
    wire += '\0';
    if (wire.size() > max_name) {
        return malformed(fmt::format("{} is {} octets long (at most {})", in_quotes(whole), wire.size(), max_name));
    }
    Name name;
    name.wire_ = std::move(wire);
    return name;
}

Result<Name> Name::from_wire(std::span<const std::uint8_t> wire) {
    Name name;
    name.wire_.clear();
    std::size_t at = 0;
    while (true) {
        if (at >= wire.size()) return malformed("a name is cut short");
        const std::size_t length = wire[at];
        if (length > max_label) return malformed("a name is compressed or has a label of an unknown kind");
        if (at + 1 + length > wire.size()) return malformed("a name is cut short");
        // What is not the root's octet needs room for it.
        if (at + 1 + length + (length == 0 ? 0 : 1) > max_name) return malformed("a name is longer than 255 octets");
        name.wire_ += static_cast<char>(length);
        for (std::size_t i = at + 1; i <= at + length; ++i) name.wire_ += folded(static_cast<char>(wire[i]));
        at += 1 + length;
        if (length == 0) return name;
    }
}

std::string Name::to_string() const {
    if (is_root()) return ".";
    std::string text;
    for (std::size_t at = 0; wire_[at] != '\0';) {
        const std::size_t length = static_cast<unsigned char>(wire_[at]);
        if (at != 0) text += '.';
        text += escaped(std::string_view(wire_).substr(at + 1, length));
        at += 1 + length;
    }
    return text;
}

Name Name::parent() const {
    Name name;
    name.wire_ = wire_.substr(1 + static_cast<unsigned char>(wire_.front()));
    return name;
}

std::string_view Name::first_label() const {
    return std::string_view(wire_).substr(1, static_cast<unsigned char>(wire_.front()));
}

}  // namespace taskdns::dns
