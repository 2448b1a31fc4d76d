// Panic while the registry fails: whether one that times out is slow or has ended, by when it was named last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/decision.hpp"

namespace taskdns::view {
namespace {

using namespace std::chrono_literals;
using health::Status;
using membership::Basis;
using membership::Presence;

const TimePoint start{100h};

/// When what was known of a member came to be so, after `start`.
struct Known {
    milliseconds named;    ///< last named by a fresh answer
    milliseconds failing;  ///< unhealthy by doubtful evidence since
};

Candidate member(unsigned last_octet, Presence presence) {
    Candidate out;
    out.member.address = *SocketAddress::parse("10.0.0." + std::to_string(last_octet) + ":80");
    out.member.presence = presence;
    out.member.last_seen = start + 1h;  // out of the resolver's cache: that proves nothing
    out.member.confirmed = start;
    out.verdict.status = Status::healthy;
    return out;
}

Candidate timed_out(unsigned last_octet, Presence presence, Known known) {
    Candidate out = member(last_octet, presence);
    out.member.confirmed = start + known.named;
    out.verdict.status = Status::unhealthy;
    out.verdict.against = health::Evidence::doubtful;
    out.verdict.reason = health::Observed::timeout;
    out.verdict.since = start;  // by other evidence, perhaps
    out.verdict.against_since = start + known.failing;
    return out;
}

constexpr Known slow{.named = 60s, .failing = 30s};   // named though it failed
constexpr Known ended{.named = 30s, .failing = 60s};  // has failed since it was named
constexpr Known at_once{.named = 30s, .failing = 30s};

struct Row {
    const char* name;
    Presence presence;
    unsigned healthy;
    std::vector<Known> doubtful;
    bool panic;
    unsigned served;
    bool before = false;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class PanicInAnOutage : public testing::TestWithParam<Row> {};

TEST_P(PanicInAnOutage, IsForThoseThatWereNamedWhileTheyFailed) {
    const Row& row = GetParam();
    std::vector<Candidate> candidates;
    const auto next = [&candidates] { return static_cast<unsigned>(candidates.size()) + 1; };
    for (unsigned i = 0; i < row.healthy; ++i) candidates.push_back(member(next(), row.presence));
    for (const Known& known : row.doubtful) candidates.push_back(timed_out(next(), row.presence, known));
    Decision previous;
    previous.panic = row.before;
    const Decision decision =
        decide(candidates, {}, {.basis = Basis::failed, .own_zone = {}, .now = start + 2h}, previous);
    EXPECT_EQ(decision.panic, row.panic);
    EXPECT_EQ(std::ranges::count_if(decision.endpoints, &EndpointDecision::served), row.served);
    for (unsigned i = 0; i < row.healthy; ++i) EXPECT_TRUE(decision.endpoints.at(i).served);
}

std::vector<Known> together(unsigned slow_ones, unsigned ended_ones) {
    std::vector<Known> out(slow_ones, slow);
    out.insert(out.end(), ended_ones, ended);
    return out;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    View, PanicInAnOutage,
    testing::Values(
        Row{"AllSlow",                            Presence::held_failed, 2, together(4, 0), true, 6},
        Row{"AllEnded",                           Presence::held_failed, 2, together(0, 8), false, 2},
        Row{"NamedAtTheMomentOfItsFailure",       Presence::held_failed, 2, std::vector(4, at_once), true, 6},
        Row{"TheEndedAreNotServedWithTheSlow",    Presence::held_failed, 2, together(6, 2), true, 8},
        Row{"TheEndedAreNoneOfTheSlow",           Presence::held_failed, 4, together(3, 3), false, 4},
        Row{"TheEndedAreMembersAllTheSame",       Presence::held_failed, 2, together(4, 2), false, 2},
        Row{"TheyAreServedWhereNothingPasses",    Presence::held_failed, 0, together(0, 6), false, 6},
        Row{"APanicOfBeforeGoesOn",               Presence::held_failed, 3, together(3, 0), true, 6, true},
        Row{"APanicOfBeforeEndsAsTheyEnd",        Presence::held_failed, 3, together(2, 3), false, 3, true},
        Row{"WhileTheRegistryAnswersTheyAreNamed", Presence::present,    2, together(0, 8), true, 10}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::view
