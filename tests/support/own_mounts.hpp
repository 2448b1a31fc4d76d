// Commands in a mount namespace of their own, also where the test runs in a chroot.
#pragma once

#include <string>
#include <vector>

namespace taskdns::testing_support {

/// What to put before a command: it runs where `script` (sh -e) has mounted something on or below `place`, which is
/// its $1 and exists; `more` are its $2, $3, .... Outside nothing of it is seen.
std::vector<std::string> with_own_mounts(const std::string& script, const std::string& place,
                                         const std::vector<std::string>& more = {});

}  // namespace taskdns::testing_support
