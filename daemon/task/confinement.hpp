// What this process may do, now that it has started: a figure for people and for metrics.
// Layer: task. A value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace taskdns::task {

struct Confinement {
    bool no_new_privileges = false;         ///< nothing that it executes gains any (prctl(2), PR_SET_NO_NEW_PRIVS)
    std::vector<std::string> capabilities;  ///< permitted, as capabilities(7) names them, in lower case
    bool sandboxed = false;                 ///< the seccomp filter is in force
    std::uint64_t denied_calls = 0;         ///< that it has refused

    /// All of them in one word, for a log line and a label: `none`, or with commas between them.
    std::string capabilities_text() const {
        std::string out;
        for (const std::string& one : capabilities) out += (out.empty() ? "" : ",") + one;
        return out.empty() ? "none" : out;
    }
};

}  // namespace taskdns::task
