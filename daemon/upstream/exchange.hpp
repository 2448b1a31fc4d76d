// One DNS exchange with one upstream server, over UDP or TCP.
// Layer: upstream (may include base, dns, config, Asio). Threads: the executor's. Cancellation ends it at once.
#pragma once

#include <functional>
#include <span>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace taskdns::upstream {

/// True for the one message that answers what was asked; every other datagram is ignored and waited past.
using Accepts = std::function<bool(std::span<const std::uint8_t> message)>;

/// From a fresh random port (RFC 5452 section 9), connected, so that only the server's address and port are heard and
/// an ICMP refusal is seen at once. Errors: timeout, refused, network, internal, cancelled.
asio::awaitable<Result<dns::Bytes>> exchange_udp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                                 milliseconds timeout);

/// One connection per query (RFC 7766: two octets of length before each message).
asio::awaitable<Result<dns::Bytes>> exchange_tcp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                                 milliseconds timeout);

/// A 16-bit ID nobody can guess (getrandom).
std::uint16_t random_id();

}  // namespace taskdns::upstream
