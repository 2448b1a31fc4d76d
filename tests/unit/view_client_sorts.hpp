// What clients' resolvers do with an answer's addresses, written after their sources rule by rule and not after
// daemon/view: glibc (sysdeps/posix/getaddrinfo.c), musl (src/network/lookup_name.c), Go (net/addrselect.go).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "view/destination_order.hpp"

namespace taskdns::view::client_sorts {

struct PolicyRow {
    const char* network;
    int precedence;  // -1: the row is not in that table
    int label;
};

inline IpAddress mapped(const IpAddress& address) {
    return address.is_v6() ? address : *IpAddress::parse("::ffff:" + address.to_string());
}

inline int find_policy(const std::vector<PolicyRow>& table, const IpAddress& address, int PolicyRow::*column) {
    int value = -1;
    int longest = -1;
    for (const PolicyRow& row : table) {
        const Network network = *Network::parse(row.network);
        if (row.*column < 0 || !network.contains(mapped(address))) continue;
        if (static_cast<int>(network.prefix_length) <= longest) continue;
        longest = static_cast<int>(network.prefix_length);
        value = row.*column;
    }
    return value;
}

inline int common_bits(const IpAddress& left, const IpAddress& right) {
    int bits = 0;
    for (std::size_t i = 0; i < left.bytes().size(); ++i) {
        for (int mask = 0x80; mask != 0; mask >>= 1, ++bits) {
            if ((left.bytes()[i] & mask) != (right.bytes()[i] & mask)) return bits;
        }
    }
    return bits;
}

inline bool within(const char* network, const IpAddress& address) {
    return Network::parse(network)->contains(address);
}

inline int scope(const IpAddress& address, bool v4_has_scopes) {
    if (v4_has_scopes && (within("127.0.0.0/8", address) || within("169.254.0.0/16", address))) return 2;
    if (within("ff00::/8", address)) return address.bytes()[1] & 15;
    if (within("fe80::/10", address) || within("::1/128", address)) return 2;
    return within("fec0::/10", address) ? 5 : 14;
}

/// The rules that all three share; `bits`: rule 9. Negative: `a` first.
template <class Bits>
int compare(const Destination& a, const Destination& b, const std::vector<PolicyRow>& table, bool v4_has_scopes,
            Bits bits) {
    const auto scope_of = [&](const IpAddress& address) { return scope(address, v4_has_scopes); };
    const auto label = [&](const IpAddress& address) { return find_policy(table, address, &PolicyRow::label); };
    const auto prefer = [](bool left, bool right) { return static_cast<int>(right) - static_cast<int>(left); };
    if (a.source.address.has_value() != b.source.address.has_value()) return a.source.address ? -1 : 1;
    if (a.source.address) {
        if (const int rule2 = prefer(scope_of(a.address) == scope_of(*a.source.address),
                                     scope_of(b.address) == scope_of(*b.source.address))) {
            return rule2;
        }
        if (const int rule5 =
                prefer(label(a.address) == label(*a.source.address), label(b.address) == label(*b.source.address))) {
            return rule5;
        }
    }
    const auto precedence = [&](const IpAddress& address) {
        return find_policy(table, address, &PolicyRow::precedence);
    };
    if (const int rule6 = precedence(b.address) - precedence(a.address)) return rule6;
    if (const int rule8 = scope_of(a.address) - scope_of(b.address)) return rule8;
    return a.source.address ? bits(b) - bits(a) : 0;
}

inline int compare_glibc(const Destination& a, const Destination& b) {
    static const std::vector<PolicyRow> table{{"::1/128", 50, 0},  {"::/0", 40, 1},          {"2002::/16", 30, 2},
                                              {"::/96", 20, 3},    {"::ffff:0:0/96", 10, 4}, {"fec0::/10", -1, 5},
                                              {"fc00::/7", -1, 6}, {"2001::/32", -1, 7}};
    return compare(a, b, table, true, [](const Destination& each) {
        const int bits = common_bits(each.address, *each.source.address);
        const bool counts = each.address.is_v6() || bits >= static_cast<int>(each.source.prefix_length);
        return counts ? bits : 0;
    });
}

inline int compare_musl(const Destination& a, const Destination& b) {
    static const std::vector<PolicyRow> table{{"::1/128", 50, 0},  {"::ffff:0:0/96", 35, 4}, {"2002::/16", 30, 2},
                                              {"2001::/32", 5, 5}, {"fc00::/7", 3, 13},      {"::/0", 40, 1}};
    return compare(a, b, table, false,
                   [](const Destination& each) { return common_bits(each.address, *each.source.address); });
}

inline int compare_go(const Destination& a, const Destination& b) {
    static const std::vector<PolicyRow> table{{"::1/128", 50, 0},   {"::ffff:0:0/96", 35, 4}, {"::/96", 1, 3},
                                              {"2001::/32", 5, 5},  {"2002::/16", 30, 2},     {"3ffe::/16", 1, 12},
                                              {"fec0::/10", 1, 11}, {"fc00::/7", 3, 13},      {"::/0", 40, 1}};
    return compare(a, b, table, true, [](const Destination& each) {
        return each.address.is_v4() ? 0 : std::min(common_bits(each.address, *each.source.address), 64);
    });
}

using Compare = int (*)(const Destination&, const Destination&);

/// Where a stable sort puts the answer's first address.
inline std::size_t place_of_first(std::vector<Destination> answer, Compare compare) {
    const IpAddress first = answer.front().address;
    std::stable_sort(answer.begin(), answer.end(),
                     [&](const Destination& a, const Destination& b) { return compare(a, b) < 0; });
    const auto found =
        std::find_if(answer.begin(), answer.end(), [&](const Destination& each) { return each.address == first; });
    return static_cast<std::size_t>(found - answer.begin());
}

}  // namespace taskdns::view::client_sorts
