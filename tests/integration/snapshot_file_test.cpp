// The snapshot's file: one that cannot be used is named in one log line and replaced, and no kill leaves such a one.
// What it prints: the log lines. To see them: build/dev/tests/integration --gtest_filter='SnapshotFile.*'
#include <sys/stat.h>

#include <cstdio>
#include <functional>
#include <random>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/quick_start.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

const std::string service = "orders.test";

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
    std::vector<std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.find(part) != std::string::npos) out.push_back(line);
    }
    return out;
}

class SnapshotFile : public testing::Test {
protected:
    SnapshotFile() { registry.set(service, addresses, 1); }

    std::string yaml(const std::string& path) const {
        return "snapshot: " + path + "\nservices:\n  - name: " + service +
               "\n    record: A\n    port: " + std::to_string(tasks.port()) + "\n    poll: {min: 100ms}\n";
    }

    /// What a daemon writes.
    std::string learn() const {
        const QuickStart daemon(yaml(file), registry.port());
        EXPECT_TRUE(wait_until(3s, [&] { return read_file(file).find(addresses[3]) != std::string::npos; }));
        return read_file(file);
    }

    /// A start with `file` as it is: the one warning about it.
    std::string warning() const {
        QuickStart daemon(yaml(file), registry.port());
        EXPECT_THAT(daemon.first_reply(service).reply.rdata("A"), UnorderedElementsAreArray(addresses));
        EXPECT_TRUE(wait_until(3s, [&] { return !lines_with(daemon.log(), "not loaded").empty(); })) << daemon.log();
        const std::vector<std::string> found = lines_with(daemon.log(), file);
        EXPECT_THAT(found, SizeIs(1));
        EXPECT_TRUE(wait_until(3s, [&] { return read_file(file).find(addresses[3]) != std::string::npos; }));
        EXPECT_EQ(daemon.stop().status, std::optional(0));
        return found.empty() ? "" : found.front();
    }

    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 4);
    const TempDir dir;
    const std::string file = dir / "snapshot";
    ManyBackends tasks{addresses};
    FakeRegistry registry;
};

TEST_F(SnapshotFile, ThatCannotBeUsedIsNamedWithTheReasonAndReplaced) {
    const std::string good = learn();
    ASSERT_GT(good.size(), 100U);
    std::string changed = good;
    const std::size_t digit = changed.find(addresses[1]) + addresses[1].size() - 1;
    changed[digit] = changed[digit] == '9' ? '8' : '9';
    struct Damage {
        const char* name;
        std::string text;
    };
    for (const Damage& damage : {Damage{"empty", ""}, Damage{"truncated", good.substr(0, good.size() / 2)},
                                 Damage{"one octet missing", good.substr(0, good.size() - 2)},
                                 Damage{"one digit changed", changed}, Damage{"foreign", "{\"name\": \"other\"}\n"},
                                 Damage{"not text", std::string("\x7f\x45\x4c\x46\0\0\xff\xfe", 8)}}) {
        write_file(file, damage.text);
        const std::string line = warning();
        std::printf("%-20s%s\n", damage.name, line.c_str());
        EXPECT_THAT(line, HasSubstr(file)) << damage.name;
        EXPECT_THAT(line, HasSubstr("reason")) << damage.name;
    }
    QuickStart last(yaml(file), registry.port());
    EXPECT_TRUE(wait_until(3s, [&] { return !lines_with(last.log(), " loaded").empty(); })) << last.log();
    EXPECT_THAT(lines_with(last.log(), "not loaded"), SizeIs(0));
}

TEST_F(SnapshotFile, InAFolderThatCannotBeWrittenIsNamedOnce) {
    mkdir((dir / "folder").c_str(), 0700);
    for (const std::string& path : {dir / "missing/snapshot", dir / "folder"}) {
        QuickStart daemon(yaml(path), registry.port());
        EXPECT_THAT(daemon.first_reply(service).reply.rdata("A"), UnorderedElementsAreArray(addresses));
        const auto refused = [&] { return lines_with(daemon.log(), "cannot be written"); };
        EXPECT_TRUE(wait_until(3s, [&] { return !refused().empty(); })) << daemon.log();
        registry.set(service, {addresses.begin(), addresses.begin() + 3}, 1);  // a change, so that it tries again
        EXPECT_TRUE(wait_until(4s, [&] { return ask_a(service, daemon.dns_port()).size() == 3; }));
        std::this_thread::sleep_for(300ms);
        registry.set(service, addresses, 1);
        EXPECT_THAT(refused(), SizeIs(1)) << daemon.log();
        if (refused().empty()) continue;
        std::printf("%s\n", refused().front().c_str());
        EXPECT_THAT(refused().front(), HasSubstr(path));
        EXPECT_EQ(daemon.stop().status, std::optional(0));
    }
}

constexpr int large_services = 5;  // of 40 endpoints each: writing takes a while, and the log has room for all lines

/// `orders.test` changes with every poll.
std::string restless_yaml(const std::string& path) {
    std::string yaml = "snapshot: " + path +
                       "\ndefaults: {record: A, poll: {min: 100ms}, membership: {shrink_guard: 0%, reserve: 0s}}\n"
                       "services:\n  - name: orders.test\n";
    for (int i = 0; i < large_services; ++i) yaml += "  - name: large" + std::to_string(i) + ".test\n";
    return yaml;
}

TEST_F(SnapshotFile, IsWholeWheneverTheDaemonIsKilled) {
    registry.set(service, address_range("10.0.0.", 1, 100), 0, 5);
    for (int i = 0; i < large_services; ++i) {
        const std::string number = std::to_string(i);
        registry.set("large" + number + ".test", address_range("10.1." + number + ".", 1, 40), 60);
    }
    {
        const QuickStart first(restless_yaml(file), registry.port());
        const auto all_are_written = [&] { return read_file(file).find("\"10.1.4.40\"") != std::string::npos; };
        ASSERT_TRUE(wait_until(4s, all_are_written)) << first.log() << read_file(file);
    }
    std::mt19937 random(std::random_device{}());
    int loaded = 0;
    for (int i = 0; i <= 20; ++i) {
        QuickStart daemon(restless_yaml(file), registry.port());
        const auto read = [&] {
            return !lines_with(daemon.log(), "loaded").empty() ||
                   !lines_with(daemon.log(), "there is none yet").empty();
        };
        ASSERT_TRUE(wait_until(3s, read)) << daemon.log();
        EXPECT_THAT(lines_with(daemon.log(), "not loaded"), SizeIs(0)) << "start " << i << ": " << daemon.log();
        if (!lines_with(daemon.log(), "loaded").empty()) ++loaded;
        // The first write comes at once, the next one a second later.
        const bool second_write = i % 7 == 6;
        const auto moment = second_write ? 950'000 + random() % 150'000 : random() % 20'000;
        std::this_thread::sleep_for(std::chrono::microseconds(moment));
        daemon.kill();
    }
    std::printf(
        "killed 20 times at random moments; %d of the 21 starts loaded a snapshot of %zu octets, none found a "
        "damaged one\n",
        loaded, read_file(file).size());
    EXPECT_GE(loaded, 10);
}

}  // namespace
}  // namespace taskdns::testing_support
