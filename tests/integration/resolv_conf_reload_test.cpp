// A reload that changes the listener which resolv.conf names: not one look-up fails. What it prints: how many were
// made.
#include <fcntl.h>
#include <sys/file.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include <gmock/gmock.h>

#include "support/libc_resolv_conf.hpp"
#include "support/managed_task.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Looks up in a thread of its own: as glibc and musl, which read the file each time, or as Go, which may ask the
/// name server that it has read for 5 s more.
class LookingUp {
public:
    explicit LookingUp(std::function<std::string()> server)
        : thread_([this, server = std::move(server)] {
              while (!ended_) {
                  // The VPC resolver's answer is one as well: the file names that one while it is rewritten.
                  const DnsReply reply = ask({.name = ManagedTask::service, .server = server(), .timeout = 1s});
                  ++(reply.rdata("A").empty() ? failed_ : answered_);
              }
          }) {}
    ~LookingUp() { end(); }
    LookingUp(const LookingUp&) = delete;
    LookingUp& operator=(const LookingUp&) = delete;

    void end() {
        ended_ = true;
        if (thread_.joinable()) thread_.join();
    }
    unsigned answered() const { return answered_; }
    unsigned failed() const { return failed_; }

private:
    std::atomic<bool> ended_ = false;
    std::atomic<unsigned> answered_ = 0;
    std::atomic<unsigned> failed_ = 0;
    std::thread thread_;
};

class ResolvConfReload : public testing::Test {
protected:
    void configure(const std::string& listen) const {
        write_file(file, "listen: {" + listen + ", http: ['127.0.0.1:8053']}\nresolv_conf: {manage: true}\n" +
                             task.daemon_options("").yaml);
    }
    DaemonOptions options() const {
        configure("dns: ['127.0.0.1:53']");
        DaemonOptions out = task.daemon_options("");
        out.yaml.clear();
        out.file = file;
        return out;
    }
    void reload(const std::string& listen) {
        configure(listen);
        daemon.process().signal(SIGHUP);
    }
    bool names(const std::string& server) const {
        return wait_until(3s, [&] { return task.name_servers() == std::vector<std::string>{server}; });
    }
    static bool answers(const std::string& server) {
        return ask({.name = ManagedTask::service, .server = server, .timeout = 500ms}).rdata("A").size() == 4;
    }

    const ManagedTask task;
    const TempDir dir;
    const std::string file = dir / "taskdns.yaml";
    DaemonUnderTest daemon{options()};
};

TEST_F(ResolvConfReload, ToAnotherListenerLosesNoLookUp) {
    ASSERT_TRUE(names("127.0.0.1"));
    // One that meets the file empty or torn would have no server: that counts as failed.
    LookingUp glibc([&] {
        const auto servers = task.name_servers();
        return servers.empty() ? std::string("127.0.0.99") : servers.front();
    });
    LookingUp go([] { return std::string("127.0.0.1"); });
    std::this_thread::sleep_for(100ms);
    reload("dns: ['127.0.0.2:53']");
    ASSERT_TRUE(names("127.0.0.2"));
    std::this_thread::sleep_for(300ms);
    EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"dns_listeners\": [\"127.0.0.2:53\"]"));
    reload("dns: ['127.0.0.1:53']");  // which has not left yet
    ASSERT_TRUE(names("127.0.0.1"));
    std::this_thread::sleep_for(100ms);
    go.end();
    glibc.end();
    std::printf("look-ups during two reloads: glibc %u answered, %u failed; Go %u answered, %u failed\n",
                glibc.answered(), glibc.failed(), go.answered(), go.failed());
    EXPECT_EQ(glibc.failed(), 0U);
    EXPECT_EQ(go.failed(), 0U);
    EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"dns_listeners\": [\"127.0.0.1:53\"]"));
}

/// What it heard before is no longer allowed, but this host is told to ask it still.
TEST_F(ResolvConfReload, AnswersThisHostWhereItWasNotOnLoopbackBefore) {
    reload("dns: ['10.0.1.5:53'], allow: [10.0.1.0/24]");
    ASSERT_TRUE(names("10.0.1.5"));
    reload("dns: ['127.0.0.3:53']");
    ASSERT_TRUE(names("127.0.0.3"));
    EXPECT_TRUE(answers("10.0.1.5"));
    EXPECT_TRUE(answers("127.0.0.1")) << "two reloads ago";
    const auto in_vpc = task.network.in_vpc();
    EXPECT_FALSE(answers("10.0.1.5")) << "from elsewhere";
}

TEST_F(ResolvConfReload, ThatCannotWriteTheFileKeepsTheListenerThatItNames) {
    ASSERT_TRUE(names("127.0.0.1"));
    const Descriptor locked(::open(task.file().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(locked.number(), LOCK_EX), 0) << "whoever writes it has the lock";
    reload("dns: ['127.0.0.2:53', '127.0.0.3:53']");
    ASSERT_TRUE(daemon.says("not managed"));
    reload("dns: ['127.0.0.2:53']");
    ASSERT_TRUE(
        wait_until(8s, [&] { return daemon.log().find("listening no more dns=127.0.0.3:53") != std::string::npos; }));
    EXPECT_TRUE(answers("127.0.0.1"));
    EXPECT_FALSE(answers("127.0.0.3"));
    EXPECT_THAT(daemon.log(), Not(HasSubstr("listening no more dns=127.0.0.1:53")));
    EXPECT_THAT(task.name_servers(), ElementsAre("127.0.0.1"));
}

}  // namespace
}  // namespace taskdns::testing_support
