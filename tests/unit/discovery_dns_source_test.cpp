// The source `dns` against a real socket, with a clock of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/dns_source.hpp"
#include "support/fake_upstream.hpp"
#include "support/run_coroutine.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::discovery {
namespace {

using namespace std::chrono_literals;
using dns::RrType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::a;
using testing_support::aaaa;
using testing_support::cname;
using testing_support::FakeUpstream;
using testing_support::question;
using testing_support::Reply;
using testing_support::Sections;
using testing_support::soa;
using testing_support::srv;

const Sections servfail{.rcode = dns::Rcode::servfail};
const Sections nxdomain{.rcode = dns::Rcode::nxdomain};
const Sections nodata{.authority = {soa("local", 900, 900)}};

class Dns : public testing::Test {
protected:
    asio::io_context io;
    FakeUpstream upstream{io};
    upstream::QueryBudget budget{1'000'000};
    upstream::Resolver resolver{io.get_executor(), {upstream.address()}, {.timeout = 100ms, .attempts = 1}, budget};
    TimePoint now{1000s};

    std::unique_ptr<DnsSource> source(config::RecordKind record = config::RecordKind::automatic) {
        config::Service service;
        service.name = question("orders.local").name;
        service.record = record;
        service.port = 8080;
        return std::make_unique<DnsSource>(service, resolver, [this] { return now; });
    }
    Observation observe(DnsSource& from) { return testing_support::run(io, from.observe()); }

    void a_is(Sections sections) { upstream.on("orders.local", RrType::a, std::move(sections)); }
    void aaaa_is(Sections sections) { upstream.on("orders.local", RrType::aaaa, std::move(sections)); }
    void srv_is(Sections sections) { upstream.on("orders.local", RrType::srv, std::move(sections)); }
    std::size_t asked(RrType type, const char* name = "orders.local") { return upstream.times_asked(name, type); }
};

/// `A fresh 10.0.0.1:8080 10.0.0.2:8080 | AAAA repeated`, and ` ttl 5s`; or why there is nothing. `reread`: it was
/// asked and answered, but too early to show anything new.
std::string words(const Observation& observation) {
    if (const auto* failed = std::get_if<Failed>(&observation)) return "failed: " + failed->reason;
    if (const auto* empty = std::get_if<Empty>(&observation)) {
        return "empty: " + empty->reason + " ttl " + format_duration(empty->ttl);
    }
    std::string out;
    const auto& records = std::get<Records>(observation);
    for (const Rrset& rrset : records.rrsets) {
        if (!out.empty()) out += " | ";
        out += std::string(dns::to_string(rrset.type)) + (rrset.fresh      ? " fresh"
                                                          : rrset.answered ? " reread"
                                                                           : " repeated");
        EXPECT_TRUE(rrset.answered || !rrset.fresh);
        for (const Sighting& sighting : rrset.sightings) {
            out += " " + sighting.address.to_string();
            if (sighting.priority != 1 || sighting.weight != 1) {
                out += "/" + std::to_string(sighting.priority) + "/" + std::to_string(sighting.weight);
            }
        }
        EXPECT_FALSE(rrset.exhaustive);
    }
    return out + " ttl " + format_duration(records.ttl);
}

TEST_F(Dns, AsksBothFamiliesAtTheSameTimeAndReportsThemAsOne) {
    upstream.on("orders.local", RrType::a,
                Reply{.sections = {.answer = {a("orders.local", "10.0.0.2", 20), a("orders.local", "10.0.0.1", 20)}},
                      .delay = 20ms});
    upstream.on("orders.local", RrType::aaaa,
                Reply{.sections = {.answer = {aaaa("orders.local", "fd00::1", 10)}}, .delay = 20ms});
    const auto dns = source();
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 10.0.0.2:8080 | AAAA fresh [fd00::1]:8080 ttl 10s");
    EXPECT_EQ(upstream.most_at_once(), 2U);
}

TEST_F(Dns, AsksOneFamilyAloneWhereOneIsConfigured) {
    a_is({.answer = {a("orders.local", "10.0.0.1")}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1")}});
    EXPECT_EQ(words(observe(*source(config::RecordKind::a))), "A fresh 10.0.0.1:8080 ttl 30s");
    EXPECT_EQ(asked(RrType::aaaa), 0U);
    EXPECT_EQ(words(observe(*source(config::RecordKind::aaaa))), "AAAA fresh [fd00::1]:8080 ttl 30s");
    EXPECT_EQ(asked(RrType::a), 1U);
}

TEST_F(Dns, AsksEachQuestionWhenItsOwnTtlHasRunOut) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 12)}});
    const auto dns = source();
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 | AAAA fresh [fd00::1]:8080 ttl 5s");

    now += 4999ms;
    EXPECT_EQ(words(observe(*dns)), "A repeated 10.0.0.1:8080 | AAAA repeated [fd00::1]:8080 ttl 1ms");
    EXPECT_EQ(upstream.seen().size(), 2U);

    now += 1ms;
    a_is({.answer = {a("orders.local", "10.0.0.9", 5)}});
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.9:8080 | AAAA repeated [fd00::1]:8080 ttl 5s");
    EXPECT_EQ(asked(RrType::a), 2U);
    EXPECT_EQ(asked(RrType::aaaa), 1U);

    now += 5s;
    observe(*dns);
    now += 2s;  // 12 s after the first
    EXPECT_EQ(words(observe(*dns)), "A repeated 10.0.0.9:8080 | AAAA fresh [fd00::1]:8080 ttl 3s");
    EXPECT_EQ(asked(RrType::a), 3U);
    EXPECT_EQ(asked(RrType::aaaa), 2U);
}

