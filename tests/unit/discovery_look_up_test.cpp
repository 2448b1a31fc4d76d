// One question to its end, and many at a time, against a real socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/look_up.hpp"
#include "support/fake_upstream.hpp"
#include "support/run_coroutine.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::discovery {
namespace {

using namespace std::chrono_literals;
using dns::RrType;
using testing_support::a;
using testing_support::cname;
using testing_support::question;
using testing_support::Reply;
using testing_support::Sections;
using testing_support::soa;

class LookUp : public testing::Test {
protected:
    asio::io_context io;
    testing_support::FakeUpstream upstream{io};
    upstream::QueryBudget budget{500};
    upstream::Resolver resolver{io.get_executor(), {upstream.address()}, {.timeout = 100ms, .attempts = 1}, budget};

    Result<Answer> look(const char* name, RrType type = RrType::a) {
        return testing_support::run(io, look_up(resolver, question(name, type)));
    }
};

TEST_F(LookUp, AsksForATargetOutsideTheAnswer) {
    upstream.on("orders.local", RrType::a, Sections{.answer = {cname("orders.local", "far.example", 7)}});
    upstream.on("far.example", RrType::a, Sections{.answer = {a("far.example", "10.0.0.1", 60)}});
    const auto answer = look("orders.local");
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    ASSERT_EQ(answer->records.size(), 1U);
    EXPECT_EQ(answer->ttl, 7s);  // the chain's smallest
    EXPECT_EQ(upstream.seen().size(), 2U);
}

TEST_F(LookUp, IsNegativeWhenTheTargetIs) {
    upstream.on("orders.local", RrType::a, Sections{.answer = {cname("orders.local", "far.example", 60)}});
    upstream.on("far.example", RrType::a,
                Sections{.rcode = dns::Rcode::nxdomain, .authority = {soa("example", 30, 900)}});
    const auto answer = look("orders.local");
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_TRUE(answer->records.empty());
    EXPECT_TRUE(answer->nxdomain);
    EXPECT_EQ(answer->ttl, 30s);
}

TEST_F(LookUp, EndsALoopThatGoesThroughSeveralAnswers) {
    upstream.on("a.local", RrType::a, Sections{.answer = {cname("a.local", "b.local")}});
    upstream.on("b.local", RrType::a, Sections{.answer = {cname("b.local", "a.local")}});
    const auto answer = look("a.local");
    ASSERT_TRUE(answer.has_error());
    EXPECT_EQ(answer.error().message, "CNAME loop at a.local");
    EXPECT_EQ(upstream.seen().size(), 2U);
}

TEST_F(LookUp, CountsCnamesOverAllAnswers) {
    for (int i = 0; i < 20; ++i) {
        const std::string from = "c" + std::to_string(i) + ".local";
        upstream.on(from, RrType::a, Sections{.answer = {cname(from, "c" + std::to_string(i + 1) + ".local")}});
    }
    const auto answer = look("c0.local");
    ASSERT_TRUE(answer.has_error());
    EXPECT_EQ(answer.error().message, "more than 8 CNAMEs from c0.local");
    EXPECT_EQ(upstream.seen().size(), 9U);

    upstream.on("c8.local", RrType::a, Sections{.answer = {a("c8.local", "10.0.0.1")}});
    EXPECT_TRUE(look("c0.local").has_value());
}

TEST_F(LookUp, AnswersManyInTheirOrderAndAFewAtATime) {
    std::vector<dns::Question> questions;
    for (int i = 0; i < 20; ++i) {
        const std::string name = "t" + std::to_string(i) + ".local";
        upstream.on(name, RrType::a,
                    Reply{.sections = {.answer = {a(name, "10.0.0." + std::to_string(i))}}, .delay = 5ms});
        questions.push_back(question(name));
    }
    upstream.on("t7.local", RrType::a, Sections{.rcode = dns::Rcode::servfail});
    const auto answers = testing_support::run(io, look_up_all(resolver, questions, 4));
    ASSERT_EQ(answers.size(), 20U);
    for (unsigned i = 0; i < 20; ++i) {
        ASSERT_EQ(answers[i].has_value(), i != 7) << i;
        if (i == 7) continue;
        EXPECT_EQ(answers[i]->records.at(0), dns::Rdata(IpAddress::parse("10.0.0." + std::to_string(i)).value()));
    }
    EXPECT_EQ(upstream.most_at_once(), 4U);
}

TEST_F(LookUp, WithPatienceGivesUpTheSilentOnceAnotherHasRecords) {
    upstream::Resolver patient(io.get_executor(), {upstream.address()}, {.timeout = 8s, .attempts = 1}, budget);
    upstream.otherwise(Reply{.silent = true});
    upstream.on("a.local", RrType::a, Sections{.answer = {a("a.local", "10.0.0.1")}});
    const std::vector<dns::Question> questions{question("a.local", RrType::a), question("a.local", RrType::aaaa)};
    const auto answers = testing_support::run(io, look_up_all(patient, questions, 4, 10ms));
    EXPECT_TRUE(answers[0].has_value());
    ASSERT_TRUE(answers[1].has_error());
    EXPECT_EQ(answers[1].error().code, Errc::cancelled);
}

TEST_F(LookUp, WithPatienceWaitsForAllWhileNoneHasRecords) {
    upstream.otherwise(Reply{.silent = true});
    upstream.on("a.local", RrType::a, Sections{.authority = {soa("local", 900, 900)}});
    const std::vector<dns::Question> questions{question("a.local", RrType::a), question("a.local", RrType::aaaa)};
    const auto answers = testing_support::run(io, look_up_all(resolver, questions, 4, 10ms));
    EXPECT_TRUE(answers[0].has_value());
    ASSERT_TRUE(answers[1].has_error());
    EXPECT_EQ(answers[1].error().code, Errc::timeout);
}

TEST_F(LookUp, WithPatienceWaitsForAllThatAnswerInTime) {
    upstream.on("a.local", RrType::a, Sections{.answer = {a("a.local", "10.0.0.1")}});
    upstream.on("b.local", RrType::a, Reply{.sections = {.answer = {a("b.local", "10.0.0.2")}}, .delay = 20ms});
    const auto answers =
        testing_support::run(io, look_up_all(resolver, {question("a.local"), question("b.local")}, 4, 5'000ms));
    EXPECT_TRUE(answers[0].has_value());
    EXPECT_TRUE(answers[1].has_value());
}

TEST_F(LookUp, AnswersNothingAtOnce) { EXPECT_TRUE(testing_support::run(io, look_up_all(resolver, {}, 4)).empty()); }

TEST_F(LookUp, EndsSoonWhenCancelledAndAsksNoMore) {
    std::vector<dns::Question> questions;
    for (int i = 0; i < 20; ++i) questions.push_back(question("t" + std::to_string(i) + ".local"));
    upstream.otherwise(Reply{.silent = true});
    const auto started = testing_support::start(io, look_up_all(resolver, questions, 2));
    testing_support::run_until(io, [&] { return upstream.seen().size() == 2; });
    started->cancel();
    const auto answers = testing_support::finish(io, started);
    ASSERT_EQ(answers.size(), 20U);
    for (const auto& answer : answers) {
        ASSERT_TRUE(answer.has_error());
        EXPECT_EQ(answer.error().code, Errc::cancelled);
    }
    EXPECT_EQ(upstream.seen().size(), 2U);
}

}  // namespace
}  // namespace taskdns::discovery
