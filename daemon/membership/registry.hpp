// Who exists: the members of one service, from what its source saw over time (design.md, section 5).
// Layer: membership (may include base, dns, config, discovery's observation). Pure: no clock, no I/O, no logging.
//
// discovery -> [membership] -> health -> view -> dns_server, http_server
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "discovery/observation.hpp"

namespace taskdns::membership {

/// Why a member is a member.
enum class Presence {
    present,      ///< in the last answer
    withdrawn,    ///< absent from a complete answer: the reserve, for `reserve`
    held_failed,  ///< the upstream does not answer; last known good, for `stale_max`
    held_empty    ///< the upstream says there are none; last known good, for `empty_max`
};

const char* to_string(Presence presence);

struct Member {
    SocketAddress address;
    Presence presence = Presence::present;
    std::uint16_t priority = 1;
    std::uint16_t weight = 1;
    TimePoint first_seen;
    TimePoint last_seen;  ///< last named by an answer
    TimePoint since;      ///< in this presence
};

/// What the last poll was, for those who explain it.
enum class Basis { not_polled, complete, empty, failed };

class Registry {
public:
    /// `checked`: the service has a health check, so the longer limits hold.
    Registry(config::Membership policy, bool checked);

    /// Takes in one observation; true if a member came, left or changed.
    bool apply(const discovery::Observation& observation, TimePoint now);
    /// Lets go of those whose time is over; true if any was.
    bool expire(TimePoint now);
    /// When expire() has something to do next; `never` if nothing is pending.
    TimePoint next_expiry() const;

    /// Sorted by address and port.
    std::vector<Member> members() const;
    Basis basis() const { return basis_; }
    /// The upstream has answered at least once, if only to say that there are none.
    bool answered_once() const { return answered_once_; }
    /// Members are served beyond what the registry says now: the answer is a stale one (RFC 8914, code 3).
    bool stale() const { return basis_ == Basis::failed || basis_ == Basis::empty; }

private:
    bool apply_records(const discovery::Records& records, TimePoint now);
    bool apply_empty(TimePoint now);
    bool apply_failed(TimePoint now);
    bool see(const discovery::Sighting& sighting, bool fresh, TimePoint now);
    TimePoint expiry(const Member& member) const;

    config::Membership policy_;
    bool checked_;
    bool answered_once_ = false;
    Basis basis_ = Basis::not_polled;
    TimePoint empty_since_ = never;  // start of the present run of empty answers; failures in between do not end it
    std::map<SocketAddress, Member> members_;
};

}  // namespace taskdns::membership
