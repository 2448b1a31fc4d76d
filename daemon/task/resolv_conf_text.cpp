// The text of a managed resolv.conf, and back. Layer: task.
#include "task/resolv_conf_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/reaches.hpp"

namespace taskdns::task {
namespace {

constexpr std::uint16_t dns_port = 53;           // resolv.conf cannot name another
constexpr std::size_t most_servers = 3;          // glibc's and musl's MAXNS
constexpr std::size_t longest_line = 255;        // musl's buffer, without its end
constexpr std::size_t longest_saved_line = 120;  // for people, too
constexpr std::string_view blanks = " \t\r\v\f";

// Lines that begin so are ours; what is saved stands between the second and the third.
constexpr std::string_view header_mark = "# taskdns wrote this";
constexpr std::string_view header = "; \"taskdns resolv-conf restore\" puts back what it saved below\n";
constexpr std::string_view begin_mark = "# taskdns saved v1 ";
constexpr std::string_view end_mark = "# taskdns end";
constexpr std::string_view saved_mark = "#|";
constexpr std::string_view padding_mark = "\n# taskdns padding\n";

/// Takes the first line off `text`; without its line feed.
std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

/// What follows `keyword` at the beginning of a line and a blank, as libc has it; null: another line. To libc a line
/// ends at a NUL.
std::optional<std::string_view> after_keyword(std::string_view line, std::string_view keyword) {
    line = line.substr(0, line.find('\0'));
    if (!line.starts_with(keyword)) return std::nullopt;
    line.remove_prefix(keyword.size());
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

std::string first_mark_line(std::string_view original) {
    return std::string(begin_mark) + "bytes=" + std::to_string(original.size()) +
           " sum=" + hexadecimal(checksum(original));
}

/// Editors and terminals must not change it: what is not plain ASCII becomes \xHH, and so does a blank at a line's
/// end.
std::string escape(char c, bool ends_line) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '\\') return "\\\\";
    if (octet > 0x20 && octet < 0x7F) return std::string(1, c);
    if (c == ' ' && !ends_line) return " ";
    return "\\x" + hexadecimal(octet).substr(6);
}

/// Each line of `original` behind the mark. A backslash at the end: no line feed there, what follows is the same
/// line.
std::string save(std::string_view original) {
    std::string out = first_mark_line(original) + "\n";
    while (!original.empty()) {
        std::string line(saved_mark);
        std::size_t taken = 0;
        while (taken < original.size() && original[taken] != '\n' && line.size() < longest_saved_line) {
            const bool last = taken + 1 == original.size() || original[taken + 1] == '\n';
            line += escape(original[taken++], last);
        }
        const bool whole = taken < original.size() && original[taken] == '\n';
        out += line + (whole ? "\n" : "\\\n");
        original.remove_prefix(taken + (whole ? 1 : 0));
    }
    return out + std::string(end_mark) + "\n";
}

std::optional<char> parse_octet(std::string_view hex) {
    unsigned octet = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), octet, 16);
    if (hex.size() != 2 || error != std::errc() || end != hex.data() + hex.size()) return std::nullopt;
    return static_cast<char>(octet);
}

/// What a saved line, without its mark, stands for; null: nothing that save() writes.
std::optional<std::string> unescape(std::string_view line) {
    std::string out;
    while (!line.empty()) {
        const char c = line.front();
        line.remove_prefix(1);
        if (c != '\\') {
            out += c;
        } else if (line.empty()) {
            return out;
        } else if (line.front() == '\\') {
            out += '\\';
            line.remove_prefix(1);
        } else {
            const auto octet = line.front() == 'x' ? parse_octet(line.substr(1, 2)) : std::nullopt;
            if (!octet) return std::nullopt;
            out += *octet;
            line.remove_prefix(3);
        }
    }
    return out + "\n";
}

std::string_view without_padding(std::string_view text) {
    const std::size_t mark = text.rfind(padding_mark);
    if (mark == std::string_view::npos) return text;
    const bool nothing_more = text.find_first_not_of('\n', mark + padding_mark.size()) == std::string_view::npos;
    return nothing_more ? text.substr(0, mark) : text;
}

Error damaged(std::size_t line, const std::string& what) {
    return Error{Errc::malformed, "line " + std::to_string(line) +
                                      ": what taskdns saved there of the file before is damaged (" + what + ")"};
}

/// What is to stay of a text whose saved part is whole: no name servers, nothing of ours, no comment that a reader
/// might take in pieces.
std::string kept_lines(std::string_view text) {
    std::string out;
    bool saved = false;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (line.starts_with(begin_mark)) saved = true;
        const bool skipped = saved || line.starts_with(header_mark) || after_keyword(line, "nameserver");
        if (line == end_mark) saved = false;
        if (skipped) continue;
        // musl also skips the line after one with a NUL: what glibc reads of it is all there is.
        line = line.substr(0, line.find('\0'));
        const bool comment = line.starts_with('#') || line.starts_with(';');
        if (comment && line.size() > longest_line) continue;
        out.append(line) += '\n';
    }
    return out;
}

