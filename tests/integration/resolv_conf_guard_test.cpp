// No test of this executable touches this machine's own /etc/resolv.conf.
#include "support/resolv_conf_guard.hpp"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {
namespace {

const bool guarded = guard_resolv_conf();

TEST(ResolvConfGuard, FailsATestThatChangesTheFileAndPutsItBack) {
    const TempDir dir;
    const std::string path = dir / "resolv.conf";
    write_file(path, "nameserver 10.0.0.2\n");
    const GuardedFile file(path);
    file.check();
    write_file(path, "nameserver 127.0.0.1\n");
    EXPECT_NONFATAL_FAILURE(file.check(), "has changed");
    EXPECT_EQ(read_file(path), "nameserver 10.0.0.2\n");
}

TEST(ResolvConfGuard, ShowsRootACopyOfTheFile) {
    EXPECT_TRUE(guarded);
    const bool may = geteuid() == 0 && run({"unshare", "--mount", "true"}).status == 0;  // not in a chroot
    EXPECT_EQ(read_file("/proc/self/mountinfo").find("/taskdns-test-") != std::string::npos, may);
}

}  // namespace
}  // namespace taskdns::testing_support
