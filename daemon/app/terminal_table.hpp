// A table for a terminal: as wide as it may be, coloured where that is wanted.
// Layer: app (this header: standard library only). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskdns::app {

enum class Colour { plain, dim, green, yellow, red };

struct Cell {
    std::string text;
    Colour colour = Colour::plain;
};

struct Column {
    std::string title;
    unsigned worth = 0;  ///< where there is no room for all, those of the least worth go first; 0: never
};

struct TerminalStyle {
    bool colours = false;
    std::size_t width = 0;  ///< in characters; 0: as wide as it comes
};

/// `text` so that it cannot do anything to the terminal: control characters become `?`.
std::string printable(std::string_view text);

/// One line, cut to the width, with a newline.
std::string format_line(std::string_view text, Colour colour, const TerminalStyle& style);

/// A header and a line for each row, each indented by two. A row has a cell for each column.
std::string format_columns(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                           const TerminalStyle& style);

}  // namespace taskdns::app
