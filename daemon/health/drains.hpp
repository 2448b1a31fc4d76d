// Which endpoints of one service an operator has taken out of the answers, and until when (design.md, section 9).
// Layer: health (may include base). Pure: given `now`. No logging.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace taskdns::health {

/// A drain outlasts a member's absence: who drains a task before a deployment means it also if the registry loses the
/// task for a minute. So there may be drains of those that are no members, but never more than `most` in all.
class Drains {
public:
    /// `most`: no service has more members, so that there is always room for one of these.
    explicit Drains(std::size_t most) : most_(most) {}
    /// The same drains, with another limit from now on.
    Drains(std::size_t most, Drains&& before) : most_(most), until_(std::move(before.until_)) {}

    /// Until then, whatever was said before. `is_member`: who is one now; if there are too many, the drain of
    /// somebody who is none goes, the one that is over first.
    void drain(const SocketAddress& endpoint, TimePoint until,
               const std::function<bool(const SocketAddress&)>& is_member);
    /// True if it was drained.
    bool undrain(const SocketAddress& endpoint) { return until_.erase(endpoint) > 0; }
    bool contains(const SocketAddress& endpoint) const { return !until_.empty() && until_.contains(endpoint); }
    /// Null if it is not drained.
    std::optional<TimePoint> until(const SocketAddress& endpoint) const;
    /// The endpoints of port `from` have the port `to` now.
    void move_ports(std::uint16_t from, std::uint16_t to);
    /// Those whose time is over: they are not drained any more.
    std::vector<SocketAddress> expire(TimePoint now);
    /// When the next one's time is over; `never` if there is none.
    TimePoint next_expiry() const;
    std::size_t size() const { return until_.size(); }

private:
    std::size_t most_;
    std::map<SocketAddress, TimePoint> until_;
};

}  // namespace taskdns::health