TEST_F(Dns, RoundsTheTimeUntilTheNextPollUp) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    const auto dns = source(config::RecordKind::a);
    observe(*dns);
    now += 1s + 1ns;
    EXPECT_EQ(words(observe(*dns)), "A repeated 10.0.0.1:8080 ttl 4s");  // 3.999999999 s: the poll must not be early
}

// The resolver rounds what is left of the TTL down, and still has the old answer when we ask at the end of it.
TEST_F(Dns, IsNotFreshWhileTheResolverCountsDownTheLastSecond) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 9)}});  // 9.8 s in truth
    const auto dns = source(config::RecordKind::a);
    observe(*dns);
    now += 9s + 500ms;
    a_is({.answer = {a("orders.local", "10.0.0.1", 0)}});
    EXPECT_EQ(words(observe(*dns)), "A reread 10.0.0.1:8080 ttl 2s");
    now += 2s;
    a_is({.answer = {a("orders.local", "10.0.0.1", 60)}});
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 ttl 30s");
}

TEST_F(Dns, IsFreshAfterATtlOfOneSecond) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 1)}});
    const auto dns = source(config::RecordKind::a);
    observe(*dns);
    now += 2s;  // poll.min
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 ttl 2s");
}

TEST_F(Dns, IsNotFreshWhenAskedBeforeTheRealTtlHasRunOut) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 60)}});  // poll.max is 30 s
    const auto dns = source(config::RecordKind::a);
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 ttl 30s");
    now += 30s;
    a_is({.answer = {a("orders.local", "10.0.0.1", 30)}});
    EXPECT_EQ(words(observe(*dns)), "A reread 10.0.0.1:8080 ttl 30s");
    EXPECT_EQ(asked(RrType::a), 2U);
    now += 30s;
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 ttl 30s");
}

TEST_F(Dns, SaysTheTtlOfEachAnswerAsItCame) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 60)}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 0)}});
    const auto dns = source();
    const auto ttls = [&] {
        std::vector<milliseconds> out;
        const Observation observation = observe(*dns);
        for (const Rrset& rrset : std::get<Records>(observation).rrsets) out.push_back(rrset.ttl);
        return out;
    };
    EXPECT_THAT(ttls(), ElementsAre(60s, 0s));
    now += 2s;
    EXPECT_THAT(ttls(), ElementsAre(60s, 0s));  // the first one is a repetition
    EXPECT_EQ(asked(RrType::a), 1U);
}

TEST_F(Dns, ASilentFamilyDoesNotHoldUpTheFirstRecords) {
    upstream::Resolver patient(io.get_executor(), {upstream.address()}, {.timeout = 8s, .attempts = 1}, budget);
    config::Service service;
    service.name = question("orders.local").name;
    service.port = 8080;
    DnsSource dns(service, patient, [this] { return now; });
    a_is({.answer = {a("orders.local", "10.0.0.1", 20)}});
    upstream.on("orders.local", RrType::aaaa, Reply{.silent = true});
    EXPECT_EQ(words(observe(dns)), "A fresh 10.0.0.1:8080 ttl 0s");  // the next poll is due at poll.min

    now += 2s;
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 20)}});
    EXPECT_EQ(words(observe(dns)), "A repeated 10.0.0.1:8080 | AAAA fresh [fd00::1]:8080 ttl 18s");
    EXPECT_EQ(asked(RrType::a), 1U);
    EXPECT_EQ(asked(RrType::aaaa), 2U);
}

