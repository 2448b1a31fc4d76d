// The known word that a mistyped one most likely means. Layer: base.
#include "base/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

namespace taskdns {
namespace {

constexpr std::size_t shortest_prefix = 3;  // `warn` is meant to be `warning`
constexpr std::size_t longest_word = 64;    // nothing known is near a longer one; bounds the work

std::string plain(std::string_view word) {
    std::string out(word);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '-') c = '_';
    }
    return out;
}

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    std::iota(d[0].begin(), d[0].end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

const std::string* nearest(std::string_view word, std::span<const std::string> known) {
    const std::string* best = nullptr;
    if (word.size() > longest_word) return best;
    std::size_t least = 1 + std::max<std::size_t>(1, word.size() / 3);  // a third of it may be wrong
    for (const std::string& candidate : known) {
        std::size_t found = distance(plain(word), plain(candidate));
        if (word.size() >= shortest_prefix && plain(candidate).starts_with(plain(word)))
            found = std::min(found, least - 1);
        if (found >= least || found >= candidate.size()) continue;
        least = found;
        best = &candidate;
    }
    return best;
}

std::string suggestion(std::string_view word, std::span<const std::string> known) {
    if (const std::string* best = nearest(word, known)) return "(did you mean " + *best + "?)";
    return fmt::format("(known here: {})", fmt::join(known, ", "));
}

}  // namespace taskdns
