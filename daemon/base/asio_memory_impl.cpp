// Memory for Asio's own operations when the heap has none. Layer: base; part of the target `asio`.
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>

#include "base/asio_memory.hpp"

// The linker's names for what it wraps and for what is behind it.
// NOLINTBEGIN(clang-diagnostic-reserved-identifier,bugprone-reserved-identifier)
extern "C" {
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void __real_free(void* memory);
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size);
void __wrap_free(void* memory);
}
// NOLINTEND(clang-diagnostic-reserved-identifier,bugprone-reserved-identifier)

namespace taskdns::asio_memory {
namespace {

constexpr std::size_t widest_alignment = 64;

/// `count` blocks of `size` octets, each taken by one bit.
template <std::size_t size, std::size_t count>
class Blocks {
public:
    static constexpr std::size_t block_size = size;

    void* take() {
        for (std::size_t word = 0; word < used_.size(); ++word) {
            std::uint64_t used = used_[word].load(std::memory_order_relaxed);
            while (~used != 0) {
                const auto bit = static_cast<std::size_t>(std::countr_one(used));
                if (used_[word].compare_exchange_weak(used, used | std::uint64_t{1} << bit,
                                                      std::memory_order_acquire))
                    return octets_.data() + (word * bits + bit) * size;
            }
        }
        return nullptr;
    }
    bool take_back(void* memory) {
        const auto at = reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(octets_.data());
        if (at >= octets_.size()) return false;  // an address before ours becomes a large number
        const std::size_t block = at / size;
        used_[block / bits].fetch_and(~(std::uint64_t{1} << block % bits), std::memory_order_release);
        return true;
    }
    std::size_t in_use() const {
        std::size_t sum = 0;
        for (const auto& word : used_)
            sum += static_cast<std::size_t>(std::popcount(word.load(std::memory_order_relaxed)));
        return sum;
    }

private:
    static constexpr std::size_t bits = 64;
    static_assert(count % bits == 0 && size % widest_alignment == 0);

    std::array<std::atomic<std::uint64_t>, count / bits> used_{};
    alignas(widest_alignment) std::array<std::byte, size * count> octets_{};
};

// Operations take 32 to 240 octets, those of HTTP and TLS up to 880. Each connection, check and query that is under
// way waits for one or two. A coroutine's own memory is not from here, so no more of them are begun in a shortage.
// Where all limits were reached before it (512 HTTP connections, 256 checks, as many queries), there may be none left
// for the last: these are given up, and counted as refused.
constinit Blocks<256, 1024> small;
constinit Blocks<1024, 256> medium;
std::atomic<std::uint64_t> served{0};
std::atomic<std::uint64_t> refused{0};

void* take(std::size_t alignment, std::size_t size) {
    void* block = nullptr;
    if (alignment <= widest_alignment) {
        if (size <= small.block_size) block = small.take();
        if (block == nullptr && size <= medium.block_size) block = medium.take();
    }
    (block == nullptr ? refused : served).fetch_add(1, std::memory_order_relaxed);
    return block;
}

bool take_back(void* memory) { return small.take_back(memory) || medium.take_back(memory); }

}  // namespace

Figures figures() {
    return {served.load(std::memory_order_relaxed), refused.load(std::memory_order_relaxed),
            small.in_use() + medium.in_use()};
}

}  // namespace taskdns::asio_memory

void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
    void* const memory = __real_aligned_alloc(alignment, size);
    return memory != nullptr ? memory : taskdns::asio_memory::take(alignment, size);
}

void __wrap_free(void* memory) {
    if (!taskdns::asio_memory::take_back(memory)) __real_free(memory);
}
