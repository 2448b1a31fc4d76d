// The text of a managed resolv.conf, and back. Layer: task.
#include "task/resolv_conf_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/local_listener.hpp"
#include "base/reaches.hpp"

namespace taskdns::task {
namespace {

constexpr std::size_t most_servers = 3;  // glibc's and musl's MAXNS
constexpr std::size_t most_lines = 20;   // of name servers in an original: their places go into one short line
constexpr std::string_view blanks = " \t\r\v\f";

// Our part. It begins with a line feed: the original may have none at its end, and musl skips the line behind one
// that has a NUL in it.
constexpr std::string_view first_line =
    "\n# taskdns is asked in place of #ameserver; \"taskdns resolv-conf restore\" undoes it\n";
constexpr std::string_view figures_mark = "# taskdns v1 bytes=";
constexpr std::string_view any_mark = "\n# taskdns is asked";
constexpr std::string_view last_line = "# taskdns end\n";
constexpr std::string_view last_mark = "\n# taskdns end";
constexpr std::string_view keyword = "nameserver";
constexpr std::string_view hidden_keyword = "#ameserver";

/// Takes the first line off `text`; without its line feed.
std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

/// What follows `word` at the beginning of a line and a blank, as libc has it; null: another line. To libc a line
/// ends at a NUL.
std::optional<std::string_view> after_keyword(std::string_view line, std::string_view word) {
    line = line.substr(0, line.find('\0'));
    if (!line.starts_with(word)) return std::nullopt;
    line.remove_prefix(word.size());
    const std::size_t begin = line.find_first_not_of(blanks);
    if (begin == 0) return std::nullopt;
    return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(blanks)); }

/// FNV-1a, 32 bits: against an edit or a write cut short, not against an enemy, who could as well name a server.
std::uint32_t checksum(std::string_view text) {
    std::uint32_t sum = 0x811C9DC5U;
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x01000193U;
    return sum;
}

std::string hexadecimal(std::uint32_t number) {
    std::string out(8, '0');
    for (auto digit = out.rbegin(); digit != out.rend(); ++digit, number >>= 4U) {
        *digit = "0123456789abcdef"[number & 0xFU];
    }
    return out;
}

/// Where the lines begin that name servers, understood or not.
std::vector<std::size_t> name_server_lines(std::string_view text) {
    std::vector<std::size_t> out;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t begin = text.size() - rest.size();
        if (after_keyword(take_line(rest), keyword)) out.push_back(begin);
    }
    return out;
}

/// Tells all that is needed to undo it: "# taskdns v1 bytes=75 sum=d5ad4f81 lines=0,20".
std::string figures_line(std::string_view original) {
    std::string out = std::string(figures_mark) + std::to_string(original.size()) +
                      " sum=" + hexadecimal(checksum(original)) + " lines=";
    const char* separator = "";
    for (const std::size_t begin : name_server_lines(original)) {
        out += separator + std::to_string(begin);
        separator = ",";
    }
    return out + "\n";
}

std::optional<std::size_t> take_number(std::string_view& text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// The octets before our part, with the first of each line that named a server as it was; null: not by these figures.
std::optional<std::string> undo(std::string_view before, std::string_view figures) {
    std::string original(before);
    std::string_view places = figures.substr(std::min(figures.rfind('=') + 1, figures.size()));
    while (!places.empty() && places != "\n") {
        const auto place = take_number(places);
        if (!place || *place >= original.size()) return std::nullopt;
        original[*place] = keyword.front();
        places.remove_prefix(std::min<std::size_t>(1, places.size()));
    }
    return figures_line(original) == figures ? std::optional(std::move(original)) : std::nullopt;
}

/// Where the figures do not fit any more: so are the lines that they were about.
std::string undo_by_lines(std::string_view before) {
    std::string original(before);
    if (original.starts_with(hidden_keyword)) original[0] = keyword.front();
    for (std::size_t at = 0; (at = original.find("\n#ameserver", at)) != std::string::npos;) {
        original[++at] = keyword.front();
    }
    return original;
}

/// A line of ours, or what a kill -9 on the way back has left of one.
bool is_ours(std::string_view line) {
    return line.starts_with("# taskdns v") || line.starts_with(hidden_keyword) || after_keyword(line, keyword) ||
           line.find_first_not_of('#') == std::string_view::npos;
}

struct Part {
    std::string_view figures;
    std::size_t end = 0;
    std::string others;  ///< the lines in it that are not ours
};

/// Our part ends with its last line; if somebody has taken that away, before the first line that is not ours.
Part read_part(std::string_view text, std::size_t begin) {
    std::string_view rest = text.substr(begin + 1);
    const bool ends = rest.find(last_mark) < rest.find(any_mark);
    take_line(rest);
    Part out{.figures = rest.substr(0, std::min(rest.find('\n') + 1, rest.size())), .end = 0, .others = {}};
    while (!rest.empty()) {
        const std::string_view from_here = rest;
        const std::string_view line = take_line(rest);
        if (line.starts_with(last_mark.substr(1))) break;
        if (is_ours(line)) continue;
        if (!ends) {
            rest = from_here;
            break;
        }
        out.others.append(line).push_back('\n');
    }
    out.end = text.size() - rest.size();
    return out;
}

}  // namespace

