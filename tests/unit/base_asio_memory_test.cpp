// Asio's operations go on without memory: their blocks come from a reserve that coroutines have no part in, and go
// back there.
#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
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
    for (const std::size_t size : {std::size_t{16}, std::size_t{256}, std::size_t{272}, std::size_t{1024}}) {
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
    EXPECT_EQ(asio_memory::figures().served, before.served + 4);
    EXPECT_EQ(asio_memory::figures().refused, before.refused);
}

TEST(AsioMemory, HasNothingLargerThanItsBlocks) {
    NoMemory no_memory;
    void* const memory = std::aligned_alloc(alignment, 1040);
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

TEST(AsioMemory, CarriesOperationsThroughAShortage) {
    asio::io_context io;
    const auto before = asio_memory::figures();
    bool posted = false;
    bool waited = false;
    asio::steady_timer timer(io, milliseconds(0));
    timer.async_wait([](const boost::system::error_code&) {});
    io.run();  // its queue of timers has a place from now on (app/event_loop.cpp)
    io.restart();
    {
        NoMemory no_memory;
        asio::post(io, [&posted] { posted = true; });
        timer.async_wait([&waited](const boost::system::error_code&) { waited = true; });
        io.run();
    }
    EXPECT_TRUE(posted);
    EXPECT_TRUE(waited);
    EXPECT_GT(asio_memory::figures().served, before.served);
}

/// Not destroyed unheard: it is told, as of any allocation.
TEST(AsioMemory, LetsACoroutineHearOfAShortage) {
    asio::io_context io;
    int turns = 0;
    std::exception_ptr heard;
    asio::co_spawn(io, wait_often(&turns), [&heard](const std::exception_ptr& e) { heard = e; });
    while (turns < 2) io.run_one();
    {
        NoMemory no_memory;
        io.run();
    }
    EXPECT_LT(turns, 10);
    ASSERT_TRUE(heard);
    EXPECT_THROW(std::rethrow_exception(heard), std::bad_alloc);
}

/// As many as would take all of the reserve, and keep it: new connections, new checks.
TEST(AsioMemory, IsNotTakenByCoroutinesThatAreBegun) {
    asio::io_context io;
    const auto before = asio_memory::figures();
    int turns = 0;
    int begun = 0;
    bool posted = false;
    {
        NoMemory no_memory;
        for (int i = 0; i < 5'000; ++i) {
            try {
                asio::co_spawn(io, wait_often(&turns), asio::detached);
                ++begun;
            } catch (const std::bad_alloc&) {
            }
        }
        asio::post(io, [&posted] { posted = true; });
        io.run();
    }
    EXPECT_EQ(begun, 0);
    EXPECT_TRUE(posted);
    EXPECT_EQ(asio_memory::figures().refused, before.refused);
    EXPECT_EQ(asio_memory::figures().in_use, before.in_use);
}

}  // namespace
}  // namespace taskdns
