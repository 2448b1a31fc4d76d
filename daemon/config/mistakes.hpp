// Every mistake of the user, from every source, with its place: collected first, printed all at once.
// Layer: config. Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskdns::config {

/// Where a value was written. Compared in the order in which mistakes are printed.
struct Place {
    std::uint32_t source = 0;  ///< a file or an environment variable: what Mistakes::add_source() returned
    std::uint32_t line = 0;    ///< from 1; 0: the source as a whole
    std::uint32_t column = 0;  ///< from 1, in octets, as yaml-cpp counts

    auto operator<=>(const Place&) const = default;
};

class Mistakes {
public:
    std::uint32_t add_source(std::string name);
    const std::string& source_name(std::uint32_t source) const { return sources_[source]; }

    /// `path` is the key's, such as services[1].health.interval; empty for a mistake that belongs to no key. `what`
    /// says what is wrong and, in parentheses, the mend.
    void add(const Place& place, std::string path, std::string what);

    bool none() const { return found_.empty(); }
    bool enough() const { return found_.size() == most; }  ///< more would only be counted
    /// Nothing was found so far at this path or below: other rules may rely on what was read there.
    bool none_at(std::string_view path) const;
    /// `FILE:LINE:COLUMN`, or the source alone.
    std::string place_text(const Place& place) const;
    /// One line each, in the order of the sources and places, without a newline at the end.
    std::string text() const;

private:
    // Enough to work on; a file of another kind could have a million.
    static constexpr std::size_t most = 100;

    struct Mistake {
        Place place;
        std::string path;
        std::string what;
    };
    std::vector<std::string> sources_;
    std::vector<Mistake> found_;
    std::size_t left_out_ = 0;
};

/// Control characters as \xHH, so that a message stays one line; the rest unchanged.
std::string printable(std::string_view text);
/// `text` in single quotes, printable, cut where it is long.
std::string in_quotes(std::string_view text);

}  // namespace taskdns::config
