// What operator new has handed out on this thread; the operators are in forward_cache_test.cpp.
#pragma once

#include <cstddef>

namespace taskdns::forward {

extern thread_local std::size_t allocations;
/// Octets that live, with what malloc adds. A sanitizer's malloc adds something else.
extern thread_local std::size_t live_octets;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_real_malloc = false;
#else
inline constexpr bool is_real_malloc = true;
#endif

}  // namespace taskdns::forward
