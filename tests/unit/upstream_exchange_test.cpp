// One exchange over a real socket with a server that is honest, slow, silent or lies.
#include <sys/resource.h>

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_upstream.hpp"
#include "support/run_coroutine.hpp"
#include "upstream/exchange.hpp"

namespace taskdns::upstream {
namespace {

using namespace std::chrono_literals;
using testing_support::a;
using testing_support::FakeUpstream;
using testing_support::Lie;
using testing_support::question;
using testing_support::Reply;
using testing_support::Stream;

const dns::Question orders = question("orders.local");
constexpr std::uint16_t id = 4711;

class Exchange : public testing::Test {
protected:
    asio::io_context io;
    FakeUpstream upstream{io};

    static Accepts accepts() {
        return [](std::span<const std::uint8_t> message) { return dns::answers(message, id, orders); };
    }
    asio::awaitable<Result<dns::Bytes>> udp(SocketAddress server, milliseconds timeout = 5s) {
        return exchange_udp(server, dns::build_query(id, orders), accepts(), timeout);
    }
    asio::awaitable<Result<dns::Bytes>> tcp(SocketAddress server, milliseconds timeout = 5s) {
        return exchange_tcp(server, dns::build_query(id, orders), accepts(), timeout);
    }
    void reply(Reply reply) {
        if (reply.sections.answer.empty()) reply.sections.answer = {a("orders.local", "10.0.0.1")};
        upstream.on("orders.local", dns::RrType::a, std::move(reply));
    }
    /// What exchange_udp and exchange_tcp must bring when all goes well.
    static dns::Bytes expected() {
        return testing_support::write_response(id, orders, {.answer = {a("orders.local", "10.0.0.1")}});
    }
    template <class T>
    Result<dns::Bytes> run(asio::awaitable<T> task) {
        return testing_support::run(io, std::move(task));
    }
    template <class T>
    Errc failure(asio::awaitable<T> task, std::string* message = nullptr) {
        const Result<dns::Bytes> result = testing_support::run(io, std::move(task));
        EXPECT_TRUE(result.has_error());
        if (result) return Errc{};
        if (message != nullptr) *message = result.error().message;
        return result.error().code;
    }
};

TEST_F(Exchange, BringsTheAnswerOverUdp) {
    reply({});
    const auto result = run(udp(upstream.address()));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(*result, expected());
    ASSERT_EQ(upstream.seen().size(), 1U);
    EXPECT_EQ(upstream.seen()[0].message, dns::build_query(id, orders));
    EXPECT_TRUE(upstream.seen()[0].recursion_desired);
    EXPECT_FALSE(upstream.seen()[0].over_tcp);
}

TEST_F(Exchange, WaitsPastEveryLieForTheAnswer) {
    reply({.lies = {Lie::wrong_id, Lie::other_question, Lie::garbage, Lie::empty_datagram, Lie::header_only,
                    Lie::query_itself, Lie::from_other_port}});
    const auto result = run(udp(upstream.address()));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(*result, expected());
}

/// A socket's queue holds some 270 small datagrams. All of these come before we read one.
TEST_F(Exchange, ABurstOfForgeriesLeavesRoomForTheAnswer) {
    constexpr std::size_t burst = 3'000;
    reply({.lies = std::vector<Lie>(burst, Lie::wrong_id)});
    Ignored ignored;
    const auto result =
        run(exchange_udp(upstream.address(), dns::build_query(id, orders), accepts(), milliseconds(2s), &ignored));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(*result, expected());
    EXPECT_EQ(ignored.id.value(), burst);
    EXPECT_EQ(ignored.total(), burst);
}

TEST_F(Exchange, CountsForgeriesAlsoWhereNoAnswerComes) {
    reply({.silent = true, .lies = {Lie::wrong_id, Lie::wrong_id, Lie::other_question}});
    Ignored ignored;
    EXPECT_EQ(failure(exchange_udp(upstream.address(), dns::build_query(id, orders), accepts(), 50ms, &ignored)),
              Errc::timeout);
    EXPECT_EQ(ignored.id.value(), 2U);
    EXPECT_EQ(ignored.question.value(), 1U);
}

struct LieCase {
    const char* name;
    Lie lie;
};
void PrintTo(const LieCase& c, std::ostream* out) { *out << c.name; }

class ExchangeLie : public Exchange, public testing::WithParamInterface<LieCase> {};

TEST_P(ExchangeLie, AloneIsNoAnswer) {
    reply({.silent = true, .lies = {GetParam().lie}});
    std::string message;
    EXPECT_EQ(failure(udp(upstream.address(), 50ms), &message), Errc::timeout);
    EXPECT_EQ(message, "timeout from " + upstream.address().to_string());
}

INSTANTIATE_TEST_SUITE_P(
    Upstream, ExchangeLie,
    testing::Values(LieCase{"WrongId", Lie::wrong_id}, LieCase{"OtherQuestion", Lie::other_question},
                    LieCase{"Garbage", Lie::garbage}, LieCase{"EmptyDatagram", Lie::empty_datagram},
                    LieCase{"HeaderOnly", Lie::header_only}, LieCase{"QueryItself", Lie::query_itself},
                    LieCase{"FromOtherPort", Lie::from_other_port}),
    [](const auto& instance) { return instance.param.name; });

TEST_F(Exchange, TimesOutWhenNothingComesOverUdp) {
    reply({.silent = true});
    const auto before = Clock::now();
    EXPECT_EQ(failure(udp(upstream.address(), 50ms)), Errc::timeout);
    EXPECT_GE(Clock::now() - before, 50ms);
}

TEST_F(Exchange, SeesAnIcmpRefusalAtOnce) {
    const SocketAddress nobody = testing_support::closed_port(io);
    std::string message;
    const auto before = Clock::now();
    EXPECT_EQ(failure(udp(nobody, 5s), &message), Errc::refused);
    EXPECT_LT(Clock::now() - before, 2s);
    EXPECT_EQ(message, "refused connection from " + nobody.to_string());
}

TEST_F(Exchange, TakesAnAnswerLargerThanItsEdnsSize) {
    std::vector<testing_support::Rr> many(1000, a("orders.local", "10.0.0.1"));
    reply({.sections = {.answer = many}});
    const auto result = run(udp(upstream.address()));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(dns::parse_response(*result)->answer.size(), 1000U);
}

TEST_F(Exchange, AsksFromAFreshPortEachTime) {
    reply({});
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(run(udp(upstream.address())).has_value());
    for (const auto& seen : upstream.seen()) ports.insert(seen.source_port);
    EXPECT_GE(ports.size(), 18U);  // 20 draws among some 28,000: two equal ones are possible, three are not
    // A counter that goes up would be guessed: neighbours must not be steps of a few.
    std::size_t small_steps = 0;
    for (std::size_t i = 1; i < upstream.seen().size(); ++i) {
        const int step = upstream.seen()[i].source_port - upstream.seen()[i - 1].source_port;
        if (std::abs(step) < 10) ++small_steps;
    }
    EXPECT_LE(small_steps, 3U);
}

TEST_F(Exchange, EndsAtOnceWhenCancelled) {
    reply({.silent = true, .stream = Stream::silent});
    for (const bool over_tcp : {false, true}) {
        const auto before = Clock::now();
        const auto started = testing_support::start(io, over_tcp ? tcp(upstream.address()) : udp(upstream.address()));
        const std::size_t asked = upstream.seen().size();
        testing_support::run_until(io, [&] { return upstream.seen().size() > asked; });
        started->cancel();
        const Result<dns::Bytes> result = testing_support::finish(io, started);
        ASSERT_TRUE(result.has_error());
        EXPECT_EQ(result.error().code, Errc::cancelled);
        EXPECT_LT(Clock::now() - before, 2s);
    }
}

TEST_F(Exchange, IsInternalWhenDescriptorsRunOut) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the undefined behaviour sanitizer needs descriptors itself: its vptr check opens a pipe";
#endif
    const asio::any_io_executor executor = io.get_executor();
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit none{0, limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto over_udp = testing_support::run(io, udp(upstream.address()));
    const auto over_tcp = testing_support::run(io, tcp(upstream.address()));
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_TRUE(over_udp.has_error());
    EXPECT_EQ(over_udp.error().code, Errc::internal) << over_udp.error().message;
    ASSERT_TRUE(over_tcp.has_error());
    EXPECT_EQ(over_tcp.error().code, Errc::internal) << over_tcp.error().message;
}

TEST_F(Exchange, BringsTheAnswerOverTcp) {
    reply({});
    const auto result = run(tcp(upstream.address()));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(*result, expected());
    ASSERT_EQ(upstream.seen().size(), 1U);
    EXPECT_TRUE(upstream.seen()[0].over_tcp);
    EXPECT_EQ(upstream.seen()[0].message, dns::build_query(id, orders));
}

TEST_F(Exchange, BringsTheLargestMessageOverTcp) {
    std::vector<testing_support::Rr> many(2300, a("orders.local", "10.0.0.1"));  // 28 octets each
    reply({.sections = {.answer = many}});
    const auto result = run(tcp(upstream.address()));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_GT(result->size(), 64'000U);
    EXPECT_EQ(dns::parse_response(*result)->answer.size(), 2300U);
}

struct StreamCase {
    const char* name;
    Stream stream;
    std::optional<Errc> failure;  // none: the answer comes
};
void PrintTo(const StreamCase& c, std::ostream* out) { *out << c.name; }

class ExchangeTcp : public Exchange, public testing::WithParamInterface<StreamCase> {};

TEST_P(ExchangeTcp, EndsAsItMust) {
    reply({.stream = GetParam().stream});
    const auto result = run(tcp(upstream.address(), 300ms));
    if (GetParam().failure) {
        ASSERT_TRUE(result.has_error());
        EXPECT_EQ(result.error().code, *GetParam().failure) << result.error().message;
        EXPECT_THAT(result.error().message, testing::HasSubstr(upstream.address().to_string()));
    } else {
        ASSERT_TRUE(result.has_value()) << result.error().message;
        EXPECT_EQ(*result, expected());
    }
}

INSTANTIATE_TEST_SUITE_P(Upstream, ExchangeTcp,
                         testing::Values(StreamCase{"OctetByOctet", Stream::octet_by_octet, std::nullopt},
                                         StreamCase{"CutHalfWay", Stream::cut_half_way, Errc::network},
                                         StreamCase{"ClosedAtOnce", Stream::closed_at_once, Errc::network},
                                         StreamCase{"LengthZero", Stream::length_zero, Errc::malformed},
                                         StreamCase{"LengthTooLong", Stream::length_too_long, Errc::timeout},
                                         StreamCase{"OctetASecond", Stream::octet_a_second, Errc::timeout},
                                         StreamCase{"OtherQuestion", Stream::other_question, Errc::malformed},
                                         StreamCase{"Silent", Stream::silent, Errc::timeout}),
                         [](const auto& instance) { return instance.param.name; });

TEST_F(Exchange, IsRefusedOverTcpWhereNobodyListens) {
    EXPECT_EQ(failure(tcp(testing_support::closed_port(io))), Errc::refused);
}

TEST(RandomId, DoesNotRepeatItself) {
    std::set<std::uint16_t> ids;
    for (int i = 0; i < 100; ++i) ids.insert(random_id());
    EXPECT_GE(ids.size(), 95U);  // 100 draws of 65,536: more than five repetitions do not happen by chance
}

}  // namespace
}  // namespace taskdns::upstream
