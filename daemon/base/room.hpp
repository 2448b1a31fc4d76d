// Whether there is memory for something that must not run out of it half-way.
// Layer: base. Threads: any.
#pragma once

#include <cstddef>
#include <cstdlib>

namespace taskdns {

/// So many octets can be had now. It says nothing for certain: another thread may take them. But each thread has a
/// heap of its own (glibc), where what this has taken and given back is found again.
inline bool has_room(std::size_t octets) {
    void* volatile probe = std::malloc(octets);  // volatile: a compiler may leave out what is only freed again
    const bool there = probe != nullptr;
    std::free(probe);
    return there;
}

}  // namespace taskdns