TEST_F(Dns, UnusableRecordsBesideASilentFamilyAreAFailureNotEmpty) {
    upstream::Resolver patient(io.get_executor(), {upstream.address()}, {.timeout = 8s, .attempts = 1}, budget);
    config::Service service;
    service.name = question("orders.local").name;
    DnsSource dns(service, patient, [this] { return now; });
    a_is({.answer = {a("orders.local", "224.0.0.1", 20)}});
    upstream.on("orders.local", RrType::aaaa, Reply{.silent = true});
    EXPECT_EQ(words(observe(dns)), "failed: no address in the answer can be an endpoint, such as 224.0.0.1");
}

TEST_F(Dns, WaitsAtLeastPollMin) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 0)}});
    const auto dns = source(config::RecordKind::a);
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 ttl 2s");
    now += 2s;
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 ttl 2s");
    EXPECT_EQ(asked(RrType::a), 2U);
}

TEST_F(Dns, NodataForOneFamilyIsNotEmpty) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 20)}});
    for (const Sections& none : {nodata, nxdomain}) {
        aaaa_is(none);
        EXPECT_THAT(words(observe(*source())), HasSubstr("A fresh 10.0.0.1:8080 | AAAA fresh ttl "));
    }
}

TEST_F(Dns, IsEmptyWhenBothFamiliesSaySo) {
    a_is({.rcode = dns::Rcode::nxdomain, .authority = {soa("local", 900, 20)}});
    aaaa_is({.rcode = dns::Rcode::nxdomain, .authority = {soa("local", 25, 900)}});
    EXPECT_EQ(words(observe(*source())), "empty: NXDOMAIN ttl 20s");
    aaaa_is(nodata);
    EXPECT_EQ(words(observe(*source())), "empty: NODATA ttl 20s");
}

TEST_F(Dns, AnNxdomainWithoutSoaIsAskedAgainAfterFiveSeconds) {
    a_is(nxdomain);
    aaaa_is(nxdomain);
    const auto dns = source();
    EXPECT_EQ(words(observe(*dns)), "empty: NXDOMAIN ttl 5s");
    now += 5s;
    a_is({.answer = {a("orders.local", "10.0.0.1", 20)}});
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 | AAAA fresh ttl 5s");
}

TEST_F(Dns, ALongNegativeTtlDoesNotDelayThePollBeyondItsMaximum) {
    a_is(nodata);
    aaaa_is(nodata);
    EXPECT_EQ(words(observe(*source())), "empty: NODATA ttl 30s");  // the SOA says 900 s
}

TEST_F(Dns, FailsWhenBothFail) {
    a_is(servfail);
    aaaa_is(servfail);
    EXPECT_EQ(words(observe(*source())), "failed: SERVFAIL from " + upstream.address().to_string());
    upstream.otherwise({.silent = true});
    upstream.on("orders.local", RrType::a, Reply{.silent = true});
    upstream.on("orders.local", RrType::aaaa, Reply{.silent = true});
    EXPECT_EQ(words(observe(*source())), "failed: timeout from " + upstream.address().to_string());
}

TEST_F(Dns, FailsWhenOneFailsAndTheOtherIsEmpty) {
    a_is(servfail);
    aaaa_is(nodata);
    EXPECT_THAT(words(observe(*source())), HasSubstr("failed: SERVFAIL"));
    a_is(nxdomain);
    aaaa_is(servfail);
    EXPECT_THAT(words(observe(*source())), HasSubstr("failed: SERVFAIL"));
}

TEST_F(Dns, RepeatsWhatAFailingFamilyShowedLast) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 5)}});
    const auto dns = source();
    observe(*dns);
    now += 5s;
    aaaa_is(servfail);
    // Asked again by back-off: 1 s, less the poller's own 20 %.
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 | AAAA repeated [fd00::1]:8080 ttl 800ms");
    now += 800ms;
    EXPECT_EQ(words(observe(*dns)), "A repeated 10.0.0.1:8080 | AAAA repeated [fd00::1]:8080 ttl 1.28s");
    EXPECT_EQ(asked(RrType::a), 2U);
    EXPECT_EQ(asked(RrType::aaaa), 3U);
    now += 1280ms;
    aaaa_is({.answer = {aaaa("orders.local", "fd00::2", 5)}});
    EXPECT_THAT(words(observe(*dns)), HasSubstr("AAAA fresh [fd00::2]:8080"));
}

