// kill -9 while a file is replaced, before each of the system calls that it takes: it is the old one or the new one,
// and the next replacement works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/whole_file.hpp"
#include "support/child_process.hpp"
#include "support/killed_at_system_call.hpp"
#include "support/temp_dir.hpp"

namespace taskdns {
namespace {

using testing_support::Ending;
using testing_support::read_file;
using testing_support::run_killed_at;
using testing_support::write_file;

TEST(WholeFileKill, BeforeAnySystemCallLeavesTheOldOneOrTheNewOne) {
    const testing_support::TempDir dir;
    const std::string path = dir / "file";
    const std::string old_text(10'000, 'o');
    const std::string new_text(20'000, 'n');
    unsigned left_old = 0;
    unsigned left_new = 0;
    for (unsigned call = 1; call < 1000; ++call) {
        write_file(path, old_text);
        const Ending ending = run_killed_at(call, [&] { replace_whole_file(path, new_text).has_value(); });
        const std::string left = read_file(path);
        ASSERT_TRUE(left == old_text || left == new_text) << "killed before call " << call << ": " << left.size()
                                                          << " octets, beginning with " << left.substr(0, 9);
        ++(left == old_text ? left_old : left_new);
        ASSERT_TRUE(replace_whole_file(path, "next"));
        ASSERT_EQ(read_file(path), "next");
        if (ending == Ending::completed) break;
    }
    EXPECT_GE(left_old, 5U) << "open, write, fsync, close, rename";
    EXPECT_GE(left_new, 2U);
}

}  // namespace
}  // namespace taskdns
