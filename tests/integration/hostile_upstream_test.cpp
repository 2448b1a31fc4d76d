// What an upstream can do that is broken, or lies: to a poll and to a forwarded name. Nothing wrong is ever answered,
// what can be believed is, another service goes on, and as soon as the upstream is honest, so are the answers.
#include "support/hostile_upstream.hpp"

#include <functional>
#include <future>
#include <iostream>
#include <thread>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using dns::RrType;
using testing::AnyOf;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string truth = "10.9.9.9";
const std::string evil = "6.6.6.6";

/// What the upstream says when it is asked for `name`.
using Saying = std::function<Reply(const std::string& name)>;

enum class Outcome { nothing, good };

struct HostileCase {
    std::string label;
    Outcome outcome = Outcome::nothing;
    Saying says;
    bool recovers = false;  ///< and it is waited for
};
void PrintTo(const HostileCase& row, std::ostream* out) { *out << row.label; }

Saying lies(Lie lie) {
    return [lie](const std::string& name) {
        return Reply{.sections = {.answer = {a(name, evil)}}, .silent = true, .lies = {lie}};
    };
}
Saying streams(Stream stream) {
    return [stream](const std::string& name) {
        return Reply{.sections = {.answer = {a(name, evil)}}, .truncated_on_udp = true, .stream = stream};
    };
}
/// The true answer, with this TTL.
Saying lives(std::uint32_t ttl) {
    return [ttl](const std::string& name) { return Reply{.sections = {.answer = {a(name, truth, ttl)}}}; };
}
std::vector<Rr> chain(const std::string& name, std::size_t links) {
    std::vector<Rr> out;
    std::string from = name;
    for (std::size_t i = 0; i < links; ++i) {
        const std::string to = "n" + std::to_string(i) + ".evil.test";
        out.push_back(cname(from, to));
        from = to;
    }
    out.push_back(a(from, evil));
    return out;
}

