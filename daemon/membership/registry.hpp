// Who exists: the members of one service, from what its source saw over time (design.md, section 5).
// Layer: membership (may include base, dns, config, discovery's observation). Pure: no clock, no I/O, no logging.
//
// discovery -> [membership] -> health -> view -> dns_server, http_server
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "discovery/observation.hpp"
#include "membership/member.hpp"
#include "membership/rrset_history.hpp"

namespace taskdns::membership {

/// What the last poll was, for those who explain it.
enum class Basis {
    not_polled,
    loaded,    ///< nothing polled yet, members from the snapshot
    complete,  ///< the answer shows all there are
    sample,    ///< the answer may show only some: of at least one type
    guarded,   ///< a complete answer that leaves so few that the shrink guard waits for its confirmation
    empty,
    failed
};

const char* to_string(Basis basis);

class Registry {
public:
    /// `checked`: the service has a health check, so the longer limits hold. `poll`: how often samples come.
    Registry(config::Membership policy, config::Poll poll, bool checked);

    /// Before the first answer: the members that a snapshot names. Those beyond max_endpoints, and
    /// those whose time is over, are left out. `members` carry address, priority, weight, first_seen and last_seen.
    void load(const std::vector<Member>& members, TimePoint now);
    /// Takes in one observation; true if a member came, left or changed.
    bool apply(const discovery::Observation& observation, TimePoint now);
    /// Lets go of those whose time is over; true if any was.
    bool expire(TimePoint now);
    /// When expire() has something to do next; `never` if nothing is pending.
    TimePoint next_expiry() const;
    /// Another service has taken the address of `endpoint`, which is only held here: it leaves. True if it was there.
    bool release(const SocketAddress& endpoint);

    /// The settings have changed: from now on these hold, and who has no room by them leaves, the withdrawn and the
    /// absent first. True if somebody has left.
    bool set_policy(config::Membership policy, config::Poll poll, bool checked);
    /// The port of those whose answers name none is another. Returns whom that moved, with the port before.
    std::vector<SocketAddress> move_ports(std::uint16_t from, std::uint16_t to);

    /// Sorted by address and port. Valid until the next call that is not const.
    const std::vector<Member>& members() const { return members_; }
    /// Null if it is no member.
    const Member* find(const SocketAddress& endpoint) const;
    Basis basis() const { return basis_; }
    /// The upstream has answered at least once, if only to say that there are none.
    bool answered_once() const { return first_answered_ != never; }
    /// When it did first; `never` before. Those seen then are no newcomers.
    TimePoint first_answered() const { return first_answered_; }
    /// The share of the real members that is known, 0 to 1: estimated from how many of the recent samples' records
    /// were known already. 1 unless the basis is a sample. Null while there are too few samples to tell.
    std::optional<double> coverage() const;
    /// Sightings that were not taken in because `max_endpoints` was reached, since the start.
    std::uint64_t overflows() const { return overflows_; }

private:
    using AbsenceLimits = std::map<dns::RrType, Duration>;

    bool apply_records(const discovery::Records& records, TimePoint now);
    bool apply_rrset(const discovery::Rrset& rrset, TimePoint now);
    bool apply_empty(TimePoint now);
    bool apply_failed(TimePoint now);
    void note_answer(TimePoint now);
    void note_silence(dns::RrType type, TimePoint now);
    void end_silence(dns::RrType type, TimePoint now);
    Member* find(const SocketAddress& endpoint);
    bool admit(const discovery::Sighting& sighting, const discovery::Rrset& rrset, TimePoint now);
    void insert(const Member& member);
    bool make_room();
    bool withdraw_unshown(const discovery::Records& records, TimePoint now);
    bool expire_guards(TimePoint now);
    Basis records_basis() const;
    std::size_t known(dns::RrType type) const;
    AbsenceLimits absence_limits() const;
    TimePoint expiry(const Member& member, const AbsenceLimits& limits) const;

    config::Membership policy_;
    config::Poll poll_;
    bool checked_;
    Basis basis_ = Basis::not_polled;
    TimePoint first_answered_ = never;
    std::uint64_t overflows_ = 0;
    TimePoint empty_since_ = never;  // start of the present run of empty answers; failures in between do not end it
    std::map<dns::RrType, TimePoint> silent_since_;  // types that fail while others do not: the same for them
    TimePoint failed_since_ = never;  // start of the present run of failures: absence does not age meanwhile
    std::vector<Member> members_;     // sorted by address and port: a hundred thousand nodes would be twice as large
    std::map<dns::RrType, RrsetHistory> histories_;  // of the types that the last answers had
};

}  // namespace taskdns::membership
