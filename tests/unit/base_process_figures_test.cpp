// What /proc says of this very test, and what is left where there is none.
#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

#include "base/process_figures.hpp"
#include "support/temp_dir.hpp"

namespace taskdns {
namespace {

TEST(ProcessFigures, AreThoseOfThisProcess) {
    const ProcessFigures before = ProcessFigures::read();
    ASSERT_TRUE(before.cpu_seconds && before.resident_bytes && before.virtual_bytes && before.open_descriptors &&
                before.most_descriptors && before.threads);
    EXPECT_GT(*before.resident_bytes, 500'000U);
    EXPECT_LT(*before.resident_bytes, *before.virtual_bytes);
    EXPECT_GE(*before.open_descriptors, 3U);
    EXPECT_LE(*before.open_descriptors, *before.most_descriptors);
    EXPECT_GE(*before.threads, 1U);
    const int descriptor = ::open("/dev/null", O_RDONLY);
    ASSERT_GE(descriptor, 0);
    std::optional<std::uint64_t> threads;
    std::thread([&] { threads = ProcessFigures::read().threads; }).join();
    const ProcessFigures after = ProcessFigures::read();
    ::close(descriptor);
    EXPECT_EQ(after.open_descriptors, *before.open_descriptors + 1);
    EXPECT_GT(threads, before.threads);  // ThreadSanitizer has one of its own, from the first thread on
    EXPECT_GE(*after.cpu_seconds, *before.cpu_seconds);
    EXPECT_LT(*after.cpu_seconds, 60.0);
}

TEST(ProcessFigures, AreAbsentWhereProcIs) {
    const testing_support::TempDir empty;
    const ProcessFigures figures = ProcessFigures::read(empty.path());
    EXPECT_FALSE(figures.cpu_seconds);
    EXPECT_FALSE(figures.resident_bytes);
    EXPECT_FALSE(figures.open_descriptors);
    EXPECT_FALSE(figures.threads);
    EXPECT_TRUE(figures.most_descriptors) << "a system call tells that";
}

}  // namespace
}  // namespace taskdns
