// Asio's operations go on without memory: its blocks come from a reserve, and go back there.
#include <array>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "base/asio.hpp"
#include "base/asio_memory.hpp"
#include "base/time.hpp"
#include "support/allocations.hpp"

namespace taskdns {
namespace {

using testing_support::NoMemory;

constexpr std::size_t alignment = 16;

TEST(AsioMemory, TakesFromTheHeapWhileItCan) {
    const auto before = asio_memory::figures();
    void* const memory = std::aligned_alloc(alignment, 256);
    ASSERT_NE(memory, nullptr);
    std::free(memory);
    EXPECT_EQ(asio_memory::figures().served, before.served);
}

TEST(AsioMemory, ServesFromTheReserveAndTakesBack) {
    const auto before = asio_memory::figures();
    for (const std::size_t size :
         {std::size_t{16}, std::size_t{256}, std::size_t{272}, std::size_t{1024}, std::size_t{4096}}) {
        NoMemory no_memory;
        void* const memory = std::aligned_alloc(alignment, size);
        no_memory.end();
        ASSERT_NE(memory, nullptr) << size;
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0U);
        std::memset(memory, 0xA5, size);
        EXPECT_EQ(asio_memory::figures().in_use, before.in_use + 1);
        std::free(memory);
        EXPECT_EQ(asio_memory::figures().in_use, before.in_use);
    }
    EXPECT_EQ(asio_memory::figures().served, before.served + 5);
    EXPECT_EQ(asio_memory::figures().refused, before.refused);
}

TEST(AsioMemory, HasNothingLargerThanItsBlocks) {
    NoMemory no_memory;
    void* const memory = std::aligned_alloc(alignment, 8192);
    no_memory.end();
    EXPECT_EQ(memory, nullptr);
}

TEST(AsioMemory, GivesEachBlockOnceAndThenNone) {
    std::vector<void*> blocks;
    blocks.reserve(4096);
    {
        NoMemory no_memory;
        while (void* const memory = std::aligned_alloc(alignment, 256)) {
            std::memset(memory, 1, 256);
            blocks.push_back(memory);
        }
    }
    EXPECT_GE(blocks.size(), 1024U);
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
    EXPECT_EQ(asio_memory::figures().in_use, blocks.size());
    for (void* const memory : blocks) std::free(memory);
    EXPECT_EQ(asio_memory::figures().in_use, 0U);
}

asio::awaitable<void> wait_often(int* turns) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (; *turns < 10; ++*turns) {
        timer.expires_after(milliseconds(0));
        co_await timer.async_wait(as_result);
    }
}

TEST(AsioMemory, CarriesACoroutineThroughAShortage) {
    asio::io_context io;
    int turns = 0;
    asio::co_spawn(io, wait_often(&turns), asio::detached);
    while (turns < 2) io.run_one();
    bool posted = false;
    {
        NoMemory no_memory;
        asio::post(io, [&posted] { posted = true; });
        io.run();
    }
    EXPECT_EQ(turns, 10);
    EXPECT_TRUE(posted);
}

}  // namespace
}  // namespace taskdns
