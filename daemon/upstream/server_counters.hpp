// What one upstream server was asked, and what came of it, for the metrics.
// Layer: upstream (may include base). Threads: written by the thread that asks, read by any.
#pragma once

#include <array>
#include <cstddef>

#include "base/counter.hpp"
#include "base/histogram.hpp"
#include "base/result.hpp"

namespace taskdns::upstream {

/// A resolver in the VPC answers from its cache within a millisecond; what it has to ask for takes up to seconds.
inline constexpr std::array<std::chrono::nanoseconds, 13> round_trip_bounds{
    std::chrono::microseconds(250),  std::chrono::microseconds(500), std::chrono::milliseconds(1),
    std::chrono::microseconds(2500), std::chrono::milliseconds(5),   std::chrono::milliseconds(10),
    std::chrono::milliseconds(25),   std::chrono::milliseconds(50),  std::chrono::milliseconds(100),
    std::chrono::milliseconds(250),  std::chrono::milliseconds(500), std::chrono::seconds(1),
    std::chrono::milliseconds(2500)};

struct ServerCounters {
    Counter udp_queries;
    Counter tcp_queries;
    // Of those, each failed one is in one of these four.
    Counter timeouts;
    Counter errors;                           ///< of the socket: refused, unreachable; of this host, too
    Counter bad_rcodes;                       ///< SERVFAIL, REFUSED and other rcodes that are no answer
    Counter malformed;                        ///< could not be read
    Histogram round_trip{round_trip_bounds};  ///< from a query to its answer, whatever it says

    void count_failure(Errc code, bool is_rcode) {
        if (is_rcode) {
            bad_rcodes.add();
        } else if (code == Errc::timeout) {
            timeouts.add();
        } else if (code == Errc::malformed) {
            malformed.add();
        } else {
            errors.add();
        }
    }
    std::uint64_t queries() const { return udp_queries.value() + tcp_queries.value(); }
    std::uint64_t failures() const {
        return timeouts.value() + errors.value() + bad_rcodes.value() + malformed.value();
    }
};

}  // namespace taskdns::upstream