TEST_F(Dns, LeavesOutAFailingFamilyThatShowedNothingYet) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    aaaa_is(servfail);
    EXPECT_EQ(words(observe(*source())), "A fresh 10.0.0.1:8080 ttl 800ms");
}

TEST_F(Dns, RepeatsAFailingFamilyNoLongerThanMembersAreKept) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 5)}});
    const auto dns = source();  // no health check: stale_max_unchecked, an hour
    observe(*dns);
    aaaa_is(servfail);
    now += 1h;
    EXPECT_THAT(words(observe(*dns)), HasSubstr("fd00::1"));
    now += 1s;
    EXPECT_THAT(words(observe(*dns)), testing::Not(HasSubstr("fd00::1")));
}

TEST_F(Dns, AFailureAfterRecordsIsNeverEmpty) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    aaaa_is(nodata);
    const auto dns = source();
    observe(*dns);
    now += 5s;
    a_is(servfail);
    EXPECT_THAT(words(observe(*dns)), HasSubstr("failed: SERVFAIL"));
    now += 30s;
    EXPECT_THAT(words(observe(*dns)), HasSubstr("failed: SERVFAIL"));
    now += 30s;
    a_is(nodata);
    EXPECT_THAT(words(observe(*dns)), HasSubstr("empty: NODATA"));
}

TEST_F(Dns, APollThatComesWhileNothingIsDueAsksWhatFails) {
    a_is(servfail);
    aaaa_is(nodata);
    const auto dns = source();
    observe(*dns);
    EXPECT_EQ(upstream.seen().size(), 2U);
    observe(*dns);
    EXPECT_EQ(asked(RrType::a), 2U);
    EXPECT_EQ(asked(RrType::aaaa), 1U);
}

TEST_F(Dns, DropsWhatCannotBeAnEndpoint) {
    a_is({.answer = {a("orders.local", "0.0.0.0", 20), a("orders.local", "10.0.0.1", 20),
                     a("orders.local", "224.0.0.1", 20), a("orders.local", "169.254.169.254", 20),
                     a("orders.local", "127.0.0.1", 20)}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 20), aaaa("orders.local", "::ffff:a9fe:a9fe", 20)}});
    const auto dns = source();
    const Observation observation = observe(*dns);
    EXPECT_EQ(words(observation), "A fresh 10.0.0.1:8080 127.0.0.1:8080 | AAAA fresh [fd00::1]:8080 ttl 20s");
    const auto& rrsets = std::get<Records>(observation).rrsets;
    EXPECT_EQ(rrsets.at(0).unusable, 3U);
    EXPECT_EQ(rrsets.at(1).unusable, 1U);
    EXPECT_EQ(dns->unusable_addresses(), 4U);
}

/// Who lists the metadata service alone has made a mistake, or lies: members stay, as they do in any failure.
TEST_F(Dns, AnAnswerOfNothingButTheseIsAFailure) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 5)}});
    const auto dns = source(config::RecordKind::a);
    observe(*dns);
    now += 5s;
    a_is({.answer = {a("orders.local", "169.254.170.2", 5), a("orders.local", "0.0.0.0", 5)}});
    EXPECT_EQ(words(observe(*dns)), "failed: no address in the answer can be an endpoint, such as 169.254.170.2");
}

TEST_F(Dns, AlsoNotAsTheAddressOfATarget) {
    srv_is({.answer = {srv("orders.local", 80, "a.local", 20), srv("orders.local", 80, "b.local", 20)},
            .additional = {a("a.local", "169.254.169.254"), a("b.local", "10.0.0.2")}});
    upstream.on("a.local", RrType::a, {.answer = {a("a.local", "169.254.169.254", 20)}});
    const auto dns = source(config::RecordKind::srv);
    const std::string seen = words(observe(*dns));
    EXPECT_THAT(seen, HasSubstr("10.0.0.2:80"));
    EXPECT_THAT(seen, testing::Not(HasSubstr("169.254")));
    EXPECT_GE(dns->unusable_addresses(), 1U);
}

TEST_F(Dns, ReportsEachAddressOnce) {
    a_is({.answer = {a("orders.local", "10.0.0.1", 20), a("orders.local", "10.0.0.1", 20)}});
    EXPECT_EQ(words(observe(*source(config::RecordKind::a))), "A fresh 10.0.0.1:8080 ttl 20s");
}

