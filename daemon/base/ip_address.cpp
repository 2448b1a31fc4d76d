// An IPv4 or IPv6 address, and an address with a port. Layer: base.
#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace taskdns {
namespace {

std::optional<unsigned> parse_number(std::string_view text, unsigned largest) {
    unsigned number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || rest != text.data() + text.size() || number > largest) return std::nullopt;
    return number;
}

}  // namespace

IpAddress::IpAddress(const V4Bytes& bytes) : length_(4) { std::copy(bytes.begin(), bytes.end(), bytes_.begin()); }

IpAddress::IpAddress(const V6Bytes& bytes) : length_(16), bytes_(bytes) {}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would not see what follows
    const std::string terminated(text);
    if (V4Bytes v4; inet_pton(AF_INET, terminated.c_str(), v4.data()) == 1) return IpAddress(v4);
    if (V6Bytes v6; inet_pton(AF_INET6, terminated.c_str(), v6.data()) == 1) return IpAddress(v6);
    return std::nullopt;
}

bool IpAddress::is_loopback() const {
    if (is_v4()) return bytes_[0] == 127;
    static constexpr V6Bytes loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return bytes_ == loopback;
}

bool IpAddress::is_unspecified() const { return bytes_ == V6Bytes{}; }

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text, std::uint16_t default_port) {
    if (const auto bare = IpAddress::parse(text)) return SocketAddress{*bare, default_port};
    std::string_view host = text;
    std::string_view port_text;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        host = text.substr(1, end - 1);
        if (host.find(':') == std::string_view::npos) return std::nullopt;  // brackets are for IPv6
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
        if (rest.empty()) {
            const auto address = IpAddress::parse(host);
            return address ? std::optional(SocketAddress{*address, default_port}) : std::nullopt;
        }
        port_text = rest.substr(1);
    } else {
        const std::size_t colon = text.rfind(':');
        if (colon == std::string_view::npos) return std::nullopt;
        host = text.substr(0, colon);
        if (host.find(':') != std::string_view::npos) return std::nullopt;  // IPv6 needs brackets for a port
        port_text = text.substr(colon + 1);
    }
    const auto address = IpAddress::parse(host);
    const auto port = parse_number(port_text, 65535);
    if (!address || !port) return std::nullopt;
    return SocketAddress{*address, static_cast<std::uint16_t>(*port)};
}

std::string SocketAddress::to_string() const {
    if (port == 0) return address.to_string();
    const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return host + ":" + std::to_string(port);
}

std::optional<Network> Network::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const unsigned width = address->is_v4() ? 32 : 128;
    if (slash == std::string_view::npos) return Network{*address, width};
    const auto prefix_length = parse_number(text.substr(slash + 1), width);
    if (!prefix_length) return std::nullopt;
    const auto bytes = address->bytes();
    for (unsigned bit = *prefix_length; bit < width; ++bit) {
        if (((bytes[bit / 8] >> (7 - bit % 8)) & 1) != 0) return std::nullopt;
    }
    return Network{*address, *prefix_length};
}

bool Network::contains(const IpAddress& candidate) const {
    const auto ours = address.bytes();
    const auto theirs = candidate.bytes();
    if (ours.size() != theirs.size()) return false;
    const unsigned whole = prefix_length / 8;
    if (!std::equal(ours.begin(), ours.begin() + whole, theirs.begin())) return false;
    const unsigned rest = prefix_length % 8;
    return rest == 0 || ((ours[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

std::string Network::to_string() const { return address.to_string() + "/" + std::to_string(prefix_length); }

}  // namespace taskdns

std::size_t std::hash<taskdns::IpAddress>::operator()(const taskdns::IpAddress& address) const noexcept {
    const auto bytes = address.bytes();
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // bytes as text: only to hash them
}

std::size_t std::hash<taskdns::SocketAddress>::operator()(const taskdns::SocketAddress& address) const noexcept {
    return std::hash<taskdns::IpAddress>{}(address.address) * 31 + address.port;
}
