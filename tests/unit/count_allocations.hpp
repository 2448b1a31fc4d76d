// Counts what operator new hands out on this thread. It replaces the operators of the whole executable, so it is
// included by one file of it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace taskdns::testing_support {

/// Of this thread; others of the same executable count elsewhere.
inline thread_local std::size_t allocations = 0;

}  // namespace taskdns::testing_support

void* operator new(std::size_t size) {
    ++taskdns::testing_support::allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // its memory comes back to our delete
    ++taskdns::testing_support::allocations;
    return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
