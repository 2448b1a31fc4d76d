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

/// The application's own connections have shown it, no check.
Candidate seen(Candidate candidate) {
    candidate.verdict.witness = health::Witness::connection;
    return candidate;
}

Candidate loaded(Candidate candidate) {
    candidate.unverified = true;
    return candidate;
}
Candidate outside(Candidate candidate) {
    candidate.outside_subset = true;
    return candidate;
}
Candidate drained(Candidate candidate) {
    candidate.drained = true;
    return candidate;
}
Candidate ejected(Candidate candidate) {
    candidate.ejected = true;
    return candidate;
}
SocketAddress address(unsigned octet) { return passing(octet).member.address; }

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

config::Service checked_service(bool checked = true) {
    config::Service service;
    service.health.check = checked ? config::CheckKind::tcp : config::CheckKind::none;
    return service;
}

Decision decide_by(const std::vector<Candidate>& candidates, const config::Service& service,
                   const Decision& previous = {}, Basis basis = Basis::complete) {
    return decide(candidates, service, {.basis = basis, .own_zone = {}, .now = TimePoint(std::chrono::hours(1))},
                  previous);
}

std::vector<std::string> describe(const Decision& decision) {
    std::vector<std::string> out;
    for (const EndpointDecision& endpoint : decision.endpoints) {
        out.push_back(std::to_string(endpoint.address.address.bytes()[3]) + (endpoint.served ? " + " : " - ") +
                      reason(endpoint));
    }
    return out;
}

class Decide : public testing::TestWithParam<Row> {};

