// A table for a terminal. Layer: app.
#include "app/terminal_table.hpp"

#include <algorithm>

namespace taskdns::app {
namespace {

constexpr std::size_t gap = 2;  // characters before each column

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Characters, not octets. (All of the text is ours or of names, so none is two columns wide.)
std::size_t width_of(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

/// The first `most` characters.
std::string_view cut(std::string_view text, std::size_t most) {
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        if (continues(text[end])) continue;
        if (most == 0) break;
        --most;
    }
    return text.substr(0, end);
}

std::string_view sequence_of(Colour colour) {
    switch (colour) {
        case Colour::dim:
            return "\x1b[2m";
        case Colour::green:
            return "\x1b[32m";
        case Colour::yellow:
            return "\x1b[33m";
        case Colour::red:
            return "\x1b[1;31m";
        case Colour::plain:
            break;
    }
    return "";
}

void append(std::string& out, std::string_view text, Colour colour, bool colours) {
    const std::string_view sequence = colours ? sequence_of(colour) : "";
    out.append(sequence).append(text);
    if (!sequence.empty()) out += "\x1b[0m";
}

/// The columns that have room, in order.
std::vector<std::size_t> choose(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                                std::size_t room) {
    std::vector<std::size_t> chosen(columns.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = i;
    while (room != 0) {
        std::size_t all = 0;
        auto least = chosen.end();
        for (auto at = chosen.begin(); at != chosen.end(); ++at) {
            all += gap + widths[*at];
            const unsigned worth = columns[*at].worth;
            if (worth != 0 && (least == chosen.end() || worth < columns[*least].worth)) least = at;
        }
        if (all <= room || least == chosen.end()) break;
        chosen.erase(least);
    }
    return chosen;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        const bool c1 = octet == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (c1) ++i;
        out += octet < 0x20 || octet == 0x7F || c1 ? '?' : text[i];
    }
    return out;
}

std::string format_line(std::string_view text, Colour colour, const TerminalStyle& style) {
    const std::string shown = printable(text);
    std::string out;
    append(out, style.width == 0 ? shown : cut(shown, style.width), colour, style.colours);
    return out + "\n";
}

std::string format_columns(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                           const TerminalStyle& style) {
    std::vector<std::vector<Cell>> lines;
    lines.reserve(rows.size() + 1);
    lines.emplace_back();
    for (const Column& column : columns) lines.front().push_back({column.title, Colour::dim});
    for (const auto& row : rows) lines.push_back(row);
    std::vector<std::size_t> widths(columns.size(), 0);
    for (auto& line : lines) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            line[i].text = printable(line[i].text);
            widths[i] = std::max(widths[i], width_of(line[i].text));
        }
    }
    const std::vector<std::size_t> chosen = choose(columns, widths, style.width);
    std::string out;
    for (const auto& line : lines) {
        std::size_t room = style.width == 0 ? std::string::npos : style.width;
        std::size_t blanks = 0;  // owed before the next cell that is not empty
        for (const std::size_t i : chosen) {
            blanks += gap;
            if (line[i].text.empty() || blanks >= room) {
                blanks += widths[i];
                continue;
            }
            const std::string_view text = cut(line[i].text, room - blanks);
            out.append(blanks, ' ');
            append(out, text, line[i].colour, style.colours);
            room -= room == std::string::npos ? 0 : blanks + width_of(text);
            blanks = widths[i] - width_of(text);
        }
        out += '\n';
    }
    return out;
}

}  // namespace taskdns::app
