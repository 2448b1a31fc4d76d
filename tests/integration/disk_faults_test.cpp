// A disk that is full, read-only or gone: the daemon goes on, says so once, damages nothing, and writes again when it
// can. File systems of the test's own, in a mount namespace of the daemon's.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/network_namespaces.hpp"
#include "support/own_mounts.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

/// For what a command becomes where `folder` is a file system of its own, of `size`.
std::vector<std::string> on_a_disk_of(const std::string& size, const std::string& folder) {
    return with_own_mounts("mount -t tmpfs -o size=\"$2\" tmpfs \"$1\"", folder, {size});
}

/// The test's thread is in a network of its own: where it may mount, too.
class DiskFault : public testing::TestWithParam<const char*> {
protected:
    DiskFault() {
        std::filesystem::create_directory(folder);
        registry.set("orders.test", addresses, 1);
        daemon.emplace(DaemonOptions{.yaml = "snapshot: " + folder +
                                             "/snapshot\nservices:\n  - {name: orders.test, record: A, port: " +
                                             std::to_string(tasks.port()) + ", poll: {min: 100ms}}\n",
                                     .upstream_port = registry.port(),
                                     .launcher = on_a_disk_of("16k", folder)});
    }

    /// As the daemon sees it.
    std::string inside(const std::string& file) {
        return "/proc/" + std::to_string(daemon->process().pid()) + "/root" + folder + "/" + file;
    }
    std::string snapshot() { return read_file(inside("snapshot")); }

    unsigned long figure(const std::string& name) const {
        const std::string line = "\ntaskdns_snapshot_" + name + " ";
        const std::string metrics = daemon->get("/metrics").body;
        const std::size_t at = metrics.find(line);
        return at == std::string::npos ? 0 : std::stoul(metrics.substr(at + line.size()));
    }

    void fill(const std::string& file) {
        const Descriptor filler(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        const std::string page(4096, 'x');
        for (int i = 0; i < 100 && write(filler.number(), page.data(), page.size()) > 0; ++i) continue;
    }
    void run_inside(const std::string& script) {
        const Outcome outcome = run({"nsenter", "-m", "-r", "-t", std::to_string(daemon->process().pid()), "sh",
                                     "-ec", script, "sh", folder});
        ASSERT_EQ(outcome.status, 0) << outcome.err;
    }
    void begin() {
        const std::string fault = GetParam();
        if (fault == "Full") fill(inside("filler"));
        if (fault == "ReadOnly") run_inside("mount -o remount,ro \"$1\"");
        if (fault == "Gone") run_inside("mount --move \"$1\" /mnt; rmdir \"$1\"");
    }
    void end() {
        const std::string fault = GetParam();
        if (fault == "Full") std::filesystem::remove(inside("filler"));
        if (fault == "ReadOnly") run_inside("mount -o remount,rw \"$1\"");
        if (fault == "Gone") run_inside("mkdir \"$1\"; mount --move /mnt \"$1\"");
    }
    void serve_and_expect(std::size_t count) {
        registry.set("orders.test", {addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(count)}, 1);
        EXPECT_TRUE(wait_until(5s, [&] { return daemon->ask_a("orders.test").size() == count; })) << "it goes on";
    }

    const TempDir dir;
    const std::string folder = dir / "disk";
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    const NetworkNamespaces network;
    const NetworkNamespaces::Inside in_task{network.in_task()};
    ManyBackends tasks{addresses};
    FakeRegistry registry;
    std::optional<DaemonUnderTest> daemon;
};

TEST_P(DiskFault, DamagesNoSnapshotAndIsOverWhenTheDiskIsBack) {
    ASSERT_TRUE(wait_until(5s, [&] { return snapshot().find(addresses[3]) != std::string::npos; }));
    // The daemon's first housekeeping, 5 s after its start, writes as well.
    ASSERT_TRUE(wait_until(15s, [&] { return figure("writes_total") >= 2; }));
    const std::string before = snapshot();
    begin();
    serve_and_expect(3);
    EXPECT_TRUE(daemon->says("cannot be written"));
    serve_and_expect(2);
    EXPECT_TRUE(wait_until(10s, [&] { return figure("failures_total") >= 2; }))
        << "so that no change is still to be written";
    if (GetParam() == std::string("Gone"))
        end();  // there is no other way to look at it
    else
        EXPECT_EQ(snapshot(), before);
    EXPECT_EQ(count_of(daemon->log(), "cannot be written"), 1U) << "once: " << daemon->log();
    if (GetParam() != std::string("Gone")) end();
    const auto is_new = [&] {
        const std::string text = snapshot();
        return text.find(addresses[1]) != std::string::npos && text.find(addresses[2]) == std::string::npos;
    };
    EXPECT_TRUE(wait_until(15s, is_new)) << "nothing else has changed since\n" << daemon->log();
    EXPECT_TRUE(daemon->says("is written again"));
    EXPECT_FALSE(std::filesystem::exists(inside("snapshot.tmp")));
}

INSTANTIATE_TEST_SUITE_P(Snapshot, DiskFault, testing::Values("Full", "ReadOnly", "Gone"),
                         [](const auto& fault) { return fault.param; });

/// The last page of the disk holds a resolv.conf that is almost as long: our part does not fit behind it.
TEST(DiskFull, LeavesAManagedResolvConfAsItWas) {
    const TempDir dir;
    const std::string folder = dir / "disk";
    std::filesystem::create_directory(folder);
    std::string original = "nameserver 10.0.0.2\nsearch a.internal\n";
    original += "#" + std::string(4090 - original.size(), '.') + "\n";
    write_file(dir / "original", original);
    const NetworkNamespaces network;
    const NetworkNamespaces::Inside in_task{network.in_task()};
    const char* const full = "mount -t tmpfs -o size=4k tmpfs \"$1\"\ncat \"$2\" > \"$1/resolv.conf\"";
    DaemonUnderTest daemon({.yaml = "upstream: {servers: [10.0.0.2]}\nresolv_conf: {manage: true, path: " + folder +
                                    "/resolv.conf}\nservices:\n  - {name: one.test, source: static, record: A, "
                                    "health: {check: none}, addresses: [10.0.2.1]}\n",
                            .dns_port = 53,
                            .launcher = with_own_mounts(full, folder, {dir / "original"})});
    const std::string file = "/proc/" + std::to_string(daemon.process().pid()) + "/root" + folder + "/resolv.conf";
    EXPECT_TRUE(daemon.says("not managed"));
    EXPECT_THAT(daemon.log(), HasSubstr("it is as it was"));
    EXPECT_EQ(read_file(file), original);
    EXPECT_EQ(daemon.ask_a("one.test"), std::vector<std::string>{"10.0.2.1"}) << "it goes on";
    EXPECT_EQ(count_of(daemon.log(), "not managed"), 1U);
}

}  // namespace
}  // namespace taskdns::testing_support
