// One member of a service: its words. Layer: membership.
#include "membership/member.hpp"

namespace taskdns::membership {

const char* to_string(Presence presence) {
    switch (presence) {
        case Presence::present:
            return "present";
        case Presence::absent:
            return "absent";
        case Presence::withdrawn:
            return "withdrawn";
        case Presence::held_guard:
            return "held_guard";
        case Presence::held_failed:
            return "held_failed";
        case Presence::held_empty:
            return "held_empty";
        case Presence::held_snapshot:
            return "held_snapshot";
    }
    return "";
}

}  // namespace taskdns::membership
