// Names that are not ours: what the DNS server needs of whoever answers for them.
// Layer: dns_server (may include base, view; dns through view). Threads: the dns thread. HOT PATH: answer_now().
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dns/query.hpp"
#include "dns_server/transport.hpp"

namespace taskdns::dns_server {

/// Sends an answer to who asked; called exactly once, on the dns thread.
using Reply = std::function<void(std::vector<std::uint8_t> answer)>;

class Forwarding {
public:
    Forwarding() = default;
    Forwarding(const Forwarding&) = delete;
    Forwarding& operator=(const Forwarding&) = delete;
    virtual ~Forwarding() = default;

    /// What can be said without asking anybody: from a cache, or that a limit is reached. `buffer` holds the query,
    /// which parsed into `query`, and is overwritten by the answer; its octets are untouched if there is none.
    /// Returns the answer's size, 0: there is none now, or it does not fit into the buffer: call forward().
    virtual std::size_t answer_now(std::span<std::uint8_t> buffer, const dns::Query& query, Transport transport) = 0;
    /// Asks elsewhere. `query` is a whole message that parsed; it is copied. `reply` may be called before this
    /// returns.
    virtual void forward(std::span<const std::uint8_t> query, Transport transport, Reply reply) = 0;
};

}  // namespace taskdns::dns_server
