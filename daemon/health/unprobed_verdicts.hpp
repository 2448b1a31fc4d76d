// Verdicts on endpoints that nobody probes (check `none`): from the application's own connections alone.
// Layer: health (may include base, config). Pure: given `now`.
//
// Only those that have failed have one: all others are as good as the registry's word. What has been ejected is not
// named any more, so nothing would ever speak for it again; it comes back by time, as outlier ejection does
// everywhere (Envoy: 30 s, more each time).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/time.hpp"
#include "config/config.hpp"
#include "health/schedule.hpp"
#include "health/verdict.hpp"

namespace taskdns::health {

class UnprobedVerdicts {
public:
    static constexpr milliseconds first_ejection = unprobed_ejection;  ///< twice, three times ... each time in a row
    static constexpr milliseconds longest_ejection{300'000};
    static constexpr milliseconds forgiven_after{600'000};  ///< a doubt, without a failure since

    /// Null while nothing is held against it.
    const Verdict* find(ServiceIndex service, const SocketAddress& endpoint) const;
    /// As Verdict::apply_connection(). A success ends what was held against one that is not ejected any more.
    Event observe(ServiceIndex service, const SocketAddress& endpoint, Observed observed,
                  const config::Health& policy, TimePoint now);
    /// Forgets those of `service` that are not `kept`.
    void forget(ServiceIndex service, const std::function<bool(const SocketAddress&)>& kept);
    /// Lets those back whose ejection is over, and calls `on_return` for each; forgets those that are not out and
    /// have not failed for `forgiven_after`. What was counted against one that comes back still is.
    void expire(TimePoint now, const std::function<void(const Event&)>& on_return);
    /// When expire() has something to do next; `never` if nobody is ejected.
    TimePoint next_expiry() const;
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        Verdict verdict;
        unsigned ejections = 0;  // in a row, without a success between
        TimePoint until = never;
        TimePoint last_failed{};
    };
    using Key = std::pair<ServiceIndex, SocketAddress>;

    std::map<Key, Entry> entries_;
};

}  // namespace taskdns::health
