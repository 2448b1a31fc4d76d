// Whom the resolver asks, in which order, how often, and what it makes of the answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_upstream.hpp"
#include "support/run_coroutine.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::upstream {
namespace {

using namespace std::chrono_literals;
using dns::RrType;
using testing::HasSubstr;
using testing_support::a;
using testing_support::FakeUpstream;
using testing_support::Lie;
using testing_support::question;
using testing_support::Reply;
using testing_support::Sections;
using testing_support::Stream;

const dns::Question orders = question("orders.local");
const Sections good{.answer = {a("orders.local", "10.0.0.1")}};

/// Of all servers.
std::uint64_t failures(const Resolver& resolver) {
    std::uint64_t sum = 0;
    for (const ServerCounters& counters : resolver.server_counters()) sum += counters.failures();
    return sum;
}

class Resolve : public testing::Test {
protected:
    asio::io_context io;
    FakeUpstream first{io};
    FakeUpstream second{io};
    QueryBudget budget{500};
    config::Upstream settings{.timeout = 100ms, .attempts = 2};

    Resolver make_resolver() { return {io.get_executor(), {first.address(), second.address()}, settings, budget}; }

    void expect_good(const Result<dns::Response>& response) {
        ASSERT_TRUE(response.has_value()) << response.error().message;
        ASSERT_EQ(response->answer.size(), 1U);
        EXPECT_EQ(response->answer[0].rdata, dns::Rdata(IpAddress::parse("10.0.0.1").value()));
    }
};

TEST_F(Resolve, AsksTheFirstServerAlone) {
    first.on("orders.local", RrType::a, good);
    Resolver resolver = make_resolver();
    for (int i = 0; i < 3; ++i) expect_good(testing_support::run(io, resolver.resolve(orders)));
    EXPECT_EQ(first.seen().size(), 3U);
    EXPECT_EQ(second.seen().size(), 0U);
    EXPECT_EQ(resolver.server_counters()[0].udp_queries.value(), 3U);
    EXPECT_EQ(resolver.server_counters()[0].tcp_queries.value(), 0U);
    EXPECT_EQ(resolver.server_counters()[0].round_trip.read().count, 3U);
    EXPECT_EQ(resolver.server_counters()[1].queries(), 0U);
    EXPECT_EQ(failures(resolver), 0U);
    EXPECT_EQ(resolver.servers(), (std::vector{first.address(), second.address()}));
    EXPECT_NE(first.seen()[0].id, first.seen()[1].id);  // 1 in 65,536 that this fails by chance
}

TEST_F(Resolve, TakesNxdomainForAnAnswer) {
    first.on("orders.local", RrType::a, Sections{.rcode = dns::Rcode::nxdomain});
    Resolver resolver = make_resolver();
    const auto response = testing_support::run(io, resolver.resolve(orders));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->rcode, dns::Rcode::nxdomain);
    EXPECT_EQ(second.seen().size(), 0U);
}

struct BadServerCase {
    const char* name;
    Reply reply;
    const char* message;  // "... FIRST" when every server is like that
    Errc code;
    unsigned answers;  // of each server, whatever they say, in 2 rounds
};
void PrintTo(const BadServerCase& c, std::ostream* out) { *out << c.name; }

class BadServer : public Resolve, public testing::WithParamInterface<BadServerCase> {};

TEST_P(BadServer, IsFollowedByTheNext) {
    first.otherwise(GetParam().reply);
    second.on("orders.local", RrType::a, good);
    Resolver resolver = make_resolver();
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    EXPECT_EQ(second.seen().size(), 1U);
}

