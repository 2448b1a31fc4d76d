// kill -9 while resolv.conf is written, before each of the system calls that it takes: whatever is left names
// somebody, has the original in it, and is well after the next start or the next end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/child_process.hpp"
#include "support/killed_at_system_call.hpp"
#include "support/libc_resolv_conf.hpp"
#include "support/temp_dir.hpp"
#include "task/resolv_conf_file.hpp"

namespace taskdns::task {
namespace {

using testing_support::Ending;
using testing_support::read_as_glibc;
using testing_support::read_as_musl;
using testing_support::read_file;
using testing_support::run_killed_at;
using testing_support::write_file;

const std::string original = "nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch a.internal\noptions ndots:1";
constexpr unsigned most_calls = 1000;

class ResolvConfKill : public testing::Test {
protected:
    ResolvConfKill() { naming_.own = IpAddress::parse("127.0.0.1").value(); }

    void manage() const { manage_resolv_conf(path, naming_).has_value(); }
    void restore() const { restore_resolv_conf(path).has_value(); }

    void expect_usable(unsigned call) const {
        const std::string text = read_file(path);
        EXPECT_FALSE(read_as_glibc(text).servers.empty()) << "killed before call " << call << ":\n" << text;
        EXPECT_FALSE(read_as_musl(text).servers.empty()) << "killed before call " << call << ":\n" << text;
        EXPECT_EQ(read_as_glibc(text).search, "a.internal") << "killed before call " << call << ":\n" << text;
    }

    /// How many kills that were.
    unsigned kill_everywhere(const std::string& before, const std::function<void()>& work) const {
        for (unsigned call = 1; call < most_calls; ++call) {
            write_file(path, before);
            const Ending ending = run_killed_at(call, work);
            expect_usable(call);
            const std::string left = read_file(path);
            manage();
            EXPECT_EQ(read_file(path), managed_) << "the next start, after call " << call << " of:\n" << left;
            write_file(path, left);
            restore();
            EXPECT_EQ(read_file(path), original) << "the next end, after call " << call << " of:\n" << left;
            if (ending == Ending::completed || HasFailure()) return call;
        }
        ADD_FAILURE() << "it never ends";
        return 0;
    }

    const testing_support::TempDir dir_;
    const std::string path = dir_ / "resolv.conf";
    Naming naming_;
    std::string managed_;
};

TEST_F(ResolvConfKill, BeforeAnySystemCallLosesNothing) {
    write_file(path, original);
    manage();
    managed_ = read_file(path);
    ASSERT_NE(managed_, original);
    EXPECT_GT(kill_everywhere(original, [this] { manage(); }), 8U) << "some calls to open, some to write";
    EXPECT_GT(kill_everywhere(managed_, [this] { restore(); }), 8U);
}

}  // namespace
}  // namespace taskdns::task
