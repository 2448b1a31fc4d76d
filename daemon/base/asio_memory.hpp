// Memory for Asio's own operations when the heap has none: a fixed reserve of small blocks.
// Layer: base. Threads: any; no lock.
//
// Asio takes the memory of every operation (a timer's wait, a posted function) from aligned_alloc(). Where that
// fails, the coroutine that began it is destroyed unheard, and to do so takes one more operation, without memory for
// which the process ends (boost/asio/impl/awaitable.hpp). So the linker gives us these calls (--wrap,
// daemon/CMakeLists.txt), and the reserve serves what the heap cannot. It is no part of the resident memory before it
// is used.
//
// A coroutine's own memory is not from here but from operator new (BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING,
// ibid.): where that fails it is an exception of who calls the coroutine, while a hundred of them that are begun in a
// shortage would hold for long what operations need. docs/decisions/0029-when-memory-runs-out.md
#pragma once

#include <cstddef>
#include <cstdint>

namespace taskdns::asio_memory {

struct Figures {
    std::uint64_t served = 0;   ///< by the reserve, since the heap had nothing
    std::uint64_t refused = 0;  ///< the reserve had nothing either: an alarming figure
    std::size_t in_use = 0;     ///< blocks of the reserve
};

Figures figures();

}  // namespace taskdns::asio_memory
