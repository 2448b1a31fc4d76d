// Members as the snapshot keeps them, in wall time, and back.
// Layer: app. Pure.
#pragma once

#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "membership/snapshot.hpp"

namespace taskdns::app {

/// The withdrawn are left out: the registry has said that they are gone.
membership::SavedService to_saved(const dns::Name& service, const std::vector<membership::Member>& members,
                                  const WallAnchor& wall);
/// Those that `service` could find by its settings of now: another `record` or `port` leaves them out, and a static
/// source needs none. A time in the future (the clock was set back since) becomes now.
std::vector<membership::Member> to_members(const membership::SavedService& saved, const config::Service& service,
                                           const WallAnchor& wall);

}  // namespace taskdns::app
