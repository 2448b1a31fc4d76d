// What goes into the snapshot and what comes out of it, by the clock on the wall.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/saved_members.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using membership::Presence;
using membership::SavedMember;
using testing::ElementsAre;
using testing::IsEmpty;

const WallAnchor wall{TimePoint{100h}, WallTime{} + 1'000'000h};

SocketAddress address(const char* text) { return *SocketAddress::parse(text); }

config::Service service(config::RecordKind record = config::RecordKind::automatic, std::uint16_t port = 80) {
    config::Service out;
    out.name = dns::Name::parse("orders.local").value();
    out.record = record;
    out.port = port;
    return out;
}

membership::SavedService saved(const SavedMember& member) { return {.name = service().name, .members = {member}}; }

TEST(SavedMembers, ComeBackWithTheirTimes) {
    const membership::Member member{.address = address("10.0.0.1:80"),
                                    .priority = 3,
                                    .weight = 7,
                                    .first_seen = wall.steady - 2h,
                                    .last_seen = wall.steady - 1min};
    const membership::SavedService out = to_saved(service().name, {member}, wall);
    EXPECT_EQ(out.members.at(0).last_seen, wall.wall - 1min);

    const WallAnchor later{TimePoint{5h}, wall.wall + 10min};  // another boot: the steady clock begins anew
    const auto back = to_members(out, service(), later);
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(back[0].address, member.address);
    EXPECT_EQ(back[0].priority, 3);
    EXPECT_EQ(back[0].weight, 7);
    EXPECT_EQ(back[0].last_seen, later.steady - 11min);
    EXPECT_EQ(back[0].first_seen, later.steady - 10min - 2h);
}

TEST(SavedMembers, LeaveTheWithdrawnOut) {
    std::vector<membership::Member> members;
    for (const Presence presence : {Presence::present, Presence::absent, Presence::withdrawn, Presence::held_guard,
                                    Presence::held_failed, Presence::held_empty, Presence::held_snapshot}) {
        members.push_back({.address = address("10.0.0.1:80"), .presence = presence});
    }
    EXPECT_EQ(to_saved(service().name, members, wall).members.size(), members.size() - 1);
}

TEST(SavedMembers, OfAClockThatWasSetBackWereSeenNow) {
    const auto back =
        to_members(saved({.address = address("10.0.0.1:80"), .last_seen = wall.wall + 1h}), service(), wall);
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(back[0].last_seen, wall.steady);
}

struct SettingsCase {
    const char* name;
    SavedMember member;
    config::Service service;
    bool kept;
};
void PrintTo(const SettingsCase& row, std::ostream* out) { *out << row.name; }

class SavedMembersUnderOtherSettings : public testing::TestWithParam<SettingsCase> {};

TEST_P(SavedMembersUnderOtherSettings, AreKeptWhereTheyCouldBeFound) {
    EXPECT_EQ(to_members(saved(GetParam().member), GetParam().service, wall).size(), GetParam().kept ? 1u : 0u);
}

config::Service fixed() {
    config::Service out = service();
    out.source = config::SourceKind::fixed;
    return out;
}

const SavedMember a{.address = address("10.0.0.1:80"), .type = dns::RrType::a};
const SavedMember aaaa{.address = address("[fd00::1]:80"), .type = dns::RrType::aaaa};
const SavedMember srv{.address = address("10.0.0.1:32768"), .type = dns::RrType::srv};

INSTANTIATE_TEST_SUITE_P(
    Settings, SavedMembersUnderOtherSettings,
    testing::Values(SettingsCase{"AOfBoth", a, service(), true}, SettingsCase{"AaaaOfBoth", aaaa, service(), true},
                    SettingsCase{"AOfA", a, service(config::RecordKind::a), true},
                    SettingsCase{"AOfAaaa", a, service(config::RecordKind::aaaa), false},
                    SettingsCase{"AaaaOfA", aaaa, service(config::RecordKind::a), false},
                    SettingsCase{"AOfSrv", a, service(config::RecordKind::srv), false},
                    SettingsCase{"SrvOfSrv", srv, service(config::RecordKind::srv), true},
                    SettingsCase{"SrvOfBoth", srv, service(), false},
                    SettingsCase{"AnotherPort", a, service(config::RecordKind::automatic, 81), false},
                    SettingsCase{"AStaticSource", a, fixed(), false}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace taskdns::app
