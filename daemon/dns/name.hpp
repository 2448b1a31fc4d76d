// A domain name in wire form, lower-cased: the key of every table (RFC 1035 section 3.1, RFC 4343).
// Layer: dns. Pure; no ldns needed for names.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace taskdns::dns {

/// A fully qualified domain name of at most 255 octets in labels of at most 63. Upper case is folded on the way in.
class Name {
public:
    Name() = default;  ///< the root

    /// `orders.local` or `orders.local.`. Letters, digits, hyphens and underscores only: what a service can be
    /// called. The error says what is wrong with which label.
    static Result<Name> parse(std::string_view text);
    /// From uncompressed wire form, any octets; what follows the root's octet is not looked at (wire().size() says
    /// where it was). An error if the name is cut, too long or compressed.
    static Result<Name> from_wire(std::span<const std::uint8_t> wire);

    /// Length-prefixed labels with the root's zero octet at the end: 1 to 255 octets.
    std::span<const std::uint8_t> wire() const {
        return {reinterpret_cast<const std::uint8_t*>(wire_.data()), wire_.size()};
    }
    /// Without a trailing dot; the root is `.`. Octets that are not printable are written as \DDD.
    std::string to_string() const;
    bool is_root() const { return wire_.size() == 1; }
    /// The name without its first label. Never call it on the root.
    Name parent() const;
    std::string_view first_label() const;  ///< empty for the root

    auto operator<=>(const Name&) const = default;

private:
    friend struct std::hash<Name>;
    std::string wire_{'\0'};
};

}  // namespace taskdns::dns

template <>
struct std::hash<taskdns::dns::Name> {
    std::size_t operator()(const taskdns::dns::Name& name) const noexcept {
        return std::hash<std::string>{}(name.wire_);
    }
};