TEST_P(Decide, ServesTheFirstRungThatHasAnEndpoint) {
    const Row& row = GetParam();
    const Decision decision = decide_by(row.candidates, checked_service(row.checked), {}, row.basis);
    EXPECT_STREQ(to_string(decision.rung), to_string(row.rung));
    EXPECT_EQ(decision.stale, row.stale);
    EXPECT_EQ(describe(decision), row.endpoints);
    EXPECT_FALSE(decision.panic);
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
        {"UncheckedButSeenToRefuse", {unchecked(1), seen(refused(2))}, false, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - unhealthy:refused (observed)"}},
        {"UncheckedButSeenSilent", {unchecked(1), seen(timed_out(2))}, false, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - unhealthy:timeout (observed)"}},
        {"UncheckedAndAllSeenToFail", {seen(refused(1)), seen(timed_out(2))}, false, Basis::complete, Rung::doubtful, false,
         E{"1 + unhealthy:refused (observed)", "2 + unhealthy:timeout (observed)"}},
        {"UncheckedAndAllSeenToRefuse", {seen(refused(1)), seen(refused(2))}, false, Basis::complete, Rung::doubtful, false,
         E{"1 + unhealthy:refused (observed)", "2 + unhealthy:refused (observed)"}},
        {"UncheckedWithdrawnIsNoReserve", {seen(refused(1)), unchecked(2, Presence::withdrawn)}, false, Basis::complete, Rung::doubtful, false,
         E{"1 + unhealthy:refused (observed)", "2 - withdrawn"}},
        {"CheckedAndSeenToRefuse", {passing(1), seen(refused(2))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - unhealthy:refused (observed)"}},
        {"NothingPolledButLoaded", {loaded(unchecked(1, Presence::held_snapshot))}, true, Basis::loaded, Rung::healthy, true,
         E{"1 + held:snapshot"}},
        {"MembersBeforeTheFirstPoll", {unchecked(1, Presence::held_snapshot)}, true, Basis::not_polled, Rung::unverified, true,
         E{"1 + held:snapshot"}},
        {"LoadedOnesAreServedBesideThosePassing", {passing(1, Presence::held_snapshot), loaded(unchecked(2, Presence::held_snapshot))}, true, Basis::loaded, Rung::healthy, true,
         E{"1 + held:snapshot", "2 + held:snapshot"}},
        {"LoadedOneThatFailsIsNot", {passing(1, Presence::held_snapshot), loaded(refused(2, Presence::held_snapshot))}, true, Basis::loaded, Rung::healthy, true,
         E{"1 + held:snapshot", "2 - unhealthy:refused"}},
        {"LoadedOneThatThePollSaysIsGone", {passing(1), loaded(unchecked(2, Presence::withdrawn))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - withdrawn"}},
        {"LoadedOneThatAnEmptyPollSaysIsGone", {loaded(unchecked(1, Presence::held_empty))}, true, Basis::empty, Rung::healthy, true,
         E{"1 + held:upstream_empty"}},
        {"LoadedOneThatAnEmptyPollSaysIsGoneAndFails", {loaded(unchecked(1, Presence::held_empty)), loaded(timed_out(2, Presence::held_empty))}, true, Basis::empty, Rung::healthy, true,
         E{"1 + held:upstream_empty", "2 - unhealthy:timeout"}},
        {"LoadedOnesAllFail", {refused(1, Presence::held_snapshot)}, true, Basis::loaded, Rung::all, true,
         E{"1 + unhealthy:refused"}},
        {"LoadedOnesAreDoubtful", {timed_out(1, Presence::held_snapshot)}, true, Basis::loaded, Rung::doubtful, true,
         E{"1 + unhealthy:timeout"}},
        {"AbsentFromASampleIsAFullMember", {passing(1, Presence::absent), passing(2)}, true, Basis::sample, Rung::healthy, false,
         E{"1 + served", "2 + served"}},
        {"AbsentFromASampleAndDoubtful", {timed_out(1, Presence::absent)}, true, Basis::sample, Rung::doubtful, false,
         E{"1 + unhealthy:timeout"}},
        {"AbsentFromASampleAndNew", {unchecked(1, Presence::absent)}, true, Basis::sample, Rung::unverified, false,
         E{"1 + served"}},
        {"GuardedAndPassing", {passing(1, Presence::held_guard), passing(2)}, true, Basis::guarded, Rung::healthy, false,
         E{"1 + held:shrink_guard", "2 + served"}},
        {"DoubtfulOnesThatTheSampleShowsBeforeTheAbsent", {timed_out(1, Presence::absent), timed_out(2), refused(3)}, true, Basis::sample, Rung::doubtful, false,
         E{"1 - unhealthy:timeout", "2 + unhealthy:timeout", "3 - unhealthy:refused"}},
        {"DoubtfulOnesThatAreAbsentBeforeCertainOnesThatAreNot", {timed_out(1, Presence::absent), refused(2)}, true, Basis::sample, Rung::doubtful, false,
         E{"1 + unhealthy:timeout", "2 - unhealthy:refused"}},
        {"AllThatTheSampleShowsBeforeTheAbsent", {refused(1), refused(2, Presence::absent)}, true, Basis::sample, Rung::all, false,
         E{"1 + unhealthy:refused", "2 - unhealthy:refused"}},
        {"DoubtfulOnesThatAreNamedBeforeTheGuarded", {timed_out(1, Presence::held_guard), timed_out(2)}, true, Basis::guarded, Rung::doubtful, false,
         E{"1 - unhealthy:timeout", "2 + unhealthy:timeout"}},
        {"AllThatAreNamedBeforeTheGuarded", {refused(1), refused(2, Presence::held_guard)}, true, Basis::guarded, Rung::all, false,
         E{"1 + unhealthy:refused", "2 - unhealthy:refused"}},
        {"GuardedAndRefused", {refused(1, Presence::held_guard)}, true, Basis::guarded, Rung::all, false,
         E{"1 + unhealthy:refused"}},
        {"OneHeldAmongThePresentIsStale", {passing(1), passing(2, Presence::held_failed)}, true, Basis::complete, Rung::healthy, true,
         E{"1 + served", "2 + held:upstream_failed"}},
        {"AHeldOneThatIsNotServedIsNot", {passing(1), refused(2, Presence::held_failed)}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - unhealthy:refused"}},
        {"HeldByEmptyAndNeverCheckedIsNotServed", {passing(1, Presence::held_empty), unchecked(2, Presence::held_empty)}, true, Basis::empty, Rung::healthy, true,
         E{"1 + held:upstream_empty", "2 - withheld:first_check"}},
        {"WithdrawnAndNeverChecked", {unchecked(1, Presence::withdrawn)}, true, Basis::complete, Rung::no_endpoint, false,
         E{"1 - withdrawn"}},
        {"OutsideTheSubsetIsNeverServed", {outside(passing(1)), refused(2)}, true, Basis::complete, Rung::all, false,
         E{"1 - outside_subset", "2 + unhealthy:refused"}},
        {"OutsideTheSubsetOnly", {outside(passing(1)), outside(refused(2)), outside(passing(3, Presence::withdrawn))}, true, Basis::complete, Rung::no_endpoint, false,
         E{"1 - outside_subset", "2 - outside_subset", "3 - outside_subset"}},
        {"OutsideTheSubsetUnchecked", {outside(unchecked(1)), unchecked(2)}, false, Basis::complete, Rung::healthy, false,
         E{"1 - outside_subset", "2 + served"}},
        {"DrainedIsNotServed", {passing(1), drained(passing(2))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - drained"}},
        {"DrainedIsObeyedThoughNobodyElsePasses", {refused(1), drained(passing(2))}, true, Basis::complete, Rung::all, false,
         E{"1 + unhealthy:refused", "2 - drained"}},
        {"DrainedIsObeyedThoughNobodyIsLeft", {drained(passing(1)), drained(timed_out(2)), drained(refused(3))}, true, Basis::complete, Rung::no_endpoint, false,
         E{"1 - drained", "2 - drained", "3 - drained"}},
        {"DrainedIsNotServedUnchecked", {unchecked(1), drained(unchecked(2))}, false, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - drained"}},
        {"DrainedIsNoReserve", {refused(1), drained(passing(2, Presence::withdrawn))}, true, Basis::complete, Rung::all, false,
         E{"1 + unhealthy:refused", "2 - drained"}},
        {"DrainedBeforeItsFirstCheck", {drained(unchecked(1)), unchecked(2)}, true, Basis::complete, Rung::unverified, false,
         E{"1 - drained", "2 + served"}},
        {"DrainedIsSaidOfOneOutsideTheSubset", {drained(outside(passing(1))), passing(2)}, true, Basis::complete, Rung::healthy, false,
         E{"1 - drained", "2 + served"}},
        {"DrainedIsSaidOfOneThatIsEjected", {drained(ejected(passing(1))), passing(2)}, true, Basis::complete, Rung::healthy, false,
         E{"1 - drained", "2 + served"}},
        {"EjectedIsNotServedWhileAnotherPasses", {passing(1), ejected(passing(2))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - ejected:reports"}},
        {"EjectedIsNotServedUnchecked", {unchecked(1), ejected(unchecked(2))}, false, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - ejected:reports"}},
        {"EjectedIsServedWhileNoOtherPasses", {refused(1), timed_out(2), unchecked(3), ejected(passing(4))}, true, Basis::complete, Rung::healthy, false,
         E{"1 - unhealthy:refused", "2 - unhealthy:timeout", "3 - withheld:first_check", "4 + ejected:reports"}},
        {"EjectedIsServedBeforeTheReserve", {passing(1, Presence::withdrawn), ejected(passing(2))}, true, Basis::complete, Rung::healthy, false,
         E{"1 - withdrawn", "2 + ejected:reports"}},
        {"EjectedIsServedWhereTheOthersAreDrained", {drained(passing(1)), ejected(passing(2))}, true, Basis::complete, Rung::healthy, false,
         E{"1 - drained", "2 + ejected:reports"}},
        {"EjectedThatFailsToo", {passing(1), ejected(refused(2))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - ejected:reports"}},
        {"EjectedGoesLastOnEachRung", {timed_out(1), ejected(timed_out(2)), refused(3)}, true, Basis::complete, Rung::doubtful, false,
         E{"1 + unhealthy:timeout", "2 - ejected:reports", "3 - unhealthy:refused"}},
        {"EjectedThatIsDoubtfulBeforeCertainFailures", {refused(1), ejected(timed_out(2))}, true, Basis::complete, Rung::doubtful, false,
         E{"1 - unhealthy:refused", "2 + ejected:reports"}},
        {"EjectedThatIsNamedBeforeOneThatIsNot", {timed_out(1, Presence::absent), ejected(timed_out(2))}, true, Basis::sample, Rung::doubtful, false,
         E{"1 - unhealthy:timeout", "2 + ejected:reports"}},
        {"EjectedOneThatIsWithdrawn", {passing(1), ejected(passing(2, Presence::withdrawn))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - withdrawn"}},
        {"EjectedOutsideTheSubset", {passing(1), ejected(outside(passing(2)))}, true, Basis::complete, Rung::healthy, false,
         E{"1 + served", "2 - outside_subset"}},
    };
    return all;
}
// clang-format on

INSTANTIATE_TEST_SUITE_P(Ladder, Decide, testing::ValuesIn(rows()),
                         [](const auto& instance) { return instance.param.name; });

// --- when_none_healthy ---

config::Service service_with(config::WhenNoneHealthy policy) {
    config::Service service = checked_service();
    service.answer.when_none_healthy = policy;
    return service;
}

TEST(WhenNoneHealthy, ServfailServesNone) {
    const Decision decision = decide_by({refused(1)}, service_with(config::WhenNoneHealthy::servfail));
    EXPECT_EQ(decision.rung, Rung::no_endpoint);
    EXPECT_EQ(describe(decision), std::vector<std::string>{"1 - unhealthy:refused"});
}

TEST(WhenNoneHealthy, ServfailComesAfterTheDoubtful) {
    EXPECT_EQ(decide_by({timed_out(1)}, service_with(config::WhenNoneHealthy::servfail)).rung, Rung::doubtful);
}

TEST(WhenNoneHealthy, LastHealthyServesThoseThatPassedLast) {
    const config::Service service = service_with(config::WhenNoneHealthy::last_healthy);
    const Decision first = decide_by({passing(1), passing(2), refused(3)}, service);
    EXPECT_EQ(first.last_healthy, (std::vector{address(1), address(2)}));
    const Decision second = decide_by({passing(1), refused(2), refused(3)}, service, first);
    EXPECT_EQ(second.last_healthy, std::vector{address(1)});
    const Decision third = decide_by({refused(1), refused(2), refused(3)}, service, second);
    EXPECT_EQ(third.rung, Rung::last_healthy);
    EXPECT_EQ(third.last_healthy, std::vector{address(1)}) << "carried over";
    EXPECT_EQ(describe(third),
              (std::vector<std::string>{"1 + unhealthy:refused", "2 - unhealthy:refused", "3 - unhealthy:refused"}));
    EXPECT_EQ(describe(decide_by({refused(1), refused(2)}, service, third)),
              (std::vector<std::string>{"1 + unhealthy:refused", "2 - unhealthy:refused"}));
}

TEST(WhenNoneHealthy, LastHealthyIsAllWhereNoneHasEverPassed) {
    const config::Service service = service_with(config::WhenNoneHealthy::last_healthy);
    EXPECT_EQ(decide_by({refused(1)}, service).rung, Rung::all);
}

TEST(WhenNoneHealthy, LastHealthyIsAllWhereNoneOfThemIsLeft) {
    const config::Service service = service_with(config::WhenNoneHealthy::last_healthy);
    const Decision before = decide_by({passing(1)}, service);
    EXPECT_EQ(decide_by({refused(2)}, service, before).rung, Rung::all);
    EXPECT_EQ(decide_by({refused(1, Presence::withdrawn), refused(2)}, service, before).rung, Rung::all);
    EXPECT_EQ(decide_by({outside(refused(1)), refused(2)}, service, before).rung, Rung::all);
    EXPECT_EQ(decide_by({refused(1, Presence::held_empty)}, service, before).rung, Rung::no_endpoint);
}

TEST(WhenNoneHealthy, LastHealthyIsNotReplacedByThoseThatCannotBeChecked) {
    const config::Service service = checked_service();
    const Decision before = decide_by({passing(1)}, service);
    EXPECT_EQ(decide_by({refused(1), cannot_be_checked(2)}, service, before).last_healthy, std::vector{address(1)});
}

TEST(WhenNoneHealthy, LastHealthyIsNotReplacedByTheReserve) {
    const config::Service service = checked_service();
    const Decision before = decide_by({passing(1)}, service);
    const Decision after = decide_by({refused(1), passing(2, Presence::withdrawn)}, service, before);
    EXPECT_EQ(after.rung, Rung::reserve);
    EXPECT_EQ(after.last_healthy, std::vector{address(1)});
}

TEST(WhenNoneHealthy, LastHealthyIsFoundInAnyOrder) {
    const config::Service service = service_with(config::WhenNoneHealthy::last_healthy);
    const Decision before = decide_by({passing(3), passing(2), passing(1)}, service);
    const Decision after = decide_by({refused(1), refused(2), refused(3), refused(4)}, service, before);
    EXPECT_EQ(std::ranges::count_if(after.endpoints, &EndpointDecision::served), 3);
}

TEST(WhenNoneHealthy, LastHealthySurvivesAStateOfNoMembers) {
    const config::Service service = checked_service();
    const Decision before = decide_by({passing(1)}, service);
    EXPECT_EQ(decide_by({}, service, before, Basis::not_polled).last_healthy, std::vector{address(1)});
}

// --- panic ---

struct PanicRow {
    const char* name;
    unsigned healthy;
    unsigned doubtful;
    unsigned certain;
    bool before;
    bool panic;
    unsigned threshold = 50;
    unsigned min_members = 6;
};

void PrintTo(const PanicRow& row, std::ostream* out) { *out << row.name; }

class IsPanic : public testing::TestWithParam<PanicRow> {};

TEST_P(IsPanic, ByTheShareOfTheDoubtful) {
    const PanicRow& row = GetParam();
    std::vector<Candidate> candidates;
    const auto add = [&](unsigned count, Candidate (*make)(unsigned, Presence)) {
        for (unsigned i = 0; i < count; ++i) {
            candidates.push_back(make(static_cast<unsigned>(candidates.size()) + 1, Presence::present));
        }
    };
    add(row.healthy, passing);
    add(row.doubtful, timed_out);
    add(row.certain, refused);
    config::Service service = checked_service();
    service.panic = {row.threshold, row.min_members};
    Decision previous;
    previous.panic = row.before;
    const Decision decision = decide_by(candidates, service, previous);
    EXPECT_EQ(decision.panic, row.panic);
    const auto served = std::ranges::count_if(decision.endpoints, &EndpointDecision::served);
    if (decision.rung == Rung::healthy) {
        EXPECT_EQ(served, row.healthy + (row.panic ? row.doubtful : 0));
    }
}

const PanicRow panic_rows[] = {
    {"FourOfSix", 2, 4, 0, false, true},
    {"HalfIsNotMoreThanHalf", 3, 3, 0, false, false},
    {"FiveAreTooFew", 1, 4, 0, false, false},
    {"SixAreEnough", 1, 4, 1, false, true},
    {"CertainEvidenceDoesNotCount", 2, 3, 3, false, false},
    {"GoesOnAtTheThreshold", 3, 3, 0, true, true},
    {"GoesOnAboveTheLowerThreshold", 11, 8, 0, true, true},
    {"EndsTenPointsBelow", 6, 4, 0, true, false},
    {"DoesNotBeginBetweenTheThresholds", 11, 8, 0, false, false},
    {"EndsWithTooFewMembers", 1, 4, 0, true, false},
    {"EndsWhenNoneIsHealthy", 0, 6, 0, true, false},
    {"ThresholdOneHundredNever", 1, 99, 0, false, false, 100},
    {"ThresholdOneHundredEndsIt", 1, 99, 0, true, false, 100},
    {"ThresholdNinetyNine", 1, 999, 0, false, true, 99},
    {"ThresholdZero", 5, 1, 0, false, true, 0},
    {"ThresholdZeroEndsWhenNoneFails", 6, 0, 0, true, false, 0},
    {"ThresholdBelowTenGoesOnWhileOneFails", 99, 1, 0, true, true, 5},
};

INSTANTIATE_TEST_SUITE_P(Panic, IsPanic, testing::ValuesIn(panic_rows),
                         [](const auto& instance) { return instance.param.name; });

TEST(Panic, ServesTheDoubtfulAndSaysSo) {
    const Decision decision = decide_by(
        {passing(1), refused(2), timed_out(3), timed_out(4), timed_out(5), timed_out(6)}, checked_service());
    EXPECT_EQ(decision.rung, Rung::healthy);
    EXPECT_EQ(describe(decision),
              (std::vector<std::string>{"1 + served", "2 - unhealthy:refused", "3 + panic:timeout",
                                        "4 + panic:timeout", "5 + panic:timeout", "6 + panic:timeout"}));
    EXPECT_EQ(decision.last_healthy, std::vector{address(1)});
}

// An ejection is what its user knows; a panic is for what checks doubt (docs/decisions/0019).
TEST(Panic, DoesNotBeginByEjections) {
    std::vector<Candidate> candidates;
    for (unsigned i = 1; i <= 3; ++i) candidates.push_back(passing(i));
    for (unsigned i = 4; i <= 6; ++i) candidates.push_back(ejected(timed_out(i)));
    config::Service service = checked_service();
    service.panic.threshold = 10;
    EXPECT_FALSE(decide_by(candidates, service).panic);
}

TEST(Panic, IsJudgedByThoseThatAreLeftToCarryTheLoad) {
    const std::vector<Candidate> candidates{passing(1),          timed_out(2),        timed_out(3),
                                            ejected(passing(4)), ejected(passing(5)), ejected(timed_out(6))};
    const Decision decision = decide_by(candidates, checked_service());
    EXPECT_TRUE(decision.panic) << "2 of 3";
    EXPECT_EQ(describe(decision),
              (std::vector<std::string>{"1 + served", "2 + panic:timeout", "3 + panic:timeout", "4 - ejected:reports",
                                        "5 - ejected:reports", "6 - ejected:reports"}));
}

TEST(Panic, DoesNotCountTheDrained) {
    std::vector<Candidate> six{passing(1), timed_out(2), timed_out(3), timed_out(4), timed_out(5)};
    six.push_back(drained(timed_out(6)));
    EXPECT_FALSE(decide_by(six, checked_service()).panic) << "five that may be served are too few";
    six.push_back(timed_out(7));
    const Decision decision = decide_by(six, checked_service());
    EXPECT_TRUE(decision.panic);
    EXPECT_EQ(describe(decision)[5], "6 - drained");
}

TEST(Panic, CountsNeitherTheWithdrawnNorThoseOutsideTheSubset) {
    const std::vector<Candidate> five{passing(1), timed_out(2), timed_out(3), timed_out(4), timed_out(5)};
    for (const Candidate& sixth : {timed_out(6, Presence::withdrawn), outside(timed_out(6))}) {
        std::vector<Candidate> six = five;
        six.push_back(sixth);
        EXPECT_FALSE(decide_by(six, checked_service()).panic);
    }
}

TEST(Panic, DoesNotServeThoseOutsideTheSubset) {
    const Decision decision = decide_by(
        {passing(1), timed_out(2), timed_out(3), timed_out(4), timed_out(5), timed_out(6), outside(timed_out(7))},
        checked_service());
    EXPECT_TRUE(decision.panic);
    EXPECT_EQ(describe(decision).back(), "7 - outside_subset");
}

struct PanicPresenceRow {
    const char* name;
    Presence presence;
    bool panic;
};

void PrintTo(const PanicPresenceRow& row, std::ostream* out) { *out << row.name; }

class PanicCounts : public testing::TestWithParam<PanicPresenceRow> {};

TEST_P(PanicCounts, ThoseThatTheLastAnswerNames) {
    const PanicPresenceRow& row = GetParam();
    std::vector<Candidate> candidates{passing(1)};
    for (unsigned i = 2; i <= 6; ++i) candidates.push_back(timed_out(i, row.presence));
    const Decision decision = decide_by(candidates, checked_service());
    EXPECT_EQ(decision.panic, row.panic);
    EXPECT_EQ(std::ranges::count_if(decision.endpoints, &EndpointDecision::served), row.panic ? 6 : 1);
}

TEST_P(PanicCounts, AmongThoseThatPassToo) {
    std::vector<Candidate> candidates{passing(1)};
    for (unsigned i = 2; i <= 6; ++i) candidates.push_back(timed_out(i));
    for (unsigned i = 7; i <= 12; ++i) candidates.push_back(passing(i, GetParam().presence));
    EXPECT_EQ(decide_by(candidates, checked_service()).panic, !GetParam().panic) << "5 of 12, or of 6";
}

TEST_P(PanicCounts, AndServesNoOthers) {
    std::vector<Candidate> candidates{passing(1)};
    for (unsigned i = 2; i <= 6; ++i) candidates.push_back(timed_out(i));
    candidates.push_back(timed_out(7, GetParam().presence));
    const Decision decision = decide_by(candidates, checked_service());
    EXPECT_TRUE(decision.panic);
    EXPECT_EQ(describe(decision).back(), GetParam().panic ? "7 + panic:timeout" : "7 - unhealthy:timeout");
}

const PanicPresenceRow panic_presence_rows[] = {
    {"Present", Presence::present, true},
    {"Absent", Presence::absent, false},
    {"Withdrawn", Presence::withdrawn, false},
    {"HeldGuard", Presence::held_guard, false},
    {"HeldFailed", Presence::held_failed, true},
    {"HeldEmpty", Presence::held_empty, false},
    {"HeldSnapshot", Presence::held_snapshot, false},
};

INSTANTIATE_TEST_SUITE_P(Panic, PanicCounts, testing::ValuesIn(panic_presence_rows),
                         [](const auto& instance) { return instance.param.name; });

TEST(Panic, DoesNotServeThoseThatTheRegistrySaysAreGone) {
    std::vector<Candidate> candidates{passing(1, Presence::held_empty)};
    for (unsigned i = 2; i <= 6; ++i) candidates.push_back(timed_out(i, Presence::held_empty));
    const Decision decision = decide_by(candidates, checked_service());
    EXPECT_FALSE(decision.panic);
    EXPECT_EQ(std::ranges::count_if(decision.endpoints, &EndpointDecision::served), 1);
}

TEST(Decide, DoesNotTakeAwayTheLastOneThatNobodyChecks) {
    for (const auto when_none :
         {config::WhenNoneHealthy::all, config::WhenNoneHealthy::last_healthy, config::WhenNoneHealthy::servfail}) {
        config::Service service = checked_service(false);
        service.answer.when_none_healthy = when_none;
        EXPECT_TRUE(decide_by({seen(refused(1))}, service).endpoints.at(0).served);
    }
}

TEST(Panic, IsAlsoForAnUncheckedServiceWhoseConnectionsFail) {
    std::vector<Candidate> candidates{unchecked(1)};
    for (unsigned i = 2; i <= 6; ++i) candidates.push_back(seen(timed_out(i)));
    const Decision decision = decide_by(candidates, checked_service(false));
    EXPECT_TRUE(decision.panic);
    EXPECT_EQ(reason(decision.endpoints.at(1)), "panic:timeout (observed)");
}

}  // namespace
}  // namespace taskdns::view
