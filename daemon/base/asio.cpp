// The way from our addresses to Asio's and back. Layer: base.
#include "base/asio.hpp"

#include <algorithm>

namespace taskdns {

asio::ip::address to_asio(const IpAddress& address) {
    const auto bytes = address.bytes();
    if (address.is_v4()) {
        asio::ip::address_v4::bytes_type v4{};
        std::copy(bytes.begin(), bytes.end(), v4.begin());
        return asio::ip::address_v4(v4);
    }
    asio::ip::address_v6::bytes_type v6{};
    std::copy(bytes.begin(), bytes.end(), v6.begin());
    return asio::ip::address_v6(v6);
}

IpAddress from_asio(const asio::ip::address& address) {
    if (address.is_v4()) return IpAddress(IpAddress::V4Bytes(address.to_v4().to_bytes()));
    return IpAddress(IpAddress::V6Bytes(address.to_v6().to_bytes()));
}

asio::ip::udp::endpoint to_udp(const SocketAddress& address) { return {to_asio(address.address), address.port}; }

asio::ip::tcp::endpoint to_tcp(const SocketAddress& address) { return {to_asio(address.address), address.port}; }

}  // namespace taskdns
