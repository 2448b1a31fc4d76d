// A request's target taken apart, and whether its Host is one of ours. Layer: http_server.
#include "http_server/target.hpp"

#include <algorithm>
#include <cctype>

#include "base/ip_address.hpp"

namespace taskdns::http_server {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const auto high = hex_digit(text[i + 1]);
        const auto low = hex_digit(text[i + 2]);
        if (!high || !low) return std::nullopt;
        out.push_back(static_cast<char>(*high * 16 + *low));
        i += 2;
    }
    return out;
}

std::optional<Target> parse_target(std::string_view target) {
    constexpr std::string_view scheme = "http://";
    Target out;
    if (lower(target.substr(0, scheme.size())) == scheme) {
        target.remove_prefix(scheme.size());
        out.authority = target.substr(0, target.find_first_of("/?#"));
        if (out.authority.empty()) return std::nullopt;
        target.remove_prefix(out.authority.size());
        if (target.empty()) target = "/";
    }
    if (!target.starts_with('/')) return std::nullopt;
    const std::string_view path_and_query = target.substr(0, target.find('#'));
    std::string_view path = path_and_query.substr(0, path_and_query.find('?'));
    if (path.size() < path_and_query.size()) out.query = path_and_query.substr(path.size() + 1);
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const std::string_view encoded = path.substr(0, path.find('/'));
        auto segment = percent_decode(encoded);
        if (!segment) return std::nullopt;
        out.segments.push_back(std::move(*segment));
        path.remove_prefix(encoded.size());
    }
    if (out.segments.back().empty()) out.segments.pop_back();
    return out;
}

bool host_is_ours(std::string_view host, const std::vector<std::string>& further_hosts) {
    if (SocketAddress::parse(host)) return true;
    const std::size_t colon = host.find(':');
    if (colon != std::string_view::npos) {
        const std::string_view port = host.substr(colon + 1);
        const bool digits = std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!digits || port.size() > 5) return false;
    }
    std::string name = lower(host.substr(0, colon));
    if (name.ends_with('.')) name.pop_back();
    if (name == "localhost" || name.ends_with(".localhost")) return true;
    return !name.empty() && std::find(further_hosts.begin(), further_hosts.end(), name) != further_hosts.end();
}

}  // namespace taskdns::http_server
