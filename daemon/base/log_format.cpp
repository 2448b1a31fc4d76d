// The text and the JSON form of one log line: always one line, never longer than a pipe takes at once.
// Layer: base. Pure.
#include <array>

#include <fmt/format.h>

#include "base/log.hpp"

namespace taskdns::log {
namespace {

// A write of up to PIPE_BUF (4,096) bytes goes into a pipe whole or not at all, so a line with its newline is
// never longer. What is cut ends in "...": quotes and braces after it still have room, so JSON stays JSON.
constexpr std::size_t longest_line = 4'095;
constexpr std::string_view cut_mark = "...";
constexpr std::size_t longest_content = longest_line - cut_mark.size() - std::string_view("\"}").size();

std::string_view to_string(Level level) {
    constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
    return names.at(static_cast<std::size_t>(level));
}

unsigned char byte_at(std::string_view text, std::size_t index) { return static_cast<unsigned char>(text[index]); }

/// The length of the UTF-8 sequence that `text` begins with; 0 if it is none (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF).
std::size_t sequence_length(std::string_view text) {
    const unsigned lead = byte_at(text, 0);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
    }
    if (length < 3) return length;
    const unsigned second = byte_at(text, 1);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second > 0x9F;
    const bool too_large = lead == 0xF4 && second > 0x8F;
    return overlong || surrogate || too_large ? 0 : length;
}

/// Controls would end the line or drive the terminal that shows it: C0, DEL, and C1 (U+0080 to U+009F).
bool is_control(std::string_view sequence) {
    const unsigned lead = byte_at(sequence, 0);
    return lead < 0x20 || lead == 0x7F || (sequence.size() == 2 && lead == 0xC2 && byte_at(sequence, 1) < 0xA0);
}

std::string escaped_for_json(std::string_view sequence) {
    switch (sequence[0]) {
        case '"':
            return "\\\"";
        case '\\':
            return "\\\\";
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        default:
            break;
    }
    if (!is_control(sequence)) return std::string(sequence);
    return fmt::format("\\u{:04x}", byte_at(sequence, sequence.size() - 1));  // C1: U+00NN has NN as its last byte
}

std::string escaped_for_text(std::string_view sequence) {
    if (!is_control(sequence) || sequence == "\n" || sequence == "\r" || sequence == "\t") {
        return escaped_for_json(sequence);
    }
    return fmt::format("\\x{:02x}", byte_at(sequence, sequence.size() - 1));
}

/// Appends `value` escaped; false if it did not fit, and then ends in the mark.
bool append_escaped(std::string& line, std::string_view value, Format format) {
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = sequence_length(value.substr(at));
        std::string piece;
        if (length == 0) {
            piece = format == Format::json ? "\uFFFD" : fmt::format("\\x{:02x}", byte_at(value, at));
        } else {
            const std::string_view sequence = value.substr(at, length);
            piece = format == Format::json ? escaped_for_json(sequence) : escaped_for_text(sequence);
        }
        if (line.size() + piece.size() > longest_content) {
            line += cut_mark;
            return false;
        }
        line += piece;
        at += length == 0 ? 1 : length;
    }
    return true;
}

bool needs_quotes(std::string_view value) {
    if (value.empty()) return true;
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = sequence_length(value.substr(at));
        if (length == 0 || is_control(value.substr(at, length))) return true;
        if (std::string_view(" \"=\\").find(value[at]) != std::string_view::npos) return true;
        at += length;
    }
    return false;
}

/// True if `name` and the signs around it still fit; a field that has no room at all is left out.
bool has_room(const std::string& line, std::string_view name, std::string_view literal) {
    constexpr std::size_t signs = 5;  // ,"":"
    return line.size() + name.size() + literal.size() + signs <= longest_content;
}

bool append_field(std::string& line, const Field& field, Format format) {
    const std::string_view literal = field.literal() ? field.value() : std::string_view();
    if (!has_room(line, field.name(), literal)) return false;
    line += format == Format::json ? fmt::format(",\"{}\":", field.name()) : fmt::format(" {}=", field.name());
    const bool quoted = !field.literal() && (format == Format::json || needs_quotes(field.value()));
    if (quoted) line += '"';
    const bool whole = append_escaped(line, field.value(), format);
    if (quoted) line += '"';
    return whole;
}

}  // namespace

std::string format_line(Format format, Level level, std::string_view wall_time, std::string_view layer,
                        std::string_view fact, Fields fields) {
    const bool json = format == Format::json;
    std::string line = json ? fmt::format(R"({{"time":"{}","level":"{}","layer":")", wall_time, to_string(level))
                            : fmt::format("{} {} ", wall_time, to_string(level));
    bool whole = append_escaped(line, layer, format);
    line += json ? R"(","event":")" : ": ";
    whole = whole && append_escaped(line, fact, format);
    if (json) line += '"';
    for (const Field& field : fields) {
        whole = whole && append_field(line, field, format);
    }
    if (json) line += '}';
    return line;
}

}  // namespace taskdns::log
