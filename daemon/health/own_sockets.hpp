// Which sockets are our own probes, so that they are not taken for the application's connections.
// Layer: health (may include base). Pure: no clock, no I/O. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace taskdns::health {

/// Sockets that are our own probes: told by the cookie that the kernel gave them. Those of the last minutes.
class OwnSockets {
public:
    /// One that will be connected. Bounded: beyond `most` within one period the oldest are forgotten early, but never
    /// the last `most`.
    void add(std::uint64_t cookie);
    bool contains(std::uint64_t cookie) const;
    /// Forgets those that were old at the last call; the others are old now. Call it once in a few minutes.
    void age();

    static constexpr std::size_t most = 8192;

private:
    // Sorted. They live for minutes: as nodes of their own they would lie between everything that comes and goes.
    std::vector<std::uint64_t> young_;
    std::vector<std::uint64_t> old_;
};

}  // namespace taskdns::health
