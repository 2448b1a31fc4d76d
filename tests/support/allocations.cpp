// Allocations that are counted, and may fail. This file must not use Asio: what it defines is not wrapped by the
// linker where it is used in the same file.
#include "support/allocations.hpp"

#include <cstdlib>
#include <new>

namespace taskdns::testing_support {

thread_local std::size_t allocations = 0;

namespace {

thread_local std::size_t succeed = 0;  // before those that fail
thread_local std::size_t fail = 0;

bool refuses() {
    ++allocations;
    if (fail == 0) return false;
    if (succeed > 0) {
        --succeed;
        return false;
    }
    --fail;
    return true;
}

}  // namespace

NoMemory::NoMemory(std::size_t first, std::size_t count) : count_(count) {
    succeed = first;
    fail = count;
}

bool NoMemory::end() {
    if (active_) failed_ = fail != count_;
    active_ = false;
    fail = 0;
    return failed_;
}

}  // namespace taskdns::testing_support

using taskdns::testing_support::refuses;

void* operator new(std::size_t size) {
    void* const memory = refuses() ? nullptr : std::malloc(size);
    if (memory != nullptr) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // its memory comes back to our delete
    return refuses() ? nullptr : std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    void* memory = nullptr;
    return !refuses() && ::posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}
