// From a query's octets and a view to an answer's octets, in place.
// Layer: dns_server (may include base, view; dns/types through view). Pure but for counters and cursors.
// HOT PATH: no allocation, lock, log line or exception.
//
// discovery -> membership -> health -> view -> [dns_server], http_server
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/counter.hpp"
#include "dns_server/forwarding.hpp"
#include "dns_server/transport.hpp"
#include "view/demand.hpp"
#include "view/view.hpp"

namespace taskdns::dns_server {

/// What is to be done with a query.
enum class Action : std::uint8_t {
    send,     ///< the answer is in the buffer
    drop,     ///< say nothing: responses, runts, reflection
    hold,     ///< a service not polled yet: ask again when a view is published, or give up with not_ready()
    forward,  ///< not our name
    describe  ///< class CHAOS, about us: see chaos.hpp
};

struct Outcome {
    Action action = Action::drop;
    std::size_t length = 0;  ///< of the answer, for `send`
};

struct Counters {
    Counter udp_queries;
    Counter tcp_queries;
    Counter answers_a;
    Counter answers_aaaa;
    Counter answers_srv;
    Counter answers_other;
    Counter nodata;
    Counter nxdomain;
    Counter servfail;
    Counter formerr;
    Counter notimp;
    Counter refused;
    Counter badvers;
    Counter stale;    ///< answers with EDE 3
    Counter dropped;  ///< messages that get no answer: responses, runts, sources that may not ask
    Counter held;     ///< queries that wait for a first view
    Counter forwarded;
    Counter receive_failures;  ///< errors of recvmmsg
    Counter send_failures;     ///< answers that a socket did not take
    Counter tcp_connections;
    Counter tcp_evictions;    ///< the longest idle closed for a new one
    Counter tcp_timeouts;     ///< closed after `tcp_idle`
    Counter accept_failures;  ///< out of descriptors or memory
};

/// Where each owner name's rotation stands (view::OwnerName::cursor indexes it). Outlives every view, belongs to the
/// dns thread.
using Cursors = std::vector<std::uint32_t>;

/// A buffer for answer() has at least this size; messages longer than this are not read.
inline constexpr std::size_t buffer_size = 4096;

struct Context {
    const view::View& view;
    Cursors& cursors;
    Counters& counters;
    Forwarding* forwarding = nullptr;  ///< null: names that are not ours get REFUSED
    view::Demand* demand = nullptr;    ///< told of every question for a service; null: nobody wants to know
};

/// `buffer` holds a query of `length` octets and is overwritten by the answer. The question is echoed octet for
/// octet.
Outcome answer(std::span<std::uint8_t> buffer, std::size_t length, Transport transport, const Context& context);

/// The answer to a held query whose time is over: SERVFAIL with EDE 14 (Not Ready).
Outcome not_ready(std::span<std::uint8_t> buffer, std::size_t length, const Context& context);

}  // namespace taskdns::dns_server
