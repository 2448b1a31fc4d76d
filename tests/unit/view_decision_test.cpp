// The ladder and the reasons as a table: members with their checks in, who is served and why out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/decision.hpp"

namespace taskdns::view {
namespace {

using health::Evidence;
using health::Observed;
using health::Status;
using membership::Basis;
using membership::Presence;

Candidate member(unsigned last_octet, Presence presence, Status status, Observed reason = Observed::nothing,
                 bool local_fault = false) {
    Candidate out;
    out.member.address = *SocketAddress::parse("10.0.0." + std::to_string(last_octet) + ":80");
    out.member.presence = presence;
    out.verdict.status = status;
    out.verdict.reason = reason;
    out.verdict.against = status == Status::unhealthy ? health::evidence(reason) : Evidence::none;
    out.verdict.local_fault = local_fault;
    return out;
}

Candidate passing(unsigned octet, Presence presence = Presence::present) {
    return member(octet, presence, Status::healthy, Observed::connected);
}
Candidate refused(unsigned octet, Presence presence = Presence::present) {
    return member(octet, presence, Status::unhealthy, Observed::refused);
}
Candidate timed_out(unsigned octet, Presence presence = Presence::present) {
    return member(octet, presence, Status::unhealthy, Observed::timeout);
}
Candidate unchecked(unsigned octet, Presence presence = Presence::present) {
    return member(octet, presence, Status::pending);
}
Candidate cannot_be_checked(unsigned octet) {
    return member(octet, Presence::present, Status::pending, Observed::nothing, /*local_fault=*/true);
}

struct Row {
    const char* name;
    std::vector<Candidate> candidates;
    bool checked;
    Basis basis;
    Rung rung;
    bool stale;
    std::vector<std::string> endpoints;  // "1 + served": served; "2 - withdrawn": not
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Decide : public testing::TestWithParam<Row> {};

TEST_P(Decide, ServesTheFirstRungThatHasAnEndpoint) {
    const Row& row = GetParam();
    const Decision decision = decide(row.candidates, row.checked, row.basis);
    EXPECT_STREQ(to_string(decision.rung), to_string(row.rung));
    EXPECT_EQ(decision.stale, row.stale);
    std::vector<std::string> endpoints;
    for (const EndpointDecision& endpoint : decision.endpoints) {
        endpoints.push_back(std::to_string(endpoint.candidate.member.address.address.bytes()[3]) +
                            (endpoint.served ? " + " : " - ") + endpoint.reason);
    }
    EXPECT_EQ(endpoints, row.endpoints);
}

// clang-format off
const std::vector<Row>& rows() {
    using E = std::vector<std::string>;
    static const std::vector<Row> all{
        {"NothingBeforeTheFirstPoll", {}, true, Basis::not_polled, Rung::not_ready, false, E{}},
        {"NoMembers", {}, true, Basis::complete, Rung::no_endpoint, false, E{}},
        {"NoMembersUnchecked", {}, false, Basis::failed, Rung::no_endpoint, false, E{}},
        {"OnlyTheHealthy", {passing(1), refused(2), timed_out(3)}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - unhealthy:refused", "3 - unhealthy:timeout"}},
        {"NewOnesAreWithheldWhileSomethingPasses", {passing(1), unchecked(2)}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - withheld:first_check"}},
        {"NewOnesAreWithheldWhileTheReservePasses", {passing(1, Presence::withdrawn), unchecked(2)}, true, Basis::complete, Rung::reserve, true,
         E{"1 + withdrawn", "2 - withheld:first_check"}},
        {"NewOneThatCannotBeCheckedIsNotWithheld", {passing(1), cannot_be_checked(2)}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 + served"}},
        {"NewOnesWhenNothingPasses", {unchecked(1), refused(2)}, true, Basis::complete, Rung::unverified, false,
         E{"1 + served", "2 - unhealthy:refused"}},
        {"NewOnesBeforeDoubtfulOnes", {unchecked(1), timed_out(2)}, true, Basis::complete, Rung::unverified, false,
         E{"1 + served", "2 - unhealthy:timeout"}},
        {"WithdrawnOnesOnlyWhenNothingElsePasses", {passing(1), passing(2, Presence::withdrawn)}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - withdrawn"}},
        {"ReserveBeforeDoubtful", {timed_out(1), passing(2, Presence::withdrawn)}, true, Basis::complete, Rung::reserve, true,
         E{"1 - unhealthy:timeout", "2 + withdrawn"}},
        {"ReserveThatFailsIsNoReserve", {timed_out(1), timed_out(2, Presence::withdrawn)}, true, Basis::complete, Rung::doubtful, false,
         E{"1 + unhealthy:timeout", "2 - unhealthy:timeout"}},
        {"DoubtfulBeforeCertain", {refused(1), timed_out(2)}, true, Basis::complete, Rung::doubtful, false,
         E{"1 - unhealthy:refused", "2 + unhealthy:timeout"}},
        {"AllWhenAllRefuse", {refused(1), refused(2)}, true, Basis::complete, Rung::all, false,
         E{"1 + unhealthy:refused", "2 + unhealthy:refused"}},
        {"AllLeavesOutTheReserve", {refused(1), refused(2, Presence::withdrawn)}, true, Basis::complete, Rung::all, false,
         E{"1 + unhealthy:refused", "2 - unhealthy:refused"}},
        {"OnlyAFailingReserve", {refused(1, Presence::withdrawn)}, true, Basis::complete, Rung::no_endpoint, false,
         E{"1 - unhealthy:refused"}},
        {"HeldByFailureAndPassing", {passing(1, Presence::held_failed)}, true, Basis::failed, Rung::healthy, true,
         E{"1 + held:upstream_failed"}},
        {"HeldByFailureAndDoubtful", {timed_out(1, Presence::held_failed)}, true, Basis::failed, Rung::doubtful, true,
         E{"1 + unhealthy:timeout"}},
        {"HeldByFailureAndRefused", {refused(1, Presence::held_failed)}, true, Basis::failed, Rung::all, true,
         E{"1 + unhealthy:refused"}},
        {"HeldByEmptyAndPassing", {passing(1, Presence::held_empty), refused(2, Presence::held_empty)}, true, Basis::empty, Rung::healthy, true,
         E{"1 + held:upstream_empty", "2 - unhealthy:refused"}},
        {"HeldByEmptyAndDoubtfulIsNotServed", {timed_out(1, Presence::held_empty)}, true, Basis::empty, Rung::no_endpoint, false,
         E{"1 - unhealthy:timeout"}},
        {"HeldByEmptyAndRefusedIsNotServed", {refused(1, Presence::held_empty)}, true, Basis::empty, Rung::no_endpoint, false,
         E{"1 - unhealthy:refused"}},
        {"UncheckedServesAllPresent", {unchecked(1), unchecked(2)}, false, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 + served"}},
        {"UncheckedLeavesOutTheWithdrawn", {unchecked(1), unchecked(2, Presence::withdrawn)}, false, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - withdrawn"}},
        {"UncheckedHeldByFailure", {unchecked(1, Presence::held_failed)}, false, Basis::failed, Rung::healthy, true,
         E{"1 + held:upstream_failed"}},
        {"UncheckedHeldByEmpty", {unchecked(1, Presence::held_empty)}, false, Basis::empty, Rung::healthy, true,
         E{"1 + held:upstream_empty"}},
    };
    return all;
}
// clang-format on

INSTANTIATE_TEST_SUITE_P(Ladder, Decide, testing::ValuesIn(rows()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace taskdns::view