TEST_F(Dns, FollowsCnames) {
    a_is({.answer = {cname("orders.local", "real.local", 8), a("real.local", "10.0.0.1", 60)}});
    EXPECT_EQ(words(observe(*source(config::RecordKind::a))), "A fresh 10.0.0.1:8080 ttl 8s");
    a_is({.answer = {cname("orders.local", "b.local"), cname("b.local", "orders.local")}});
    EXPECT_EQ(words(observe(*source(config::RecordKind::a))), "failed: CNAME loop at orders.local");
}

TEST_F(Dns, TakesATruncatedAnswerOverTcp) {
    upstream.on("orders.local", RrType::a,
                Reply{.sections = {.answer = {a("orders.local", "10.0.0.1", 20)}}, .truncated_on_udp = true});
    EXPECT_EQ(words(observe(*source(config::RecordKind::a))), "A fresh 10.0.0.1:8080 ttl 20s");
}

TEST_F(Dns, SaysSoonThatItWasCancelled) {
    upstream.otherwise({.silent = true});
    const auto dns = source();
    const auto started = testing_support::start(io, dns->observe());
    testing_support::run_until(io, [&] { return upstream.seen().size() == 2; });
    started->cancel();
    EXPECT_EQ(words(testing_support::finish(io, started)), "failed: cancelled");
    // Not a failure of the upstream: the next poll asks as if nothing had been.
    a_is({.answer = {a("orders.local", "10.0.0.1", 20)}});
    aaaa_is({.answer = {aaaa("orders.local", "fd00::1", 20)}});
    EXPECT_EQ(words(observe(*dns)), "A fresh 10.0.0.1:8080 | AAAA fresh [fd00::1]:8080 ttl 20s");
}

TEST_F(Dns, SrvTakesAddressesFromTheAdditionalSection) {
    srv_is(
        {.answer = {srv("orders.local", 9001, "t1.local", 20, 1, 1), srv("orders.local", 9002, "t2.local", 20, 2, 7)},
         .additional = {a("t1.local", "10.0.0.1", 20), a("t2.local", "10.0.0.2", 15), aaaa("t2.local", "fd00::2", 20),
                        a("evil.local", "6.6.6.6", 1)}});
    EXPECT_EQ(words(observe(*source(config::RecordKind::srv))),
              "SRV fresh 10.0.0.1:9001 10.0.0.2:9002/2/7 [fd00::2]:9002/2/7 ttl 15s");
    EXPECT_EQ(upstream.seen().size(), 1U);
}

TEST_F(Dns, SrvLooksTargetsUpOnceEachInBothFamilies) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 20), srv("orders.local", 9002, "t1.local", 20),
                       srv("orders.local", 9003, "t2.local", 20)}});
    upstream.on("t1.local", RrType::a, Sections{.answer = {a("t1.local", "10.0.0.1", 20)}});
    upstream.on("t1.local", RrType::aaaa, nodata);
    upstream.on("t2.local", RrType::a, nodata);
    upstream.on("t2.local", RrType::aaaa, Sections{.answer = {aaaa("t2.local", "fd00::2", 12)}});
    EXPECT_EQ(words(observe(*source(config::RecordKind::srv))),
              "SRV fresh 10.0.0.1:9001 10.0.0.1:9002 [fd00::2]:9003 ttl 12s");
    EXPECT_EQ(upstream.seen().size(), 5U);
}

TEST_F(Dns, SrvAsksTargetsAgainOnlyWhenTheirTtlHasRunOut) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 5)}});
    upstream.on("t1.local", RrType::a, Sections{.answer = {a("t1.local", "10.0.0.1", 20)}});
    upstream.on("t1.local", RrType::aaaa, nodata);
    const auto dns = source(config::RecordKind::srv);
    observe(*dns);
    now += 5s;
    EXPECT_EQ(words(observe(*dns)), "SRV fresh 10.0.0.1:9001 ttl 5s");
    EXPECT_EQ(asked(RrType::srv), 2U);
    EXPECT_EQ(asked(RrType::a, "t1.local"), 1U);
    now += 15s;
    upstream.on("t1.local", RrType::a, Sections{.answer = {a("t1.local", "10.0.0.7", 20)}});
    EXPECT_EQ(words(observe(*dns)), "SRV fresh 10.0.0.7:9001 ttl 5s");
    EXPECT_EQ(asked(RrType::a, "t1.local"), 2U);
}

