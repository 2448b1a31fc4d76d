// One DNS exchange with one upstream server, over UDP or TCP.
// Layer: upstream (may include base, dns, config, Asio). Threads: the executor's. Cancellation ends it at once.
#pragma once

#include <functional>
#include <span>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace taskdns::upstream {

/// True for the one message that answers what was asked; every other datagram is ignored and waited past.
using Accepts = std::function<bool(std::span<const std::uint8_t> message)>;

/// Messages that came to a query's port from its server and are no answer to it: late, or forged. By what gave them
/// away; what comes from another address or port never reaches a connected socket.
struct Ignored {
    Counter id;        ///< another ID than ours
    Counter header;    ///< our ID, and no response to a query
    Counter question;  ///< our ID, and another question

    std::uint64_t total() const { return id.value() + header.value() + question.value(); }
};

/// From a fresh random port (RFC 5452 section 9), connected, so that only the server's address and port are heard and
/// an ICMP refusal is seen at once. What has another ID than `query` the kernel drops before it takes any room: a
/// burst of forgeries cannot push the true answer out of the socket's queue. Errors: timeout, refused, network,
/// internal, cancelled. `ignored` may be null; else it lives until the exchange has ended.
asio::awaitable<Result<dns::Bytes>> exchange_udp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                                 milliseconds timeout, Ignored* ignored = nullptr);

/// One connection per query (RFC 7766: two octets of length before each message). `timeout` is for all of it, however
/// slowly the octets come, and takes memory only for those that have.
asio::awaitable<Result<dns::Bytes>> exchange_tcp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                                 milliseconds timeout, Ignored* ignored = nullptr);

/// A 16-bit ID nobody can guess (getrandom).
std::uint16_t random_id();

}  // namespace taskdns::upstream
