// What this process takes of its host, as Linux tells in /proc: the figures that Prometheus' client libraries give.
// Layer: base. Threads: any. Reads small files of the kernel's, which never block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace taskdns {

/// Null: not to be had, such as where /proc is not mounted.
struct ProcessFigures {
    std::optional<double> cpu_seconds;  ///< user and system
    std::optional<std::uint64_t> resident_bytes;
    std::optional<std::uint64_t> virtual_bytes;
    std::optional<std::uint64_t> open_descriptors;
    std::optional<std::uint64_t> most_descriptors;  ///< the soft limit
    std::optional<std::uint64_t> threads;

    /// `proc`: where it is mounted.
    static ProcessFigures read(const std::string& proc = "/proc");
};

}  // namespace taskdns
