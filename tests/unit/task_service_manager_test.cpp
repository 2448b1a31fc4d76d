// Telling systemd: the datagrams that arrive, at both kinds of sockets, and that nothing else happens.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.hpp"
#include "task/service_manager.hpp"

namespace taskdns::task {
namespace {

using testing::MatchesRegex;

/// A service manager's end: a datagram socket bound to `name`, as sd_notify(3) writes it.
class Manager {
public:
    explicit Manager(const std::string& name) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name.front() == '@') address.sun_path[0] = '\0';
        const auto length = offsetof(sockaddr_un, sun_path) + name.size();
        EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)),
                  0);
    }
    ~Manager() { ::close(descriptor_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    std::string heard() const {
        std::string text(4096, '\0');
        const auto size = ::recv(descriptor_, text.data(), text.size(), 0);
        text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return text;
    }

private:
    int descriptor_;
};

TEST(ServiceManagerStates, ArriveAtAPathOneDatagramEach) {
    const testing_support::TempDir directory;
    const Manager manager(directory / "notify");
    const ServiceManager told(directory / "notify");
    told.tell_ready(2);
    EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=answering for 2 services");
    EXPECT_EQ(manager.heard(), "");
    told.tell_reloading();
    EXPECT_THAT(manager.heard(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+\nSTATUS=[^\n]+"));
    told.tell_reloaded(1, true);
    EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=answering for 1 service");
    told.tell_reloaded(0, false);
    EXPECT_EQ(manager.heard(),
              "READY=1\nSTATUS=answering for 0 services; the reload failed: `taskdns status` says why");
    told.tell_stopping();
    EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=stopping");
}

TEST(ServiceManagerStates, ArriveAtAnAbstractName) {
    const std::string name = "@taskdns-test-" + std::to_string(::getpid());
    const Manager manager(name);
    EXPECT_TRUE(ServiceManager(name).tell("STOPPING=1"));
    EXPECT_EQ(manager.heard(), "STOPPING=1");
}

struct NobodyCase {
    const char* name;
    std::string socket;
};

void PrintTo(const NobodyCase& c, std::ostream* out) { *out << c.name; }

class NobodyListens : public testing::TestWithParam<NobodyCase> {};

TEST_P(NobodyListens, SoNothingHappens) { EXPECT_FALSE(ServiceManager(GetParam().socket).tell("READY=1")); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(ServiceManager, NobodyListens, testing::Values(
    NobodyCase{"NotStartedBySystemd", ""},
    NobodyCase{"OnlyTheMark", "@"},
    NobodyCase{"NoSuchPath", "/nonexistent/notify"},
    NobodyCase{"NoSuchName", "@taskdns-test-nobody"},
    NobodyCase{"ARelativePath", "notify"},
    NobodyCase{"AVirtualMachinesSocket", "vsock:2:1234"},
    NobodyCase{"TooLong", "/" + std::string(108, 'a')}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ServiceManager, IsNotWaitedForWhenItDoesNotRead) {
    const testing_support::TempDir directory;
    const Manager manager(directory / "notify");
    const ServiceManager told(directory / "notify");
    int taken = 0;
    while (taken < 100'000 && told.tell("STATUS=again")) ++taken;
    EXPECT_GT(taken, 0);
    EXPECT_LT(taken, 100'000) << "the queue is endless here";
}

TEST(ServiceManager, IsNotNamedToOtherPrograms) {
    const testing_support::TempDir directory;
    const Manager manager(directory / "notify");
    ::setenv("NOTIFY_SOCKET", (directory / "notify").c_str(), 1);
    const ServiceManager told;
    EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
    EXPECT_TRUE(told.tell("READY=1"));
    EXPECT_FALSE(ServiceManager().tell("READY=1"));
}

}  // namespace
}  // namespace taskdns::task
