// resolv.conf on disk: written in place, never seen without name servers, however it is read, and what is said where
// it cannot be written. What only another user or a mount can show: tests/integration/resolv_conf_test.cpp.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <set>
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

TEST_F(ResolvConfFile, IsLeftAsItIsWhereAnotherKeepsItLocked) {
    const Descriptor held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(held.number(), LOCK_EX), 0);
    const auto change = manage_resolv_conf(path, naming());
    ASSERT_FALSE(change);
    EXPECT_THAT(change.error().message, HasSubstr("another process has had it locked for a second"));
    EXPECT_EQ(read_file(path), original);
}

TEST_F(ResolvConfFile, IsRestoredEvenIfAnotherKeepsItLocked) {
    ASSERT_TRUE(manage_resolv_conf(path, naming()));
    const Descriptor held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(held.number(), LOCK_EX), 0);
    const auto change = restore_resolv_conf(path);
    ASSERT_TRUE(change) << change.error().message;
    EXPECT_EQ(read_file(path), original);
}

TEST_F(ResolvConfFile, KeepsWhatOthersHaveWrittenMeanwhile) {
    ASSERT_TRUE(manage_resolv_conf(path, naming()));
    write_file(path, "search extra.local\n" + read_file(path) + "options edns0\nnameserver 10.9.9.9\n");
    const auto again = manage_resolv_conf(path, naming("127.0.0.2"));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->edits_kept);
    EXPECT_THAT(testing_support::read_as_glibc(read_file(path)).servers, ElementsAre("127.0.0.2"));
    write_file(path, read_file(path) + "options trust-ad\n");
    const auto back = restore_resolv_conf(path);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(back->edits_kept);
    EXPECT_EQ(read_file(path),
              "search extra.local\n" + original + "\noptions edns0\nnameserver 10.9.9.9\noptions trust-ad\n");
}

/// A file system that takes only so much more; a write beyond it is a part of one, then EFBIG.
class SizeLimit {
public:
    explicit SizeLimit(std::size_t octets) : before_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        const rlimit lower{.rlim_cur = octets, .rlim_max = limit_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &lower), 0);
    }
    ~SizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &limit_);
        std::signal(SIGXFSZ, before_);
    }
    SizeLimit(const SizeLimit&) = delete;
    SizeLimit& operator=(const SizeLimit&) = delete;

private:
    rlimit limit_{};
    void (*before_)(int);
};

TEST_F(ResolvConfFile, IsAsItWasWhereItCannotGrow) {
    const SizeLimit limit(original.size() + 20);
    const auto change = manage_resolv_conf(path, naming());
    ASSERT_FALSE(change);
    EXPECT_THAT(change.error().message, AllOf(HasSubstr("cannot be written: "), HasSubstr("; it is as it was")));
    EXPECT_EQ(read_file(path), original);
}

TEST_F(ResolvConfFile, NamesTheOriginalsServersWhereAnotherListenersPartDoesNotFit) {
    ASSERT_TRUE(manage_resolv_conf(path, naming()));
    const SizeLimit limit(original.size() + 20);
    const auto change = manage_resolv_conf(path, naming("127.0.0.2"));
    ASSERT_FALSE(change);
    EXPECT_THAT(change.error().message, HasSubstr("; it is as it was before taskdns"));
    EXPECT_EQ(read_file(path), original);
}

/// As `docker run` writes one: more than 256 octets with our part, and the name server among the first.
const std::string commented =
    "# Generated by Docker Engine.\n# This file can be edited; Docker Engine will not make further changes once it\n"
    "# has been modified.\n\nnameserver 10.0.0.2\nsearch a.internal\noptions ndots:1\n\n"
    "# Based on host file: '/etc/resolv.conf' (legacy)\n# Overrides: []\n";

