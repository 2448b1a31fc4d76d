// Mutations of a text that keep its lines: see mutate.hpp.
#include "fuzz/mutate.hpp"

namespace taskdns::fuzz {
namespace {

using Lines = std::vector<std::string>;

Lines split(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        lines.emplace_back(line);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return lines;
}

std::string join(const Lines& lines, bool last_ends) {
    std::string text;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        text += lines[i];
        if (i + 1 < lines.size() || last_ends) text += '\n';
    }
    return text;
}

bool parts_words(char c) { return std::string_view(" \t,:=[]{}\"'/").find(c) != std::string_view::npos; }

/// Puts `word` in the place of one that is there; what parts the words stays.
void exchange_word(std::string& line, std::string_view word, Dice& dice) {
    const std::size_t somewhere = dice.below(line.size() + 1);
    std::size_t begin = somewhere;
    while (begin > 0 && !parts_words(line[begin - 1])) --begin;
    std::size_t end = somewhere;
    while (end < line.size() && !parts_words(line[end])) ++end;
    line.replace(begin, end - begin, word);
}

void indent(std::string& line, Dice& dice) {
    if (line.starts_with("  ") && dice.one_in(2)) {
        line.erase(0, 2);
    } else {
        line.insert(0, dice.one_in(8) ? "\t" : "  ");
    }
}

void change(Lines& lines, std::span<const std::string_view> new_lines, std::span<const std::string_view> words,
            Dice& dice) {
    const std::size_t at = dice.below(lines.size());
    const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
    switch (dice.below(8)) {
        case 0:
            lines.erase(place);
            break;
        case 1:
            lines.insert(place, lines[dice.below(lines.size())]);
            break;
        case 2:
            std::swap(lines[at], lines[dice.below(lines.size())]);
            break;
        case 3:
            indent(lines[at], dice);
            break;
        case 4:
            lines.insert(place, std::string(dice.pick(new_lines)));
            break;
        case 5:
            lines[at] = dice.pick(new_lines);
            break;
        default:
            exchange_word(lines[at], dice.pick(words), dice);
    }
}

}  // namespace

std::size_t mutate_lines(Draft draft, std::span<const std::string_view> lines,
                         std::span<const std::string_view> words) {
    Dice dice(draft.seed);
    if (draft.size > 0 && dice.one_in(3)) return draft.blindly();
    Lines text = split(draft.text());
    for (std::size_t times = 1 + dice.below(4); times > 0; --times) {
        if (text.empty()) text.emplace_back(dice.pick(lines));
        change(text, lines, words, dice);
    }
    return draft.become(join(text, !dice.one_in(8)));
}

}  // namespace taskdns::fuzz