std::vector<IpAddress> addresses_of(const std::vector<SocketAddress>& servers) {
    std::vector<IpAddress> out;
    for (const SocketAddress& server : servers) out.push_back(server.address);
    return out;
}

}  // namespace

std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf) {
    std::vector<SocketAddress> out;
    while (!resolv_conf.empty()) {
        const auto rest = after_keyword(take_line(resolv_conf), "nameserver");
        if (!rest) continue;
        const std::string_view word = first_word(*rest);
        // libc reads an IPv4 address up to a comment that touches it.
        const auto address = IpAddress::parse(word.substr(0, word.find_first_of("#;")));
        if (address) out.push_back({*address, dns_port});
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

Result<std::optional<std::string>> find_original(std::string_view text) {
    const std::string_view all = without_padding(text);
    std::string original;
    std::string first_mark;
    bool ours = false;
    bool ended = false;
    std::size_t number = 0;
    for (std::string_view rest = all; !rest.empty();) {
        const std::string_view line = take_line(rest);
        ++number;
        const bool inside = !first_mark.empty() && !ended;
        ours = ours || line.starts_with(header_mark) || line.starts_with(begin_mark) || line == end_mark;
        if (line.starts_with(begin_mark)) {
            if (!first_mark.empty()) return damaged(number, "it begins twice");
            first_mark = line;
        } else if (line == end_mark) {
            if (!inside) return damaged(number, "it ends without a beginning");
            ended = true;
        } else if (inside) {
            const auto piece = line.starts_with(saved_mark) ? unescape(line.substr(saved_mark.size())) : std::nullopt;
            if (!piece) return damaged(number, "not a line of it");
            original += *piece;
        }
    }
    if (!ours) return all.size() == text.size() ? std::optional<std::string>() : std::optional(std::string(all));
    if (!ended) return damaged(number, first_mark.empty() ? "it is not there" : "its end is missing");
    if (first_mark != first_mark_line(original)) return damaged(number, "its size or sum is another");
    return std::optional(std::move(original));
}

Result<std::string> manage_text(std::string_view text, const std::vector<IpAddress>& servers) {
    std::string_view present = without_padding(text);
    if (addresses_of(parse_name_servers(present)) == servers) return std::string(text);
    const auto original = find_original(text);
    if (!original) return original.error();
    if (*original && present != **original) {
        present = present.substr(0, present.find_last_not_of('\n') + 1);  // a write that was not cut off yet
    }
    std::string out = std::string(header_mark).append(header);
    for (const IpAddress& server : servers) out += "nameserver " + server.to_string() + "\n";
    return out + kept_lines(present) + save(*original ? std::string_view(**original) : present);
}

Result<std::string> restore_text(std::string_view text) {
    auto original = find_original(text);
    if (!original) return original.error();
    return *original ? std::move(**original) : std::string(text);
}

std::string padding(std::size_t length) {
    if (length < padding_mark.size()) return std::string(length, '\n');
    return std::string(padding_mark) + std::string(length - padding_mark.size(), '\n');
}

std::vector<SocketAddress> original_name_servers(std::string_view text) {
    const auto original = find_original(text);
    if (original) return parse_name_servers(*original ? std::string_view(**original) : text);
    std::string readable;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = take_line(rest);
        if (!line.starts_with(saved_mark)) continue;
        if (const auto piece = unescape(line.substr(saved_mark.size()))) readable += *piece;
    }
    auto servers = parse_name_servers(readable);
    if (!servers.empty()) return servers;
    servers = parse_name_servers(text);  // the fallback's, and a listener of ours, maybe of an earlier start
    std::erase_if(servers, [](const SocketAddress& server) { return server.address.is_loopback(); });
    return servers;
}

std::vector<IpAddress> choose_servers(std::string_view text, const Naming& naming) {
    std::vector<IpAddress> out{naming.own};
    if (naming.enough_if_first) {
        const auto present = addresses_of(parse_name_servers(text));
        if (!present.empty() && present.front() == naming.own) return present;
    }
    if (!naming.fallback) return out;
    const auto add = [&](const std::vector<SocketAddress>& servers) {
        for (const SocketAddress& server : servers) {
            const bool ours = std::any_of(naming.never.begin(), naming.never.end(),
                                          [&](const SocketAddress& own) { return reaches(server, own); });
            const bool twice = std::find(out.begin(), out.end(), server.address) != out.end();
            if (server.port == dns_port && !ours && !twice && out.size() < most_servers)
                out.push_back(server.address);
        }
    };
    add(original_name_servers(text));
    if (out.size() == 1) add(naming.upstream);
    return out;
}

std::optional<IpAddress> find_local_listener(const std::vector<SocketAddress>& listeners) {
    std::optional<IpAddress> other;
    for (const SocketAddress& listener : listeners) {
        const IpAddress& address = listener.address;
        if (listener.port != dns_port) continue;
        if (address.is_unspecified()) return IpAddress::parse(address.is_v4() ? "127.0.0.1" : "::1");
        if (address.is_loopback()) return address;
        if (!other) other = address;
    }
    return other;
}

}  // namespace taskdns::task