std::vector<IpAddress> addresses_of(const std::vector<SocketAddress>& servers) {
    std::vector<IpAddress> out;
    out.reserve(servers.size());
    for (const SocketAddress& server : servers) out.push_back(server.address);
    return out;
}

std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf) {
    std::vector<SocketAddress> out;
    while (!resolv_conf.empty()) {
        const auto rest = after_keyword(take_line(resolv_conf), keyword);
        if (!rest) continue;
        const std::string_view word = first_word(*rest);
        // libc reads an IPv4 address up to a comment that touches it.
        const auto address = IpAddress::parse(word.substr(0, word.find_first_of("#;")));
        if (address) out.push_back({*address, resolv_conf_port});
    }
    return out;
}

bool has_rotate(std::string_view resolv_conf) {
    while (!resolv_conf.empty()) {
        auto rest = after_keyword(take_line(resolv_conf), "options");
        while (rest && !rest->empty()) {
            const std::string_view word = first_word(*rest);
            if (word == "rotate") return true;
            const std::size_t next = rest->find_first_not_of(blanks, word.size());
            rest->remove_prefix(std::min(next, rest->size()));
        }
    }
    return false;
}

std::optional<ManagedText> find_managed(std::string_view text) {
    const std::size_t begin = text.find(any_mark);
    if (begin == std::string_view::npos) return std::nullopt;
    const std::string_view above = text.substr(0, begin);
    const Part part = read_part(text, begin);
    auto exact = undo(above, part.figures);
    ManagedText out{.begin = begin, .end = part.end, .original = {}, .edited = !exact};
    out.original = exact ? std::move(*exact) : undo_by_lines(above);
    const std::string behind = part.others + std::string(text.substr(part.end));
    if (behind.empty()) return out;
    out.edited = true;
    if (!above.empty() && above.back() != '\n') out.original += '\n';
    out.original += behind;
    if (behind.back() != '\n') out.original += '\n';
    out.original = restore_text(out.original);  // one more part of ours may be there
    return out;
}

Result<std::string> manage_text(std::string_view text, const std::vector<IpAddress>& servers) {
    if (addresses_of(parse_name_servers(text)) == servers) return std::string(text);
    const std::string original = restore_text(text);
    std::string out = original;
    const std::vector<std::size_t> lines = name_server_lines(out);
    if (lines.size() > most_lines) {
        return Error{Errc::over_limit, "more than " + std::to_string(most_lines) + " lines name servers"};
    }
    for (const std::size_t begin : lines) out[begin] = '#';
    out.append(first_line).append(figures_line(original));
    for (const IpAddress& server : servers) out += "nameserver " + server.to_string() + "\n";
    return out.append(last_line);
}

std::string restore_text(std::string_view text) {
    auto managed = find_managed(text);
    return managed ? std::move(managed->original) : std::string(text);
}

std::vector<SocketAddress> original_name_servers(std::string_view text) {
    return parse_name_servers(restore_text(text));
}

std::vector<IpAddress> choose_servers(std::string_view text, const Naming& naming) {
    std::vector<IpAddress> out{naming.own};
    if (naming.enough_if_first) {
        auto present = addresses_of(parse_name_servers(text));
        if (!present.empty() && present.front() == naming.own) return present;
    }
    if (!naming.fallback) return out;
    const auto add = [&](const std::vector<SocketAddress>& servers) {
        for (const SocketAddress& server : servers) {
            const bool ours = std::any_of(naming.never.begin(), naming.never.end(),
                                          [&](const SocketAddress& own) { return reaches(server, own); });
            const bool twice = std::find(out.begin(), out.end(), server.address) != out.end();
            if (server.port == resolv_conf_port && !ours && !twice && out.size() < most_servers)
                out.push_back(server.address);
        }
    };
    add(original_name_servers(text));
    if (out.size() == 1) add(naming.upstream);
    return out;
}

}  // namespace taskdns::task
