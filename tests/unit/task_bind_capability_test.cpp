// The capability in the calling thread's sets, and what is said where a low port cannot be had.
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "task/bind_capability.hpp"

namespace taskdns::task {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Sets {
    bool effective = false;
    bool permitted = false;
};

/// Of the calling thread, as the kernel has them.
Sets bind_capability() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    EXPECT_EQ(syscall(SYS_capget, &header, sets.data()), 0);
    const auto has = [](std::uint32_t set) { return (set >> CAP_NET_BIND_SERVICE & 1U) != 0; };
    return {has(sets[0].effective), has(sets[0].permitted)};
}

/// In a thread of its own, since what a thread gives away it may not get back.
template <class Function>
void in_own_thread(Function function) {
    std::thread(function).join();
}

TEST(TaskBindCapability, IsEffectiveOnlyWhileWeBindAndStaysPermitted) {
    in_own_thread([] {
        const bool permitted = bind_capability().permitted;
        lower_bind_capability();
        EXPECT_FALSE(bind_capability().effective);
        EXPECT_EQ(bind_capability().permitted, permitted);
        for (int binding = 0; binding < 2; ++binding) {
            {
                const BindCapability capability;
                EXPECT_EQ(bind_capability().effective, permitted) << "binding " << binding;
            }
            EXPECT_FALSE(bind_capability().effective);
            EXPECT_EQ(bind_capability().permitted, permitted);
        }
    });
}

TEST(TaskBindCapability, DoesNothingToOtherThreads) {
    const Sets before = bind_capability();
    in_own_thread([] { lower_bind_capability(); });
    EXPECT_EQ(bind_capability().effective, before.effective);
}

TEST(TaskBindCapability, TakesNoHarmWhereItIsNotPermitted) {
    in_own_thread([] {
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
        ASSERT_EQ(syscall(SYS_capset, &header, none.data()), 0);
        const BindCapability capability;
        EXPECT_FALSE(bind_capability().effective);
    });
}

constexpr const char* status_of_image =
    "Name:\ttaskdns\nUid:\t1000\t65532\t65532\t65532\n"
    "CapPrm:\t0000000000000400\nCapEff:\t0000000000000000\n"
    "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n";

TEST(TaskBindCapability, ReadsTheProcessesRights) {
    const BindRights image = parse_bind_rights(status_of_image, "1024\n");
    EXPECT_EQ(image.user, 65532U);
    EXPECT_TRUE(image.bounded);
    EXPECT_FALSE(image.no_new_privileges);
    EXPECT_EQ(image.first_unprivileged_port, 1024);

    const BindRights bare = parse_bind_rights("Uid:\t0\t0\t0\t0\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1", "53\n");
    EXPECT_EQ(bare.user, 0U);
    EXPECT_FALSE(bare.bounded);
    EXPECT_TRUE(bare.no_new_privileges);
    EXPECT_EQ(bare.first_unprivileged_port, 53);

    const BindRights unknown = parse_bind_rights("", "");
    EXPECT_TRUE(unknown.bounded);
    EXPECT_EQ(unknown.first_unprivileged_port, 1024);
    EXPECT_EQ(read_bind_rights().user, geteuid());
}

constexpr const char* whole_message =
    R"(: ports below 1024 need a right that user 65532 has not here. One of these mends it:
  - the sysctl net.ipv4.ip_unprivileged_port_start=53; in an ECS task definition: "systemControls": [{"namespace": "net.ipv4.ip_unprivileged_port_start", "value": "53"}]
  - the file capability cap_net_bind_service+p, which the image's /taskdns has (else: setcap cap_net_bind_service+p FILE)
  - user 0 (root)
  - a port from 1024 up: TASKDNS_DNS_LISTEN=127.0.0.1:5353, which resolv.conf cannot name)";

TEST(TaskBindCapability, NamesEachMendOnALineOfItsOwn) {
    EXPECT_EQ(explain_denied_port({.user = 65532}, 53, "TASKDNS_DNS_LISTEN"), whole_message);
}

struct DeniedCase {
    const char* name;
    BindRights rights;
    const char* said;
    const char* not_said;
};
void PrintTo(const DeniedCase& denied, std::ostream* out) { *out << denied.name; }

class DeniedPort : public testing::TestWithParam<DeniedCase> {};

TEST_P(DeniedPort, SaysWhatAppliesHere) {
    const std::string text = explain_denied_port(GetParam().rights, 53, "TASKDNS_DNS_LISTEN");
    EXPECT_THAT(text, HasSubstr(GetParam().said));
    EXPECT_THAT(text, Not(HasSubstr(GetParam().not_said)));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Task, DeniedPort,
    testing::Values(
        DeniedCase{"FileCapabilitiesIgnored", {.user = 65532, .no_new_privileges = true},                   "no_new_privs is set here",                "bounding set"},
        DeniedCase{"AllDropped",              {.user = 65532, .bounded = false},                            "not in the bounding set",                 "no_new_privs"},
        DeniedCase{"IgnoredAndDropped",       {.user = 65532, .bounded = false, .no_new_privileges = true}, "away; and the capability is not in the",  "sandbox"},
        DeniedCase{"RootIsOfNoUseIfDropped",  {.user = 65532, .bounded = false},                            "user 0 (root), not without that",         "sandbox"},
        DeniedCase{"RootWithoutIt",           {.user = 0, .bounded = false},                                "which was taken from root here",          "user 0 (root)"},
        DeniedCase{"SysctlIsLowAlready",      {.user = 65532, .first_unprivileged_port = 53},               "a sandbox or a security module",          "sysctl"},
        DeniedCase{"SysctlIsOneTooHigh",      {.user = 65532, .first_unprivileged_port = 54},               "a port from 54 up: TASKDNS_DNS_LISTEN=",  "sandbox"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(TaskBindCapability, NamesTheVariableOfTheListener) {
    EXPECT_THAT(explain_denied_port({.user = 65532}, 80, "TASKDNS_HTTP_LISTEN"),
                testing::AllOf(HasSubstr("port_start=80;"), HasSubstr("TASKDNS_HTTP_LISTEN=127.0.0.1:8053")));
}

}  // namespace
}  // namespace taskdns::task