TEST_F(Dns, SrvLeavesOutTargetsWithoutAnAddress) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 20), srv("orders.local", 9002, "t2.local", 20),
                       srv("orders.local", 9003, ".", 20)},
            .additional = {a("t1.local", "10.0.0.1", 20)}});
    upstream.on("t2.local", RrType::a, nxdomain);
    upstream.on("t2.local", RrType::aaaa, nxdomain);
    EXPECT_EQ(words(observe(*source(config::RecordKind::srv))), "SRV fresh 10.0.0.1:9001 ttl 5s");
    EXPECT_EQ(upstream.seen().size(), 3U);
}

TEST_F(Dns, SrvIsEmptyWhenItsTargetsHaveNoAddresses) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 20)}});
    upstream.on("t1.local", RrType::a, nodata);
    upstream.on("t1.local", RrType::aaaa, nodata);
    EXPECT_EQ(words(observe(*source(config::RecordKind::srv))), "empty: NODATA ttl 20s");
    srv_is(nxdomain);
    EXPECT_EQ(words(observe(*source(config::RecordKind::srv))), "empty: NXDOMAIN ttl 5s");
}

TEST_F(Dns, SrvKeepsTheAddressOfATargetWhoseLookUpFails) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 20), srv("orders.local", 9002, "t2.local", 20)}});
    upstream.on("t1.local", RrType::a, Sections{.answer = {a("t1.local", "10.0.0.1", 20)}});
    upstream.on("t1.local", RrType::aaaa, nodata);
    upstream.on("t2.local", RrType::a, Sections{.answer = {a("t2.local", "10.0.0.2", 20)}});
    upstream.on("t2.local", RrType::aaaa, nodata);
    const auto dns = source(config::RecordKind::srv);
    observe(*dns);
    now += 20s;
    upstream.on("t2.local", RrType::a, servfail);
    EXPECT_EQ(words(observe(*dns)), "SRV fresh 10.0.0.1:9001 10.0.0.2:9002 ttl 800ms");
}

TEST_F(Dns, SrvFailsWhenItOrAllItsTargetsFail) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 20)}});
    upstream.on("t1.local", RrType::a, servfail);
    upstream.on("t1.local", RrType::aaaa, nodata);
    EXPECT_THAT(words(observe(*source(config::RecordKind::srv))), HasSubstr("failed: SERVFAIL"));

    upstream.on("t1.local", RrType::a, Sections{.answer = {a("t1.local", "10.0.0.1", 20)}});
    const auto dns = source(config::RecordKind::srv);
    observe(*dns);
    now += 20s;
    srv_is(servfail);
    EXPECT_THAT(words(observe(*dns)), HasSubstr("failed: SERVFAIL"));
}

TEST_F(Dns, SrvForgetsTargetsThatAreGone) {
    srv_is({.answer = {srv("orders.local", 9001, "t1.local", 20)}});
    upstream.on("t1.local", RrType::a, Sections{.answer = {a("t1.local", "10.0.0.1", 5)}});
    upstream.on("t1.local", RrType::aaaa, nodata);
    const auto dns = source(config::RecordKind::srv);
    EXPECT_EQ(words(observe(*dns)), "SRV fresh 10.0.0.1:9001 ttl 5s");
    now += 20s;
    srv_is({.answer = {srv("orders.local", 9001, "t9.local", 20)}, .additional = {a("t9.local", "10.0.0.9", 20)}});
    EXPECT_EQ(words(observe(*dns)), "SRV fresh 10.0.0.9:9001 ttl 20s");  // t1's 5 s count no more
    EXPECT_EQ(asked(RrType::a, "t1.local"), 1U);
}

TEST_F(Dns, SrvAsksForNoMoreThanAThousandTargetsAndAFewAtATime) {
    Sections many;
    for (int i = 0; i < 1100; ++i) {  // 1,100 x 37 octets or so: over TCP
        many.answer.push_back(srv("orders.local", 9001, "t" + std::to_string(i) + ".local", 20));
    }
    upstream.on("orders.local", RrType::srv, Reply{.sections = many, .truncated_on_udp = true});
    upstream.otherwise(Reply{.sections = nxdomain});
    EXPECT_EQ(words(observe(*source(config::RecordKind::srv))), "empty: NODATA ttl 5s");
    EXPECT_EQ(upstream.seen().size(), 2U + 2 * 1000);
    EXPECT_LE(upstream.most_at_once(), 16U);
}

}  // namespace
}  // namespace taskdns::discovery
