// Which of several upstream servers to ask first: what live queries have shown of each.
// Layer: upstream (may include base). Pure (given `now`). Threads: one.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.hpp"

namespace taskdns::upstream {

/// A server is *failing* from its first unanswered query on, until it answers one. Those that are not come first, and
/// of them the user's order decides, unless the first is far slower than another: more than twice as slow and 20 ms.
/// Failing ones come last, in the order in which they are to be tried. Now and then a query goes first to a server
/// that would not be asked otherwise: a failing one after 1 s, 2 s, 4 s, ... 60 s, one that does well, or that nobody
/// knows, every 60 s.
class ServerHealth {
public:
    explicit ServerHealth(std::size_t servers) : servers_(servers) {}

    /// Any answer, SERVFAIL and REFUSED included: whoever says no is alive.
    void answered(std::size_t server, Duration round_trip, TimePoint now);
    /// Nothing came, or it was not to be understood.
    void failed(std::size_t server, TimePoint now);

    /// Every server once. Not const: a trial that is due is given to the caller alone.
    std::vector<std::size_t> order(TimePoint now);

    bool is_failing(std::size_t server) const { return servers_[server].failures > 0; }
    unsigned failures(std::size_t server) const { return servers_[server].failures; }  ///< in a row
    /// Smoothed; zero: it has never answered.
    Duration round_trip(std::size_t server) const { return servers_[server].round_trip; }

private:
    struct Server {
        Duration round_trip{0};
        unsigned failures = 0;         // in a row
        TimePoint next_trial = never;  // never: not set yet
    };
    Duration until_trial(const Server& server) const;

    std::vector<Server> servers_;
};

}  // namespace taskdns::upstream
