// From a query's octets and a view to an answer's octets, in place.
// Layer: dns_server (may include base, view; dns/types through view). Pure but for counters and cursors.
// HOT PATH: no allocation, lock, log line or exception.
//
// discovery -> membership -> health -> view -> [dns_server], http_server
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/counter.hpp"
#include "base/histogram.hpp"
#include "dns_server/answer_counters.hpp"
#include "dns_server/forwarding.hpp"
#include "dns_server/transport.hpp"
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

/// Small enough to be returned in registers: more than 16 octets would cost a tenth of answer().
struct Outcome {
    Action action = Action::drop;
    Source source = Source::local;
    std::uint8_t rcode_row = 0;  ///< for `send`: see AnswerCounters
    std::uint32_t length = 0;    ///< of the answer, for `send`
};
static_assert(sizeof(Outcome) <= 8);

/// From a batch's reading to its sending: mostly a few microseconds; a second is a client's whole patience.
inline constexpr std::array<std::chrono::nanoseconds, 19> answer_time_bounds{
    std::chrono::microseconds(1),   std::chrono::nanoseconds(2500),  std::chrono::microseconds(5),
    std::chrono::microseconds(10),  std::chrono::microseconds(25),   std::chrono::microseconds(50),
    std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1)};

struct Counters {
    Counter udp_queries;
    Counter tcp_queries;
    AnswerCounters answers;
    Counter stale;                 ///< answers with EDE 3
    Counter dropped_unanswerable;  ///< responses and runts: no message that may be answered
    Counter dropped_source;        ///< from who may not ask, or where an answer would begin an endless conversation
    Counter dropped_too_long;      ///< longer than any query
    Counter dropped_no_memory;
    Counter held;  ///< queries that wait for a first view
    /// Of each answer that is given at once, from when its batch was read to when it was sent.
    Histogram answer_time{answer_time_bounds};
    Counter receive_failures;  ///< errors of recvmmsg
    Counter send_failures;     ///< answers that a socket did not take
    Counter tcp_connections;
    Counter tcp_evictions;    ///< the longest idle closed for a new one
    Counter tcp_timeouts;     ///< closed after `tcp_idle`
    Counter accept_failures;  ///< out of descriptors or memory
};

/// A buffer for answer() has at least this size; messages longer than this are not read.
inline constexpr std::size_t buffer_size = 4096;

struct Context {
    const view::View& view;  ///< its cursors move
    Counters& counters;
    Forwarding* forwarding = nullptr;  ///< null: names that are not ours get REFUSED
};

/// `buffer` holds a query of `length` octets and is overwritten by the answer. The question is echoed octet for
/// octet.
Outcome answer(std::span<std::uint8_t> buffer, std::size_t length, Transport transport, const Context& context);

/// The answer to a held query whose time is over: SERVFAIL with EDE 14 (Not Ready).
Outcome not_ready(std::span<std::uint8_t> buffer, std::size_t length, const Context& context);

}  // namespace taskdns::dns_server
