// Tables for a terminal: their widths, their colours, and that no text can play tricks on the terminal.
#include <gtest/gtest.h>

#include "app/terminal_table.hpp"

namespace taskdns::app {
namespace {

const std::vector<Column> columns{{"NAME"}, {"STATE"}, {"AGE", 1}, {"ERROR", 2}};
const std::vector<std::vector<Cell>> rows{{{"orders"}, {"failing", Colour::red}, {"5 s"}, {"timeout"}},
                                          {{"größer"}, {"well", Colour::green}, {""}, {"-"}}};

TEST(TerminalTable, IsAsWideAsItComes) {
    EXPECT_EQ(format_columns(columns, rows, {}),
              "  NAME    STATE    AGE  ERROR\n"
              "  orders  failing  5 s  timeout\n"
              "  größer  well          -\n");
}

TEST(TerminalTable, GivesUpWhatIsWorthLeast) {
    EXPECT_EQ(format_columns(columns, rows, {false, 31}), format_columns(columns, rows, {})) << "31 are enough";
    EXPECT_EQ(format_columns(columns, rows, {false, 30}),
              "  NAME    STATE    ERROR\n"
              "  orders  failing  timeout\n"
              "  größer  well     -\n");
    EXPECT_EQ(format_columns(columns, rows, {false, 20}), "  NAME    STATE\n  orders  failing\n  größer  well\n");
    EXPECT_EQ(format_columns(columns, rows, {false, 12}), "  NAME    ST\n  orders  fa\n  größer  we\n") << "is cut";
    EXPECT_EQ(format_columns(columns, rows, {false, 4}), "  NA\n  or\n  gr\n");
}

TEST(TerminalTable, ColoursOnlyTheText) {
    EXPECT_EQ(format_columns({{"A"}, {"B"}}, {{{"x", Colour::red}, {"y"}}}, {true, 0}),
              "  \x1b[2mA\x1b[0m  \x1b[2mB\x1b[0m\n  \x1b[1;31mx\x1b[0m  y\n");
    EXPECT_EQ(format_line("all well", Colour::green, {true, 3}), "\x1b[32mall\x1b[0m\n");
}

TEST(TerminalTable, LetsNothingThroughToTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2J\x07\n\x7F\xC2\x9Bz\xC3\xA4"),
              "a?[2J???"
              "?z\xC3\xA4");
    EXPECT_EQ(format_columns({{"A"}}, {{{"\x1b]0;x\x07"}}}, {}), "  A\n  ?]0;x?\n");
}

}  // namespace
}  // namespace taskdns::app
