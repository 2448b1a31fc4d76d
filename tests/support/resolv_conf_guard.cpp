// No test touches this machine's own /etc/resolv.conf.
#include "support/resolv_conf_guard.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {
namespace {

constexpr const char* resolv_conf = "/etc/resolv.conf";

class Environment : public testing::Environment {
public:
    void SetUp() override {
        file_.emplace(resolv_conf);
        // Without root there is none to be had; but then nobody can write the file. In a chroot, whose / is no mount,
        // propagation cannot be switched off; there the comparison has to do.
        if (unshare(CLONE_NEWNS) != 0) return;
        if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
        dir_.emplace();
        const std::string copy = *dir_ / "resolv.conf";
        write_file(copy, file_->text());
        if (mount(copy.c_str(), resolv_conf, nullptr, MS_BIND, nullptr) != 0) dir_.reset();
    }
    void TearDown() override {
        if (dir_) umount2(resolv_conf, MNT_DETACH);
        dir_.reset();
        file_.reset();
    }
    void check() const {
        if (file_) file_->check();
    }

private:
    std::optional<GuardedFile> file_;
    std::optional<TempDir> dir_;  ///< of the copy, if it is mounted
};

class Listener : public testing::EmptyTestEventListener {
public:
    explicit Listener(const Environment& environment) : environment_(environment) {}
    void OnTestEnd(const testing::TestInfo& /*test*/) override { environment_.check(); }

private:
    const Environment& environment_;
};

}  // namespace

GuardedFile::GuardedFile(std::string path) : path_(std::move(path)), text_(read_file(path_)) {}

void GuardedFile::check() const {
    const std::string now = read_file(path_);
    if (now == text_) return;
    write_file(path_, text_);
    ADD_FAILURE() << path_ << " has changed: what manages it must run behind with_own_resolver(). It became:\n"
                  << now;
}

bool guard_resolv_conf() {
    auto environment = std::make_unique<Environment>();
    testing::UnitTest::GetInstance()->listeners().Append(std::make_unique<Listener>(*environment).release());
    testing::AddGlobalTestEnvironment(environment.release());  // both are googletest's now
    return true;
}

}  // namespace taskdns::testing_support
