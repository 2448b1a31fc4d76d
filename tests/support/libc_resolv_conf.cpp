// How glibc and musl read a resolv.conf, by their own rules.
#include "support/libc_resolv_conf.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace taskdns::testing_support {
namespace {

constexpr std::size_t most_servers = 3;
constexpr std::size_t musl_buffer = 256;

bool is_address(const std::string& text) {
    in6_addr parsed{};
    return inet_pton(AF_INET, text.c_str(), &parsed) == 1 || inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

/// Without what is in `blanks` at its beginning, and up to one of `ends`.
std::string word(const std::string& text, const char* blanks, const char* ends) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_first_of(ends, begin) - begin);
}

bool matches(const std::string& line, const char* keyword, const char* blanks) {
    const std::size_t length = std::strlen(keyword);
    return line.compare(0, length, keyword) == 0 && line.size() > length &&
           std::strchr(blanks, line[length]) != nullptr;
}

void take_line(LibcView& view, const std::string& line, const char* blanks, const char* ends) {
    const auto rest = [&](const char* keyword) { return line.substr(std::strlen(keyword)); };
    const auto whole = [&](const char* keyword) { return word(rest(keyword), blanks, "\n"); };
    if (matches(line, "nameserver", blanks)) {
        const std::string address = word(rest("nameserver"), blanks, ends);
        if (is_address(address) && view.servers.size() < most_servers) view.servers.push_back(address);
    } else if (matches(line, "search", blanks)) {
        view.search = whole("search");
    } else if (matches(line, "domain", blanks)) {
        view.search = whole("domain");
    } else if (matches(line, "options", blanks)) {
        view.options.push_back(whole("options"));
    } else if (matches(line, "sortlist", blanks)) {
        view.sortlists.push_back(whole("sortlist"));
    }
}

/// fgets(): up to a line feed, the end, or a full buffer.
std::string_view next_piece(std::string_view& text) {
    const std::size_t feed = text.find('\n');
    const std::size_t whole = feed == std::string_view::npos ? text.size() : feed + 1;
    const std::string_view piece = text.substr(0, std::min(whole, musl_buffer - 1));
    text.remove_prefix(piece.size());
    return piece;
}

}  // namespace

LibcView read_as_glibc(std::string_view text) {
    LibcView view;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::string seen(line.substr(0, line.find('\0')));
        if (!seen.empty() && (seen[0] == '#' || seen[0] == ';')) continue;
        take_line(view, seen, " \t", " \t\n");
    }
    return view;
}

LibcView read_as_musl(std::string_view text) {
    LibcView view;
    while (!text.empty()) {
        const std::string piece(next_piece(text));
        const std::string seen(piece.c_str());
        if (seen.find('\n') == std::string::npos && !text.empty()) {
            text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
            continue;
        }
        take_line(view, seen, " \t\n\v\f\r", " \t\n\v\f\r");
    }
    view.sortlists.clear();
    return view;
}

}  // namespace taskdns::testing_support
