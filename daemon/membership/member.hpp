// One member of a service: who it is, and why it is a member.
// Layer: membership. Pure values.
#pragma once

#include <cstdint>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "dns/types.hpp"

namespace taskdns::membership {

/// Why a member is a member.
enum class Presence : std::uint8_t {
    present,       ///< in the last answer
    absent,        ///< not in the last sample, which shows only some: a member all the same, for `absent_max`
    withdrawn,     ///< absent from a complete answer: the reserve, for `reserve`
    held_guard,    ///< absent from a complete answer that the shrink guard wants confirmed
    held_failed,   ///< the upstream does not answer; last known good, for `stale_max`
    held_empty,    ///< the upstream says there are none; last known good, for `empty_max`
    held_snapshot  ///< from the snapshot; nothing polled yet, for `stale_max`
};

const char* to_string(Presence presence);

struct Member {
    SocketAddress address;
    Presence presence = Presence::present;
    std::uint16_t priority = 1;
    std::uint16_t weight = 1;
    dns::RrType type = dns::RrType::a;  ///< of the answer that named it
    TimePoint first_seen;
    TimePoint last_seen;            ///< last named by an answer
    TimePoint confirmed{};          ///< last named by a fresh one; the epoch: by none since the start
    TimePoint since;                ///< in this presence
    Duration absence_suspended{0};  ///< while absent: for so long the upstream failed, which does not age absence
};

}  // namespace taskdns::membership
