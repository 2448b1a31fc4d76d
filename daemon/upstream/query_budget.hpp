// The budget that all outgoing queries share: a VPC resolver takes 1,024 packets a second from a network interface
// and drops the rest silently (vpc-dns.md), so we stay below a bound of our own. Layer: upstream. Pure (given `now`),
// lock-free. Threads: any; forwarding (dns thread) and polls (control thread) share one object.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.hpp"

namespace taskdns::upstream {

enum class Purpose { poll, forward };

/// A token bucket of one second's worth of queries (GCRA). A fifth of it is reserved for polls: forwarding finds it
/// empty before they do.
class QueryBudget {
public:
    explicit QueryBudget(unsigned max_qps);
    /// From now on.
    void set_max_qps(unsigned max_qps);

    static constexpr unsigned udp_cost = 1;
    static constexpr unsigned tcp_cost = 5;  ///< a handshake's packets count as well

    /// Takes `cost` if it is there; otherwise takes nothing and returns false.
    bool take(Purpose purpose, unsigned cost, TimePoint now);
    /// How long until take() could succeed, zero if it can now.
    Duration wait(Purpose purpose, unsigned cost, TimePoint now) const;
    /// The share of it that is used up now: 0 to 1; forwarding is refused from 0.8 on. Above 1 where a single query
    /// costs more than there is.
    double used(TimePoint now) const;

private:
    std::atomic<Duration::rep> per_query_{};  // nanoseconds one query uses up
    std::atomic<Duration::rep> used_up_to_;   // nanoseconds since the clock's epoch: GCRA's theoretical arrival time
};

}  // namespace taskdns::upstream
