// Port 53 without root: a copy of the daemon with a file capability, run by a user of no rights, in a network of its
// own where ports below 1024 need one. Needs root: to write the capability, and to become another user.
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"
#include "support/network_namespaces.hpp"
#include "support/process_status.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

enum class FileCapability { none, permitted, permitted_and_effective };

/// The daemon in a folder that everybody may read, with cap_net_bind_service as `setcap` would write it
/// (linux/capability.h, vfs_cap_data of revision 2).
class Copy {
public:
    explicit Copy(FileCapability capability) {
        if (geteuid() != 0) throw std::runtime_error("this test writes file capabilities and needs root");
        std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
        std::filesystem::copy_file(taskdns_binary(), path());
        if (capability == FileCapability::none) return;
        const unsigned char effective = capability == FileCapability::permitted_and_effective ? 1 : 0;
        const std::array<unsigned char, 20> value{effective, 0, 0, 2, 0, 4};  // little-endian; 1 << 10 is permitted
        if (setxattr(path().c_str(), "security.capability", value.data(), value.size(), 0) != 0) {
            throw std::runtime_error("cannot write a file capability: " + std::string(std::strerror(errno)));
        }
    }
    std::string path() const { return dir_ / "taskdns"; }
    const TempDir& dir() const { return dir_; }

    /// As user 65532; setpriv(1) takes more options. What it is given further becomes the daemon's arguments.
    std::vector<std::string> as_user(const std::vector<std::string>& options = {}) const {
        std::vector<std::string> out{"setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"};
        out.insert(out.end(), options.begin(), options.end());
        out.insert(out.end(), {"sh", "-c", "exec " + path() + " \"$@\""});
        return out;
    }

private:
    TempDir dir_;
};

constexpr const char* one_service =
    "services: [{name: one.local, source: static, addresses: [127.0.0.2], health: {check: none}}]";

constexpr const char* nothing = "0000000000000000";
constexpr const char* only_bind = "0000000000000400";

class PortWithoutRoot : public testing::Test {
protected:
    /// The daemon's whole output when it does not start on port 53.
    static Outcome refused(const Copy& copy, const std::vector<std::string>& options) {
        return run(copy.as_user(options), {{"TASKDNS_CONFIG_CONTENT", one_service},
                                           {"TASKDNS_DNS_LISTEN", "127.0.0.1:53"},
                                           {"TASKDNS_HTTP_LISTEN", "127.0.0.1:8053"}});
    }
    const NetworkNamespaces network;
    const NetworkNamespaces::Inside inside = network.in_task();
};

TEST_F(PortWithoutRoot, IsBoundByTheFileCapabilityWhichNoThreadKeepsEffective) {
    const Copy copy(FileCapability::permitted);
    DaemonUnderTest daemon({.yaml = one_service, .dns_port = 53, .http_port = 8053, .launcher = copy.as_user()});
    EXPECT_THAT(daemon.ask_a("one.local"), testing::ElementsAre("127.0.0.2"));
    EXPECT_THAT(of_each_thread(daemon.process().pid(), "CapEff"),
                AllOf(testing::SizeIs(testing::Ge(2)), testing::Each(nothing)));
    EXPECT_THAT(of_each_thread(daemon.process().pid(), "CapPrm"), testing::Each(only_bind));
}

TEST_F(PortWithoutRoot, IsBoundAgainAtAReload) {
    const Copy copy(FileCapability::permitted);
    const std::string file = copy.dir() / "taskdns.yaml";
    const auto write = [&](const std::string& listen) {
        write_file(file, "listen: {dns: [" + listen + "], http: [127.0.0.1:8053]}\n" + one_service + "\n");
    };
    write("127.0.0.1:5353");
    DaemonUnderTest daemon({.file = file, .dns_port = 5353, .http_port = 8053, .launcher = copy.as_user()});
    write("127.0.0.1:5353, 127.0.0.1:53");
    const HttpReply reply = http_get(8053, "/v1/reload", {{"Content-Type", "application/json"}}, "POST");
    ASSERT_EQ(reply.status, 200U) << reply.body;
    EXPECT_THAT(ask_a("one.local", 53), testing::ElementsAre("127.0.0.2"));
    EXPECT_THAT(of_each_thread(daemon.process().pid(), "CapEff"), testing::Each(nothing));
}

