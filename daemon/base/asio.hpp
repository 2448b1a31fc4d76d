// The few Asio headers and aliases that every I/O layer uses, and the way from our addresses to Asio's and back.
// Layer: base (may include Asio).
//
// Rules for coroutines (GCC 12 has recorded code-generation bugs, docs/contributing.md): named functions with
// parameters by value, no capturing lambda coroutine, `co_await` only as a whole statement or a whole initializer.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/ip_address.hpp"

namespace taskdns {

namespace asio = boost::asio;

/// Completion token: `co_await` gives a tuple of (error_code, results...) and never throws.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

asio::ip::address to_asio(const IpAddress& address);
IpAddress from_asio(const asio::ip::address& address);
asio::ip::udp::endpoint to_udp(const SocketAddress& address);
asio::ip::tcp::endpoint to_tcp(const SocketAddress& address);

}  // namespace taskdns
