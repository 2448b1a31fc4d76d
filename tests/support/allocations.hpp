// Counts what operator new and Asio's aligned_alloc hand out on this thread, and lets them fail. Both are replaced in
// an executable that uses anything of this header.
#pragma once

#include <cstddef>

namespace taskdns::testing_support {

extern thread_local std::size_t allocations;  ///< of this thread

/// While it lives, `count` allocations of this thread fail after `first` that succeed. Assertions allocate: keep them
/// outside.
class NoMemory {
public:
    static constexpr std::size_t for_good = static_cast<std::size_t>(-1);

    explicit NoMemory(std::size_t first = 0, std::size_t count = for_good);
    ~NoMemory() { end(); }
    NoMemory(const NoMemory&) = delete;
    NoMemory& operator=(const NoMemory&) = delete;

    /// There is memory again; true if an allocation has failed.
    bool end();

private:
    const std::size_t count_;
    bool active_ = true;
    bool failed_ = false;
};

}  // namespace taskdns::testing_support
