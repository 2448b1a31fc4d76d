// What the application says of the endpoints of one service: outlier ejection (design.md, section 9).
// Layer: health (may include base). Pure: given `now`. No logging.
//
// Checks do not see what the application sees: that an endpoint takes connections and answers nonsense. So its own
// word takes an endpoint out for a while, but never so many that a mistake of the application's empties the answers.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace taskdns::health {

/// When an endpoint is out, and for which time.
struct Ejection {
    TimePoint began;
    TimePoint until;
    unsigned number = 1;  ///< of those lately: they grow longer
};

class Reports {
public:
    static constexpr std::size_t failures_to_eject = 5;  ///< within `window`, and no success between
    static constexpr milliseconds window{30'000};
    static constexpr milliseconds first_ejection{30'000};  ///< twice, three times ... each time again
    static constexpr milliseconds longest_ejection{300'000};
    static constexpr milliseconds firm{30'000};             ///< of an ejection: so long nothing ends it
    static constexpr milliseconds forgiven_after{600'000};  ///< the end of the last one, as UnprobedVerdicts'

    /// Whom an ejection would leave, of those that may be served.
    struct Room {
        std::size_t members = 0;
        std::size_t ejected = 0;
        bool others_pass = false;  ///< another one is served as healthy
    };
    /// The application could not use `endpoint`, a member. True if it is ejected from now on: never if it is already,
    /// nor beyond half of the members, nor if no other passes. Then the next failure may.
    bool fail(const SocketAddress& endpoint, const Room& room, TimePoint now);
    /// The application could use it. True if that ends an ejection: not in the first `firm`, since what succeeds then
    /// may have begun before.
    bool succeed(const SocketAddress& endpoint, TimePoint now);
    /// Whether a check that passed at `passed` is a reason to end an ejection.
    bool is_ended_by_check(const SocketAddress& endpoint, TimePoint passed) const;

    /// Null if it is not ejected.
    const Ejection* find(const SocketAddress& endpoint) const;
    /// Those that are ejected, by address.
    std::vector<SocketAddress> ejected() const;
    std::size_t ejected_count() const { return ejected_; }
    /// Lets it back before its time; what was counted against it still is.
    void let_back(const SocketAddress& endpoint, TimePoint now);
    /// For people: what counts at `now`.
    struct Summary {
        unsigned failures = 0;
        unsigned ejections = 0;
        std::optional<TimePoint> ejected_until;
    };
    /// Null if nothing does.
    std::optional<Summary> summary(const SocketAddress& endpoint, TimePoint now) const;

    /// It is no member any more.
    void forget(const SocketAddress& endpoint);
    /// Those whose ejection's time is over, let back. Forgets what counts no more.
    std::vector<SocketAddress> expire(TimePoint now);
    /// When somebody's time is over; `never` if nobody is ejected.
    TimePoint next_expiry() const;
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::array<TimePoint, failures_to_eject> failed{};  // the last ones, the newest last; the epoch: none
        unsigned ejections = 0;                             // in a row, without `forgiven_after` between
        TimePoint last_ended{};
        std::optional<Ejection> ejection;

        unsigned failures(TimePoint now) const;
        bool is_forgiven(TimePoint now) const { return !ejection && now - last_ended >= forgiven_after; }
    };

    std::map<SocketAddress, Entry> entries_;
    std::size_t ejected_ = 0;
};

}  // namespace taskdns::health
