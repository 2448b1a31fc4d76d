// resolv.conf on disk: written in place, never seen empty or mixed, and what is said where it cannot be written.
// What only another user or a mount can show: tests/integration/resolv_conf_test.cpp.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/descriptor.hpp"
#include "support/child_process.hpp"
#include "support/libc_resolv_conf.hpp"
#include "support/temp_dir.hpp"
#include "task/resolv_conf_file.hpp"

namespace taskdns::task {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::read_file;
using testing_support::TempDir;
using testing_support::write_file;

const std::string original = "nameserver 10.0.0.2\nsearch a.internal\noptions ndots:1";

Naming naming(const char* own = "127.0.0.1") {
    Naming out;
    out.own = IpAddress::parse(own).value();
    return out;
}

ino_t inode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_ino;
}

class ResolvConfFile : public testing::Test {
protected:
    ResolvConfFile() { write_file(path, original); }

    const TempDir dir;
    const std::string path = dir / "resolv.conf";
};

TEST_F(ResolvConfFile, IsTheSameFileAfterwardsWithTheSameRights) {
    ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
    const ino_t before = inode(path);
    const auto change = manage_resolv_conf(path, naming());
    ASSERT_TRUE(change) << change.error().message;
    EXPECT_TRUE(change->written);
    EXPECT_THAT(change->servers, ElementsAre(*IpAddress::parse("127.0.0.1")));
    EXPECT_THAT(change->before, ElementsAre(*IpAddress::parse("10.0.0.2")));
    EXPECT_THAT(testing_support::read_as_glibc(read_file(path)).servers, ElementsAre("127.0.0.1"));
    EXPECT_EQ(inode(path), before);
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0640));

    EXPECT_FALSE(manage_resolv_conf(path, naming())->written) << "it says so already";
    EXPECT_TRUE(restore_resolv_conf(path)->written);
    EXPECT_EQ(read_file(path), original);
    EXPECT_FALSE(restore_resolv_conf(path)->written);
    EXPECT_EQ(inode(path), before);
}

TEST_F(ResolvConfFile, SaysWhereRotateMakesTheFallbackTheFirst) {
    Naming with_fallback = naming();
    with_fallback.fallback = true;
    EXPECT_FALSE(manage_resolv_conf(path, with_fallback)->rotates_to_fallback);
    write_file(path, "nameserver 10.0.0.2\noptions rotate\n");
    EXPECT_FALSE(manage_resolv_conf(path, naming())->rotates_to_fallback);
    EXPECT_TRUE(manage_resolv_conf(path, with_fallback)->rotates_to_fallback);
}

TEST_F(ResolvConfFile, NeedsNoRightToWriteWhatItSaysAlready) {
    ASSERT_TRUE(manage_resolv_conf(path, naming()));
    const Descriptor held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(held.number(), LOCK_EX), 0) << "who would write it waits for this";
    EXPECT_TRUE(manage_resolv_conf(path, naming()));
}

TEST_F(ResolvConfFile, WaitsForAnotherThatWritesIt) {
    const auto held = std::make_unique<Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(held->number(), LOCK_EX), 0);
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(120));
        write_file(path, "nameserver 10.0.0.3\n");
        ::flock(held->number(), LOCK_UN);
    });
    const auto change = manage_resolv_conf(path, naming());
    other.join();
    ASSERT_TRUE(change) << change.error().message;
    EXPECT_THAT(change->before, ElementsAre(*IpAddress::parse("10.0.0.3"))) << "what the other wrote is not lost";
}

TEST_F(ResolvConfFile, DoesNotWaitForeverForAnotherThatWritesIt) {
    const Descriptor held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(held.number(), LOCK_EX), 0);
    const auto change = manage_resolv_conf(path, naming());
    ASSERT_FALSE(change);
    EXPECT_THAT(change.error().message, HasSubstr("another process has had it locked for a second"));
    EXPECT_EQ(read_file(path), original);
}

