// An IPv4 or IPv6 address, and an address with a port: values, comparable, hashable, in network byte order.
// Layer: base. Pure. No scope identifiers: a link-local address cannot be a service's endpoint.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace taskdns {

class IpAddress {
public:
    using V4Bytes = std::array<std::uint8_t, 4>;
    using V6Bytes = std::array<std::uint8_t, 16>;

    IpAddress() = default;  ///< 0.0.0.0
    explicit IpAddress(const V4Bytes& bytes);
    explicit IpAddress(const V6Bytes& bytes);

    /// `10.0.1.10` or `fd00::1`; null for anything else (names, ports, brackets, scopes).
    static std::optional<IpAddress> parse(std::string_view text);

    bool is_v4() const { return length_ == 4; }
    bool is_v6() const { return length_ == 16; }
    bool is_loopback() const;     ///< 127.0.0.0/8 or ::1
    bool is_unspecified() const;  ///< 0.0.0.0 or ::
    /// 4 or 16 bytes in network order: what A and AAAA RDATA hold.
    std::span<const std::uint8_t> bytes() const { return {bytes_.data(), length_}; }
    std::string to_string() const;

    auto operator<=>(const IpAddress&) const = default;

private:
    std::uint8_t length_ = 4;  // compared first: IPv4 sorts before IPv6
    V6Bytes bytes_{};
};

/// An address and a port; port 0 means that none is known.
struct SocketAddress {
    IpAddress address;
    std::uint16_t port = 0;

    /// `10.0.1.10:53`, `[fd00::1]:53`; without a port, `default_port`. Null if it is neither.
    static std::optional<SocketAddress> parse(std::string_view text, std::uint16_t default_port = 0);
    /// `10.0.1.10:53`, `[fd00::1]:53`; without `:0` where no port is known.
    std::string to_string() const;

    auto operator<=>(const SocketAddress&) const = default;
};

/// A network such as 10.0.0.0/16; bits behind the prefix are zero.
struct Network {
    IpAddress address;
    unsigned prefix_length = 0;

    /// `10.0.0.0/16` or an address alone (a network of one). Null if it is neither, or has bits behind the prefix.
    static std::optional<Network> parse(std::string_view text);
    bool contains(const IpAddress& candidate) const;
    std::string to_string() const;

    bool operator==(const Network&) const = default;
};

}  // namespace taskdns

template <>
struct std::hash<taskdns::IpAddress> {
    std::size_t operator()(const taskdns::IpAddress& address) const noexcept;
};

template <>
struct std::hash<taskdns::SocketAddress> {
    std::size_t operator()(const taskdns::SocketAddress& address) const noexcept;
};