TEST_F(PortWithoutRoot, AReloadThatCannotHaveItSaysWhyAndChangesNothing) {
    const Copy copy(FileCapability::none);
    const std::string file = copy.dir() / "taskdns.yaml";
    const std::string rest = std::string(", http: [127.0.0.1:8053]}\n") + one_service + "\n";
    write_file(file, "listen: {dns: [127.0.0.1:5353]" + rest);
    DaemonUnderTest daemon({.file = file, .dns_port = 5353, .http_port = 8053, .launcher = copy.as_user()});
    write_file(file, "listen: {dns: [127.0.0.1:5353, 127.0.0.1:53]" + rest);
    const HttpReply reply = http_get(8053, "/v1/reload", {{"Content-Type", "application/json"}}, "POST");
    EXPECT_EQ(reply.status, 422U);
    EXPECT_THAT(reply.body, AllOf(HasSubstr("cannot bind 127.0.0.1:53"), HasSubstr("systemControls")));
    // What the daemon itself gave up is not in the way of the next start.
    EXPECT_THAT(reply.body, AllOf(Not(HasSubstr("no_new_privs")), Not(HasSubstr("bounding"))));
    EXPECT_THAT(daemon.ask_a("one.local"), testing::ElementsAre("127.0.0.2"));
}

TEST_F(PortWithoutRoot, NamesTheMendsWithoutTheCapability) {
    const Outcome outcome = refused(Copy(FileCapability::none), {});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("cannot bind 127.0.0.1:53"), HasSubstr("user 65532"), HasSubstr("\"value\": \"53\""),
                      HasSubstr("cap_net_bind_service+p"), HasSubstr("TASKDNS_DNS_LISTEN=127.0.0.1:5353")));
    EXPECT_THAT(outcome.err, AllOf(Not(HasSubstr("no_new_privs")), Not(HasSubstr("bounding"))));
}

TEST_F(PortWithoutRoot, SaysThatNoNewPrivilegesMakesTheFileCapabilityVoid) {
    const Outcome outcome = refused(Copy(FileCapability::permitted), {"--no-new-privs"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("no_new_privs is set here"), Not(HasSubstr("bounding"))));
}

TEST_F(PortWithoutRoot, StartsAndExplainsWhereTheBoundingSetLacksIt) {
    const Outcome outcome = refused(Copy(FileCapability::permitted), {"--bounding-set=-all"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("not in the bounding set"), Not(HasSubstr("no_new_privs"))));

    // Without the port there is nothing to explain, and it runs: an image for every task.
    const Copy copy(FileCapability::permitted);
    DaemonUnderTest daemon({.yaml = one_service,
                            .dns_port = 5353,
                            .http_port = 8053,
                            .launcher = copy.as_user({"--bounding-set=-all"})});
    EXPECT_THAT(daemon.ask_a("one.local"), testing::ElementsAre("127.0.0.2"));
}

TEST_F(PortWithoutRoot, AnEffectiveFileCapabilityWouldNotEvenStartThere) {
    const Outcome outcome = refused(Copy(FileCapability::permitted_and_effective), {"--bounding-set=-all"});
    EXPECT_EQ(outcome.status, 126) << "the shell could not execute it: " << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("not permitted"));
}

TEST_F(PortWithoutRoot, RootDoesNotKeepItEffectiveEither) {
    DaemonUnderTest daemon({.yaml = one_service, .dns_port = 53, .http_port = 8053});
    for (const std::string& set : of_each_thread(daemon.process().pid(), "CapEff")) {
        EXPECT_EQ(std::stoull(set, nullptr, 16) & 0x400U, 0U) << set;
    }
    for (const std::string& set : of_each_thread(daemon.process().pid(), "CapPrm")) {
        EXPECT_NE(std::stoull(set, nullptr, 16) & 0x400U, 0U) << set;
    }
}

TEST_F(PortWithoutRoot, HttpToo) {
    const Copy copy(FileCapability::permitted);
    DaemonUnderTest daemon({.yaml = one_service, .dns_port = 5353, .http_port = 80, .launcher = copy.as_user()});
    EXPECT_EQ(daemon.get("/healthz").status, 200U);
    const Outcome outcome = run(Copy(FileCapability::none).as_user(), {{"TASKDNS_CONFIG_CONTENT", one_service},
                                                                       {"TASKDNS_DNS_LISTEN", "127.0.0.1:5354"},
                                                                       {"TASKDNS_HTTP_LISTEN", "127.0.0.1:81"}});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("TASKDNS_HTTP_LISTEN=127.0.0.1:8053"));
}

}  // namespace
}  // namespace taskdns::testing_support