/// One read(2), as glibc reads a file of this size.
std::string read_once(int file) {
    std::array<char, 4096> buffer{};
    const ssize_t length = ::pread(file, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

TEST_F(ResolvConfFile, IsNeverSeenWithoutANameServerOrItsOtherLines) {
    const auto before = testing_support::read_as_glibc(original);
    std::atomic<bool> ended = false;
    std::uint64_t reads = 0;
    std::uint64_t wrong = 0;
    std::string example;
    std::thread reader([&] {
        const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        for (; !ended; ++reads) {
            const std::string text = read_once(file.number());
            const auto seen = testing_support::read_as_glibc(text);
            // Ours alone or, for a moment, behind the one of before.
            const bool ours = seen.servers.size() == 1 && seen.servers[0].starts_with("127.0.0.");
            if ((ours || (!seen.servers.empty() && seen.servers[0] == "10.0.0.2")) && seen.search == before.search &&
                seen.options == before.options) {
                continue;
            }
            ++wrong;
            example = text;
        }
    });
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(manage_resolv_conf(path, naming()));
        ASSERT_TRUE(manage_resolv_conf(path, naming("127.0.0.2")));
        ASSERT_TRUE(restore_resolv_conf(path));
    }
    ended = true;
    reader.join();
    std::printf("%llu reads while it was written 600 times: %llu wrong\n", static_cast<unsigned long long>(reads),
                static_cast<unsigned long long>(wrong));
    EXPECT_EQ(wrong, 0U) << example;
    EXPECT_EQ(read_file(path), original);
}

struct ObstacleCase {
    const char* name;
    const char* script;  ///< in the file's directory
    std::vector<const char*> message;
};

void PrintTo(const ObstacleCase& c, std::ostream* out) { *out << c.name; }

class Obstacles : public testing::TestWithParam<ObstacleCase> {};

TEST_P(Obstacles, AreNamedWithTheirMend) {
    const TempDir dir;
    const auto made = testing_support::run({"sh", "-ec", "cd \"$0\"; " + std::string(GetParam().script), dir.path()});
    ASSERT_EQ(made.status, 0) << made.err;
    const std::string path = dir / "resolv.conf";
    for (const auto& result : {manage_resolv_conf(path, naming("127.0.0.2")), restore_resolv_conf(path)}) {
        ASSERT_FALSE(result);
        EXPECT_THAT(result.error().message, testing::StartsWith(path + ": "));
        for (const char* part : GetParam().message) EXPECT_THAT(result.error().message, HasSubstr(part));
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Files, Obstacles,
    testing::Values(
        ObstacleCase{"None", "true", {"there is no such file", "create an empty one"}},
        ObstacleCase{"ADirectory", "mkdir resolv.conf", {"is not a regular file"}},
        ObstacleCase{"APipe", "mkfifo resolv.conf", {"is not a regular file"}},
        ObstacleCase{"TooLong", "head -c 65537 /dev/zero | tr '\\0' '\\n' >resolv.conf", {"more than 64 KiB"}},
        ObstacleCase{"Damaged", "printf '\\n# taskdns is asked\\n' >resolv.conf", {"is damaged", "#ameserver was nameserver"}},
        ObstacleCase{"SystemdResolved", "mkdir -p systemd/resolve; touch systemd/resolve/stub-resolv.conf; ln -s systemd/resolve/stub-resolv.conf resolv.conf", {"is a link to ", "which systemd-resolved writes", "DNS=127.0.0.1"}},
        ObstacleCase{"NetworkManager", "mkdir NetworkManager; touch NetworkManager/resolv.conf; ln -s NetworkManager/resolv.conf resolv.conf", {"which NetworkManager writes", "dns=none"}},
        ObstacleCase{"Resolvconf", "mkdir resolvconf; touch resolvconf/run; ln -s resolvconf/run resolv.conf", {"which resolvconf writes"}},
        ObstacleCase{"AnotherLink", "touch other; ln -s other resolv.conf", {"another program may write", "resolv_conf.path"}},
        ObstacleCase{"ALinkToNowhere", "ln -s nowhere resolv.conf", {"is a link that leads nowhere"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::task