Reply tc_for_ever(const std::string& name) { return {.sections = {.answer = {a(name, evil)}, .truncated = true}}; }
Reply cname_loop(const std::string& name) {
    return {.sections = {.answer = {cname(name, "b.evil.test"), cname("b.evil.test", name), a("c.evil.test", evil)}}};
}
Reply long_chain(const std::string& name) {
    return {.sections = {.answer = chain(name, 1'000)}, .truncated_on_udp = true};
}
Reply other_names(const std::string&) {
    return {.sections = {.answer = {a("bank.test", evil)},
                         .authority = {a("bank.test", evil), soa("bank.test", 3'600, 3'600)},
                         .additional = {a("bank.test", evil)}}};
}
Reply other_names_beside(const std::string& name) {
    return {.sections = {.answer = {a("bank.test", evil), a(name, truth), aaaa(name, "2001:db8::6")},
                         .authority = {a(name, evil)},
                         .additional = {a("bank.test", evil), a(name, evil)}}};
}
Reply garbage(const std::string&) { return {.garbage = true}; }
Reply garbage_over_tcp(const std::string&) { return {.sections = {.truncated = true}, .garbage = true}; }
Reply mangled_case(const std::string& name) { return {.sections = {.answer = {a(name, truth)}}, .upper_case = true}; }
Reply lies_then_truth(const std::string& name) {
    return {.sections = {.answer = {a(name, truth)}},
            .lies = {Lie::wrong_id, Lie::other_question, Lie::garbage, Lie::empty_datagram, Lie::header_only,
                     Lie::query_itself, Lie::from_other_port, Lie::from_other_address}};
}
Reply five_hundred(const std::string& name) {
    return {.sections = {.answer = std::vector<Rr>(500, a(name, truth))}, .truncated_on_udp = true};
}

class Hostile : public testing::TestWithParam<HostileCase> {
protected:
    HostileUpstream upstream;
    std::unique_ptr<DaemonUnderTest> daemon;

    void SetUp() override {
        upstream.on("orders.local", RrType::a, GetParam().says("orders.local"));
        upstream.on("steady.local", RrType::a, Reply{.sections = {.answer = {a("steady.local", "10.0.0.1", 1)}}});
        upstream.on("www.example", RrType::a, GetParam().says("www.example"));
        DaemonOptions options;
        options.upstream_port = upstream.port();
        options.yaml =
            "upstream: {timeout: 400ms, attempts: 1}\n"
            "services:\n"
            "  - {name: orders.local, record: A, port: 80, health: {check: none}}\n"
            "  - {name: steady.local, record: A, port: 80, health: {check: none}}\n";
        daemon = std::make_unique<DaemonUnderTest>(options);
    }
    /// Whatever it is an answer to, and wherever it stands.
    static void expect_nothing_wrong(const DnsReply& reply, const std::string& name) {
        ASSERT_TRUE(reply.arrived);
        for (const auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
            for (const DnsRecord& record : *section) {
                EXPECT_NE(record.rdata, evil) << reply;
                EXPECT_EQ(record.owner, name + ".") << reply;
            }
        }
    }
};

TEST_P(Hostile, AnswersToPollsServeNothingWrong) {
    ASSERT_TRUE(wait_until(6s, [&] { return !daemon->ask_a("steady.local").empty(); }));
    ASSERT_TRUE(upstream.wait_for("orders.local"));
    const DnsReply reply = daemon->ask({.name = "orders.local"});
    expect_nothing_wrong(reply, "orders.local");
    if (GetParam().outcome == Outcome::good) {
        EXPECT_THAT(reply.rdata("A"), ElementsAre(truth)) << reply;
    } else {
        EXPECT_EQ(reply.rcode, "SERVFAIL") << reply;
    }
    EXPECT_THAT(daemon->ask_a("steady.local"), ElementsAre("10.0.0.1")) << "another service goes on";
    if (!GetParam().recovers) return;  // of each kind one: it takes a few seconds
    upstream.on("orders.local", RrType::a, Reply{.sections = {.answer = {a("orders.local", truth)}}});
    EXPECT_TRUE(wait_until(12s, [&] { return daemon->ask_a("orders.local") == std::vector<std::string>{truth}; }))
        << "it is believed again";
}

TEST_P(Hostile, AnswersToForwardedQuestionsServeNothingWrong) {
    const DnsReply reply = daemon->ask({.name = "www.example", .tcp = true});
    expect_nothing_wrong(reply, "www.example");
    if (GetParam().outcome == Outcome::good) {
        EXPECT_THAT(reply.rdata("A"), testing::Not(IsEmpty())) << reply;
        EXPECT_THAT(reply.rdata("A"), Each(truth)) << reply;
    } else {
        EXPECT_THAT(reply.rcode, AnyOf("SERVFAIL", "NOERROR")) << reply;
        EXPECT_THAT(reply.answer, IsEmpty()) << reply;
    }
    // What was said of others is not kept: the upstream is asked for them, and knows nothing.
    EXPECT_EQ(daemon->ask({.name = "bank.test"}).rcode, "REFUSED");
    EXPECT_EQ(upstream.times_asked("bank.test"), 1U);
    EXPECT_TRUE(wait_until(6s, [&] { return !daemon->ask_a("steady.local").empty(); })) << "services go on";
    upstream.on("fine.example", RrType::a, Reply{.sections = {.answer = {a("fine.example", truth)}}});
    EXPECT_THAT(daemon->ask_a("fine.example"), ElementsAre(truth)) << "and so do other names";
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Upstream, Hostile, testing::Values(
    HostileCase{"WrongId",          Outcome::nothing, lies(Lie::wrong_id), true},
    HostileCase{"WrongPort",        Outcome::nothing, lies(Lie::from_other_port)},
    HostileCase{"WrongAddress",     Outcome::nothing, lies(Lie::from_other_address)},
    HostileCase{"WrongQuestion",    Outcome::nothing, lies(Lie::other_question)},
    HostileCase{"EveryLieThenTheTruth", Outcome::good, lies_then_truth},
    HostileCase{"TcForEver",        Outcome::nothing, tc_for_ever, true},
    HostileCase{"CnameLoop",        Outcome::nothing, cname_loop},
    HostileCase{"ChainOf1000",      Outcome::nothing, long_chain, true},
    HostileCase{"OtherNames",       Outcome::nothing, other_names},
    HostileCase{"OtherNamesBeside", Outcome::good,    other_names_beside},
    HostileCase{"Garbage",          Outcome::nothing, garbage, true},
    HostileCase{"GarbageOverTcp",   Outcome::nothing, garbage_over_tcp},
    HostileCase{"MangledCase",      Outcome::good,    mangled_case},
    HostileCase{"Ttl0",             Outcome::good,    lives(0)},
    HostileCase{"TtlOf68Years",     Outcome::good,    lives(0x7FFFFFFF)},
    HostileCase{"TtlWithItsTopBit", Outcome::good,    lives(0xFFFFFFFF)},
    HostileCase{"Records500",       Outcome::good,    five_hundred},
    HostileCase{"AnOctetASecond",   Outcome::nothing, streams(Stream::octet_a_second)},
    HostileCase{"HalfOpen",         Outcome::nothing, streams(Stream::silent), true},
    HostileCase{"LengthTooLong",    Outcome::nothing, streams(Stream::length_too_long)},
    HostileCase{"LengthTooShort",   Outcome::nothing, streams(Stream::length_too_short)},
    HostileCase{"LengthZero",       Outcome::nothing, streams(Stream::length_zero)},
    HostileCase{"CutHalfWay",       Outcome::nothing, streams(Stream::cut_half_way)},
    HostileCase{"OtherQuestionOverTcp", Outcome::nothing, streams(Stream::other_question)}),
    [](const auto& instance) { return instance.param.label; });
// clang-format on

/// 200 streams that announce 65,535 octets each, and of which a few come: 13 MB, if the length were believed.
TEST(HostileStreams, TakeMemoryForWhatComesAndNotForWhatTheyAnnounce) {
    HostileUpstream upstream;
    constexpr int streams_at_once = 200;
    for (int i = 0; i < streams_at_once; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example";
        upstream.on(name, RrType::a, streams(Stream::length_too_long)(name));
    }
    DaemonOptions options;
    options.upstream_port = upstream.port();
    options.yaml = "upstream: {timeout: 5s, attempts: 1, max_qps: 10000}\nservices: []\n";
    DaemonUnderTest daemon(options);
    daemon.ask({.name = "warm.example"});
    const long before = anonymous_kib(daemon.process().pid());
    std::vector<std::future<DnsReply>> asked;
    for (int i = 0; i < streams_at_once; ++i) {
        asked.push_back(std::async(std::launch::async, [&daemon, i] {
            return daemon.ask({.name = "n" + std::to_string(i) + ".example", .timeout = 15s});
        }));
    }
    const auto streams_open = [&daemon] {
        const std::string text = daemon.get("/metrics").body;
        const std::size_t at = text.find("transport=\"tcp\"} ", text.find("purpose=\"forward\""));
        return at == std::string::npos ? 0UL : std::stoul(text.substr(at + 17));
    };
    EXPECT_TRUE(wait_until(5s, [&] { return streams_open() >= streams_at_once; })) << streams_open();
    std::this_thread::sleep_for(200ms);  // what came of the messages has been read; more than this never comes
    const long during = anonymous_kib(daemon.process().pid());
    std::cout << streams_at_once << " streams that announce 65,535 octets: RssAnon " << before << " KiB before, "
              << during << " KiB while they are open\n";
    EXPECT_LT(during - before, 6'000);
    for (auto& reply : asked) EXPECT_EQ(reply.get().rcode, "SERVFAIL");
}

}  // namespace
}  // namespace taskdns::testing_support