/// A libc that reads a file in pieces of so many octets: glibc 4096, musl 256.
class Reader {
public:
    Reader(const std::string& path, std::size_t piece, std::vector<std::string> always_there = {"ndots:1"})
        : always_(std::move(always_there)), thread_([this, path, piece] { run(path, piece); }) {}
    ~Reader() { stop(); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    void stop() {
        ended_ = true;
        if (thread_.joinable()) thread_.join();
    }

    std::uint64_t reads = 0;
    std::uint64_t wrong = 0;
    std::string example;
    std::set<std::string> servers;
    std::set<std::string> options;

private:
    void run(const std::string& path, std::size_t piece) {
        const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        std::string buffer(piece, '\0');
        while (!ended_) {
            std::string text;
            const auto begin = std::chrono::steady_clock::now();
            ::lseek(file.number(), 0, SEEK_SET);
            for (ssize_t got = 0; (got = ::read(file.number(), buffer.data(), buffer.size())) > 0;) {
                text.append(buffer, 0, static_cast<std::size_t>(got));
                // The rest is read later, as where the reader has lost its core between the two.
                if (text.size() == piece) std::this_thread::sleep_for(std::chrono::microseconds(500));
            }
            // Who is preempted for longer between two reads sees what he sees.
            if (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(4)) look_at(text);
        }
    }
    void look_at(const std::string& text) {
        ++reads;
        const auto seen = testing_support::read_as_glibc(text);
        servers.insert(seen.servers.begin(), seen.servers.end());
        options.insert(seen.options.begin(), seen.options.end());
        const bool all = std::ranges::all_of(always_, [&](const std::string& option) {
            return std::ranges::find(seen.options, option) != seen.options.end();
        });
        if (!seen.servers.empty() && seen.search == "a.internal" && all) return;
        ++wrong;
        example = text;
    }

    const std::vector<std::string> always_;
    std::atomic<bool> ended_ = false;
    std::thread thread_;
};

class SeenInPieces : public ResolvConfFile, public testing::WithParamInterface<std::size_t> {};

TEST_P(SeenInPieces, ItAlwaysHasANameServerAndItsOtherLines) {
    write_file(path, commented);
    Reader reader(path, GetParam());
    // So long that a reader can begin in one state and go on in the next.
    const auto stay = [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); };
    for (int i = 0; i < 60; ++i, stay()) {
        ASSERT_TRUE(manage_resolv_conf(path, naming()));
        stay();
        ASSERT_TRUE(manage_resolv_conf(path, naming("127.0.0.2")));
        stay();
        ASSERT_TRUE(restore_resolv_conf(path));
    }
    reader.stop();
    std::printf("%llu reads while it was written 180 times: %llu wrong\n",
                static_cast<unsigned long long>(reader.reads), static_cast<unsigned long long>(reader.wrong));
    EXPECT_GT(reader.reads, 100U);
    EXPECT_EQ(reader.wrong, 0U) << reader.example;
    EXPECT_THAT(reader.servers, testing::IsSubsetOf({"10.0.0.2", "127.0.0.1", "127.0.0.2"}));
    EXPECT_EQ(read_file(path), commented);
}

/// Of what was added behind our part, more than fits into its place, too: no reader may take a part of a line for
/// one.
TEST_P(SeenInPieces, ItHasNoPartsOfLinesThatMove) {
    const std::string shorter = "options edns0\nnameserver 10.9.9.9\n";
    write_file(path, commented);
    ASSERT_TRUE(manage_resolv_conf(path, naming()));
    // Where it ends when it has moved, what is left of it would name a server.
    std::string tail = "nameserver 6.6.6.6 ";
    tail.resize(read_file(path).size() - commented.size() - shorter.size() - 1, 'x');
    const std::string longer = "#" + std::string(100, 'x') + tail + "\n" + shorter;
    for (int i = 0; i < 40; ++i) {
        const bool fits = i % 2 == 0;
        const std::string& added = fits ? shorter : longer;
        write_file(path, commented);
        ASSERT_TRUE(manage_resolv_conf(path, naming()));
        write_file(path, read_file(path) + added);
        Reader reader(path, GetParam(),
                      fits ? std::vector<std::string>{"ndots:1", "edns0"} : std::vector<std::string>{"ndots:1"});
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        ASSERT_TRUE(restore_resolv_conf(path));
        reader.stop();
        EXPECT_EQ(read_file(path), commented + added);
        EXPECT_EQ(reader.wrong, 0U) << reader.example;
        EXPECT_THAT(reader.servers, testing::IsSubsetOf({"10.0.0.2", "127.0.0.1", "10.9.9.9"}));
        EXPECT_THAT(reader.options, testing::IsSubsetOf({"ndots:1", "edns0"}));
    }
}

INSTANTIATE_TEST_SUITE_P(Octets, SeenInPieces, testing::Values(256, 4096), testing::PrintToStringParamName());

TEST_F(ResolvConfFile, WithTooManyNameServersIsLeftAlone) {
    std::string many;
    for (int i = 0; i < 21; ++i) many += "nameserver 10.0.0.2\n";
    write_file(path, many);
    const auto change = manage_resolv_conf(path, naming());
    ASSERT_FALSE(change);
    EXPECT_THAT(change.error().message,
                AllOf(HasSubstr(path), HasSubstr("more than 20 lines"), HasSubstr("take some")));
    EXPECT_EQ(read_file(path), many);
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
        ObstacleCase{"SystemdResolved", "mkdir -p systemd/resolve; touch systemd/resolve/stub-resolv.conf; ln -s systemd/resolve/stub-resolv.conf resolv.conf", {"is a link to ", "which systemd-resolved writes", "DNS=127.0.0.1"}},
        ObstacleCase{"NetworkManager", "mkdir NetworkManager; touch NetworkManager/resolv.conf; ln -s NetworkManager/resolv.conf resolv.conf", {"which NetworkManager writes", "dns=none"}},
        ObstacleCase{"Resolvconf", "mkdir resolvconf; touch resolvconf/run; ln -s resolvconf/run resolv.conf", {"which resolvconf writes"}},
        ObstacleCase{"AnotherLink", "touch other; ln -s other resolv.conf", {"another program may write", "resolv_conf.path"}},
        ObstacleCase{"ALinkToNowhere", "ln -s nowhere resolv.conf", {"is a link that leads nowhere"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::task
