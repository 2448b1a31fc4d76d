// What the log says of the sandbox; in a child process, since it stays.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/sandbox_watch.hpp"
#include "base/log.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"
#include "task/privileges.hpp"
#include "task/sandbox.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// The log of a child that runs `inside` with the watch, and then its loop for a moment. Empty if it does not end
/// well.
template <class Function>
std::string log_of(const Function& inside) {
    const testing_support::TempDir dir;
    const std::string path = dir / "log";
    const pid_t child = fork();
    if (child == 0) {
        task::give_up_privileges();
        const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
        log::start({.descriptor = file});
        asio::io_context context;
        SandboxWatch watch(context.get_executor());
        inside(watch);
        context.run_for(100ms);
        log::stop();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    return testing_support::read_file(path);
}

TEST(SandboxWatch, LogsEachRefusedCallOnce) {
    const std::string log = log_of([](SandboxWatch& watch) {
        watch.set(true);
        for (int i = 0; i < 3; ++i) syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr);
    });
    if (log.find("sanitizers") != std::string::npos) return;
    const std::string line = "error app: the sandbox refused a system call call=\"mount (";
    const std::size_t first = log.find(line);
    ASSERT_NE(first, std::string::npos) << log;
    EXPECT_EQ(log.find(line, first + 1), std::string::npos) << log;
}

TEST(SandboxWatch, SaysThatItStays) {
    const std::string log = log_of([](SandboxWatch& watch) {
        watch.set(true);
        watch.set(true);
        watch.set(false);
    });
    if (log.find("sanitizers") != std::string::npos) return;
    EXPECT_THAT(log, HasSubstr("warning app: the sandbox stays until a restart"));
}

TEST(SandboxWatch, SaysNothingWhereNobodyWantsIt) {
    EXPECT_EQ(log_of([](SandboxWatch& watch) { watch.set(false); }), "");
}

}  // namespace
}  // namespace taskdns::app
