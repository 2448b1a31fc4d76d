// The questions that the mutations of DNS messages ask: the small view's names, those that are special, and others.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace taskdns::fuzz {

/// A question in wire form; `name` without a trailing dot, its labels parted by dots.
inline std::vector<std::uint8_t> question(std::string_view name, unsigned type, unsigned klass = 1) {
    std::vector<std::uint8_t> out;
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        name.remove_prefix(label.size() < name.size() ? label.size() + 1 : label.size());
    }
    out.push_back(0);
    for (const unsigned number : {type, klass}) {
        out.push_back(static_cast<std::uint8_t>(number >> 8));
        out.push_back(static_cast<std::uint8_t>(number));
    }
    return out;
}

inline const std::vector<std::vector<std::uint8_t>>& questions() {
    static const std::vector<std::vector<std::uint8_t>> all{
        question("api.local", 1),
        question("api", 1),
        question("Mixed.Local", 28),
        question("mixed.local", 1),
        question("api.local", 33),
        question("big.local", 33),
        question("big.local", 1),
        question("pending.local", 1),
        question("empty.local", 1),
        question("unreached.local", 28),
        question("stale.local", 1),
        question("_http._tcp.x.local", 33),
        question("ip-10-0-1-1.api.local", 1),
        question("ip-10-0-1-9.api.local", 255),
        question("ip-10-0-9-9.api.local", 1),
        question("ip6-fd000000000000000000000000000001.mixed.local", 28),
        question("ip-10-0-4-1.x.local", 1),
        question("localhost", 28),
        question("x.localhost", 255),
        question("1.0.0.127.in-addr.arpa", 12),
        question("0.127.in-addr.arpa", 6),
        question("version.bind", 16, 3),
        question("id.server", 16, 3),
        question("api.local", 16, 3),
        question("www.example", 1),
        question("", 2),
        question("api.local", 41),
        question("api.local", 252)};
    return all;
}

}  // namespace taskdns::fuzz