TEST_P(BadServer, IsAnErrorThatNamesTheLastServerAfterAllAttempts) {
    first.otherwise(GetParam().reply);
    second.otherwise(GetParam().reply);
    Resolver resolver = make_resolver();
    const auto response = testing_support::run(io, resolver.resolve(orders));
    ASSERT_TRUE(response.has_error());
    EXPECT_EQ(response.error().code, GetParam().code);
    EXPECT_THAT(response.error().message, HasSubstr(GetParam().message));
    EXPECT_THAT(response.error().message, HasSubstr(second.address().to_string()));
    for (const ServerCounters& counters : resolver.server_counters()) {
        const bool is_rcode = GetParam().code == Errc::bad_rcode || GetParam().code == Errc::refused;
        EXPECT_EQ(counters.udp_queries.value(), 2U);  // 2 rounds
        EXPECT_EQ(counters.timeouts.value(), GetParam().code == Errc::timeout ? 2U : 0U);
        EXPECT_EQ(counters.malformed.value(), GetParam().code == Errc::malformed ? 2U : 0U);
        EXPECT_EQ(counters.bad_rcodes.value(), is_rcode ? 2U : 0U);
        EXPECT_EQ(counters.failures(), 2U);
        EXPECT_EQ(counters.round_trip.read().count, GetParam().answers);
    }
    const ServerStatus status = resolver.server_status()[1];
    EXPECT_EQ(status.address, second.address());
    EXPECT_TRUE(status.failing);
    EXPECT_EQ(status.queries, resolver.server_counters()[1].queries());
    EXPECT_EQ(status.failures, 2U);
    EXPECT_EQ(status.last_error, response.error().message);
    EXPECT_EQ(status.last_answer == never, GetParam().answers == 0);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Upstream, BadServer,
    testing::Values(
        BadServerCase{"Servfail",    {.sections = {.rcode = dns::Rcode::servfail}},    "SERVFAIL from",  Errc::bad_rcode, 2},
        BadServerCase{"Refused",     {.sections = {.rcode = dns::Rcode::refused}},     "REFUSED from",   Errc::refused, 2},
        BadServerCase{"Notimp",      {.sections = {.rcode = dns::Rcode::notimp}},      "NOTIMP from",    Errc::bad_rcode, 2},
        BadServerCase{"Badvers",     {.sections = {.extended_rcode = std::uint8_t{1}}}, "BADVERS from",  Errc::bad_rcode, 2},
        BadServerCase{"Silent",      {.silent = true},                                 "timeout from",   Errc::timeout, 0},
        BadServerCase{"WrongIdOnly", {.silent = true, .lies = {Lie::wrong_id}},        "timeout from",   Errc::timeout, 0},
        BadServerCase{"Garbage",     {.garbage = true},                                "malformed answer from", Errc::malformed, 2},
        BadServerCase{"GarbageOverTcp", {.sections = {.truncated = true}, .garbage = true}, "malformed answer from", Errc::malformed, 4},
        BadServerCase{"TcpCut",      {.truncated_on_udp = true, .stream = Stream::cut_half_way}, "", Errc::network, 2},
        BadServerCase{"TcpLengthZero", {.truncated_on_udp = true, .stream = Stream::length_zero}, "malformed answer from", Errc::malformed, 2},
        BadServerCase{"TcpSilent",   {.truncated_on_udp = true, .stream = Stream::silent}, "timeout from", Errc::timeout, 2}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST_F(Resolve, GoesOnWhenTheFirstServerIsNotThere) {
    second.on("orders.local", RrType::a, good);
    Resolver resolver(io.get_executor(), {testing_support::closed_port(io), second.address()}, settings, budget);
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    EXPECT_EQ(resolver.server_counters()[0].errors.value(), 1U);
    EXPECT_EQ(failures(resolver), 1U);
}

TEST_F(Resolve, TellsOfAServerThatHasRecovered) {
    first.otherwise(Reply{.sections = {.rcode = dns::Rcode::servfail}});
    settings.attempts = 1;
    Resolver resolver(io.get_executor(), {first.address()}, settings, budget);
    const ServerStatus unasked = resolver.server_status().front();
    EXPECT_FALSE(unasked.failing);
    EXPECT_EQ(unasked.last_answer, never);
    ASSERT_TRUE(testing_support::run(io, resolver.resolve(orders)).has_error());
    first.on("orders.local", RrType::a, good);
    const TimePoint before = Clock::now();
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    const ServerStatus status = resolver.server_status().front();
    EXPECT_FALSE(status.failing);
    EXPECT_EQ(status.queries, 2U);
    EXPECT_EQ(status.failures, 1U);
    EXPECT_GE(status.last_answer, before);
    EXPECT_GT(status.round_trip, 0ns);
    EXPECT_LT(status.round_trip, settings.timeout);
    EXPECT_THAT(status.last_error, HasSubstr("SERVFAIL from"));
}

TEST_F(Resolve, CountsWhatItIgnores) {
    first.on("orders.local", RrType::a,
             Reply{.sections = good,
                   .lies = {Lie::wrong_id, Lie::garbage, Lie::other_question, Lie::query_itself, Lie::query_itself,
                            Lie::header_only, Lie::from_other_port, Lie::empty_datagram}});
    Resolver resolver = make_resolver();
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    const Ignored& ignored = resolver.counters().ignored;
    EXPECT_EQ(ignored.id.value(), 3U) << "wrong ID, garbage, nothing at all";
    EXPECT_EQ(ignored.header.value(), 2U) << "our own query";
    EXPECT_EQ(ignored.question.value(), 2U) << "another one, and none";
    EXPECT_EQ(failures(resolver), 0U);
}

TEST_F(Resolve, AsksTheSameServerOverTcpWhenTheAnswerIsTruncated) {
    first.on("orders.local", RrType::a, Reply{.sections = good, .truncated_on_udp = true});
    Resolver resolver = make_resolver();
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    ASSERT_EQ(first.seen().size(), 2U);
    EXPECT_FALSE(first.seen()[0].over_tcp);
    EXPECT_TRUE(first.seen()[1].over_tcp);
    EXPECT_EQ(second.seen().size(), 0U);
    EXPECT_EQ(resolver.server_counters()[0].tcp_queries.value(), 1U);
    EXPECT_EQ(resolver.server_counters()[0].round_trip.read().count, 2U);
}

/// What is left of a truncated answer must not pass for all endpoints that there are.
TEST_F(Resolve, AnAnswerThatIsTruncatedOverTcpIsAFailure) {
    Sections cut = good;
    cut.truncated = true;
    first.on("orders.local", RrType::a, cut);
    second.on("orders.local", RrType::a, good);
    Resolver resolver = make_resolver();
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    EXPECT_EQ(first.seen().size(), 2U) << "once over UDP, once over TCP";
    EXPECT_EQ(resolver.server_counters()[0].malformed.value(), 1U);
    EXPECT_THAT(resolver.server_status().front().last_error, HasSubstr("truncated over TCP"));
}

TEST_F(Resolve, ATcpQueryCostsFive) {
    constexpr unsigned all = QueryBudget::udp_cost + QueryBudget::tcp_cost;
    QueryBudget small(all);
    first.on("orders.local", RrType::a, Reply{.sections = good, .truncated_on_udp = true});
    Resolver resolver(io.get_executor(), {first.address()}, settings, small);
    const TimePoint before = Clock::now();
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    const Duration used = small.wait(Purpose::poll, all, before);  // how long until all of it is there again
    EXPECT_GE(used, 999ms);
    EXPECT_LT(used, 1150ms);  // one query more would be 1,166 ms
    EXPECT_EQ(resolver.counters().budget_waits.value(), 0U);
}

TEST_F(Resolve, WaitsForAnEmptyBudget) {
    QueryBudget small(20);
    while (small.take(Purpose::poll, 1, Clock::now())) {
    }
    first.on("orders.local", RrType::a, good);
    Resolver resolver(io.get_executor(), {first.address()}, settings, small);
    expect_good(testing_support::run(io, resolver.resolve(orders)));
    EXPECT_EQ(resolver.counters().budget_waits.value(), 1U);
    EXPECT_EQ(failures(resolver), 0U);
}

TEST_F(Resolve, StopsWaitingForTheBudgetWhenCancelled) {
    QueryBudget tiny(1);
    ASSERT_TRUE(tiny.take(Purpose::poll, 1, Clock::now() + 1h));  // nothing for an hour
    Resolver resolver(io.get_executor(), {first.address()}, settings, tiny);
    const auto started = testing_support::start(io, resolver.resolve(orders));
    testing_support::run_until(io, [&] { return resolver.counters().budget_waits.value() == 1; });
    started->cancel();
    const auto response = testing_support::finish(io, started);
    ASSERT_TRUE(response.has_error());
    EXPECT_EQ(response.error().code, Errc::cancelled);
    EXPECT_EQ(first.seen().size(), 0U);
}

TEST_F(Resolve, AsksOnceForAllWhoWantTheSame) {
    first.on("orders.local", RrType::a, Reply{.sections = good, .delay = 30ms});
    first.on("orders.local", RrType::aaaa, Reply{.sections = {}, .delay = 30ms});
    Resolver resolver = make_resolver();
    const auto one = testing_support::start(io, resolver.resolve(orders));
    const auto two = testing_support::start(io, resolver.resolve(orders));
    const auto other = testing_support::start(io, resolver.resolve(question("orders.local", RrType::aaaa)));
    expect_good(testing_support::finish(io, one));
    expect_good(testing_support::finish(io, two));
    EXPECT_TRUE(testing_support::finish(io, other).has_value());
    EXPECT_EQ(first.times_asked("orders.local", RrType::a), 1U);
    EXPECT_EQ(first.times_asked("orders.local", RrType::aaaa), 1U);
    expect_good(testing_support::run(io, resolver.resolve(orders)));  // the flight is over: this asks anew
    EXPECT_EQ(first.times_asked("orders.local", RrType::a), 2U);
}

TEST_F(Resolve, OneCallersCancellationLeavesTheOthersTheirAnswer) {
    first.on("orders.local", RrType::a, Reply{.sections = good, .delay = 50ms});
    Resolver resolver = make_resolver();
    const auto starter = testing_support::start(io, resolver.resolve(orders));
    const auto joined = testing_support::start(io, resolver.resolve(orders));
    testing_support::run_until(io, [&] { return first.seen().size() == 1; });
    starter->cancel();
    const auto cancelled = testing_support::finish(io, starter);
    ASSERT_TRUE(cancelled.has_error());
    EXPECT_EQ(cancelled.error().code, Errc::cancelled);
    EXPECT_FALSE(joined->ended());
    expect_good(testing_support::finish(io, joined));
    EXPECT_EQ(first.seen().size(), 1U);
}

TEST_F(Resolve, TheLastCallersCancellationEndsTheExchange) {
    first.on("orders.local", RrType::a, Reply{.silent = true});
    settings.timeout = 5s;
    Resolver resolver = make_resolver();
    const auto only = testing_support::start(io, resolver.resolve(orders));
    testing_support::run_until(io, [&] { return first.seen().size() == 1; });
    only->cancel();
    EXPECT_TRUE(testing_support::finish(io, only).has_error());
    first.on("orders.local", RrType::a, good);
    const auto before = Clock::now();
    expect_good(testing_support::run(io, resolver.resolve(orders)));  // a flight of its own, not the cancelled one
    EXPECT_LT(Clock::now() - before, 2s);
    EXPECT_EQ(first.seen().size(), 2U);
    EXPECT_EQ(failures(resolver), 0U);
}

TEST_F(Resolve, ItsEndCancelsWhoeverWaits) {
    first.on("orders.local", RrType::a, Reply{.silent = true});
    settings.timeout = 5s;
    std::shared_ptr<testing_support::Started<Result<dns::Response>>> waiting;
    {
        Resolver resolver = make_resolver();
        waiting = testing_support::start(io, resolver.resolve(orders));
        testing_support::run_until(io, [&] { return first.seen().size() == 1; });
    }
    const auto before = Clock::now();
    const auto response = testing_support::finish(io, waiting);
    ASSERT_TRUE(response.has_error());
    EXPECT_EQ(response.error().code, Errc::cancelled);
    EXPECT_LT(Clock::now() - before, 2s);
}

}  // namespace
}  // namespace taskdns::upstream
