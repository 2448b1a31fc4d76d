// Rewrites a resolv.conf in place: a container's is a bind mount, where a rename gets EBUSY (moby#28187).
// Layer: task (may include base). Blocking, a second at most for another taskdns that is at it: call it from a
// FileThread, or where no loop runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "task/resolv_conf_text.hpp"

namespace taskdns::task {

/// What a file has come to name.
struct ResolvConfChange {
    bool written = false;              ///< false: it said so already
    std::vector<IpAddress> servers;    ///< as libc reads it now
    std::vector<IpAddress> before;     ///< as libc would have read the original
    bool edits_kept = false;           ///< of others, made while it was managed: they are in the original now
    bool rotates_to_fallback = false;  ///< `options rotate` and a fallback: a part of all queries goes past us
};

/// Makes the file at `path` name `naming`'s servers; manage_text() says how. A reader that is through within 5 ms of
/// its first read(2) sees the name servers of before or of after, and all other lines, however many reads it needs.
/// Error: the file, what is in the way (no such file, a link to another program's file, read-only, not ours to write,
/// not a file, too long, locked) and the mend: the file is as it was. Where writing itself fails, or another program
/// writes it at the same time, the message says how the file is.
Result<ResolvConfChange> manage_resolv_conf(const std::string& path, const Naming& naming);

/// Puts the original back, after a second even if another process keeps the file locked; else the same errors. A file
/// that is not managed does not change.
Result<ResolvConfChange> restore_resolv_conf(const std::string& path);

}  // namespace taskdns::task
