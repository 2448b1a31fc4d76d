// Log lines that no memory is left for.
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "support/allocations.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::log {
namespace {

/// Lost and counted, and nobody who wanted to say something is thrown at.
TEST(LogFailure, LineWithoutMemoryIsLostAndCounted) {
    const testing_support::TempDir dir;
    const int file = ::open((dir / "log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    start({Level::info, Format::text, file});
    const std::string fact(1'000, 'x');  // beyond what a message holds without memory
    std::uint64_t failed = 0;
    const std::uint64_t before = dropped();
    for (std::size_t n = 0; n < 100; ++n) {
        testing_support::NoMemory no_memory(n, 1);
        event(Level::info, "base", fact);
        if (!no_memory.end()) break;
        ++failed;
    }
    EXPECT_GE(failed, 2U) << "the line, and what the queue holds";
    EXPECT_LT(failed, 100U) << "it passes once nothing fails";
    EXPECT_EQ(dropped() - before, failed);
    event(Level::info, "base", "all is well again");
    stop();
    std::string written(8'192, '\0');
    const ssize_t length = ::pread(file, written.data(), written.size(), 0);
    ::close(file);
    ASSERT_GT(length, 0);
    EXPECT_NE(written.find("all is well again"), std::string::npos);
}

}  // namespace
}  // namespace taskdns::log
