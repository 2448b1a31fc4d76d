// How a client's getaddrinfo will sort our answer: RFC 6724 as glibc and musl do it (design.md, section 7, `fair`).
// Layer: view (may include base). Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/ip_address.hpp"

namespace taskdns::view {

/// The address that the kernel would send from to a destination.
struct LocalSource {
    std::optional<IpAddress> address;  ///< null: no route
    unsigned prefix_length = 0;        ///< of the interface that has the address; glibc looks at it for IPv4

    bool operator==(const LocalSource&) const = default;
};

struct Destination {
    IpAddress address;
    LocalSource source;
    bool without_v6 = false;  ///< IPv4, and no AAAA record stands beside it: then musl does not sort at all
};

/// How glibc and musl each rate a destination; the larger one comes first, equals keep the answer's order.
struct SortKeys {
    std::uint32_t glibc = 0;
    std::uint32_t musl = 0;

    /// Neither glibc nor musl would put a destination of `backup`'s keys before one of these when the latter comes
    /// first in the answer. Both of one family.
    bool hold_back(const SortKeys& backup) const { return backup.glibc <= glibc && backup.musl <= musl; }
    auto operator<=>(const SortKeys&) const = default;
};

SortKeys sort_keys(const Destination& destination);

}  // namespace taskdns::view
