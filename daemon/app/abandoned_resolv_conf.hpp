// A daemon that cannot start, and a resolv.conf that an earlier one, killed, has left naming it: nobody would answer.
// Layer: app (may include task). Threads: blocks the caller, who has no event loop.
#pragma once

#include <optional>
#include <string>

namespace taskdns::app {

/// Puts back what was there before taskdns, unless somebody answers at the first address that the file names: another
/// taskdns, which takes care of it. Returns the line to say: what was done, or why it cannot be, with the mend. Null:
/// the file is not managed by taskdns, or is in good hands. Never throws.
std::optional<std::string> put_back_abandoned(const std::string& path) noexcept;

}  // namespace taskdns::app
