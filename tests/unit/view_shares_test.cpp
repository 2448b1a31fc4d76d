// Who of the served comes first and how often: SRV priority and weight, slow start, zone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/shares.hpp"

namespace taskdns::view {
namespace {

using namespace std::chrono_literals;
using testing::DoubleNear;
using testing::ElementsAre;

constexpr TimePoint start{std::chrono::hours(1)};

/// A candidate, and whether it is served.
struct Endpoint {
    Candidate candidate;
    bool served = true;
};

Endpoint endpoint(const std::string& address, std::uint16_t priority = 1, std::uint16_t weight = 1) {
    Endpoint out;
    out.candidate.member.address = *SocketAddress::parse(address + ":80");
    out.candidate.member.priority = priority;
    out.candidate.member.weight = weight;
    out.candidate.member.first_seen = start;
    out.candidate.verdict.status = health::Status::healthy;
    out.candidate.verdict.since = start;
    return out;
}

/// What share_turns() makes of a decision that stands on `rung`.
Decision shared(const std::vector<Endpoint>& endpoints, const config::Service& service,
                const Circumstances& circumstances, Rung rung = Rung::healthy) {
    Decision decision;
    decision.rung = rung;
    std::vector<Candidate> candidates;
    for (const auto& [candidate, served] : endpoints) {
        candidates.push_back(candidate);
        decision.endpoints.push_back({.address = candidate.member.address,
                                      .priority = candidate.member.priority,
                                      .record_weight = candidate.member.weight,
                                      .standing = candidate.verdict.standing(),
                                      .served = served});
    }
    share_turns(decision, candidates, service, circumstances);
    return decision;
}

Circumstances at(TimePoint now) { return {membership::Basis::complete, start, "", now}; }

std::string firsts(const Decision& decision) {
    std::string out;
    for (const EndpointDecision& each : decision.endpoints) out += each.first ? 'x' : '.';
    return out;
}

std::vector<double> weights(const Decision& decision) {
    std::vector<double> out;
    for (const EndpointDecision& each : decision.endpoints) out.push_back(each.weight);
    return out;
}

// --- priority and weight ---

struct PriorityRow {
    const char* name;
    std::vector<int> priorities;
    std::string states;  // '+' passes; 'f' fails and is served; '-' is not served
    std::string firsts;
};

void PrintTo(const PriorityRow& row, std::ostream* out) { *out << row.name; }

class Priority : public testing::TestWithParam<PriorityRow> {};

TEST_P(Priority, SaysWhoComesFirst) {
    const PriorityRow& row = GetParam();
    std::vector<Endpoint> endpoints;
    for (std::size_t i = 0; i < row.priorities.size(); ++i) {
        const auto priority = static_cast<std::uint16_t>(row.priorities[i]);
        Endpoint& each = endpoints.emplace_back(endpoint("10.0.0." + std::to_string(i + 1), priority));
        each.served = row.states[i] != '-';
        if (row.states[i] == 'f') each.candidate.verdict.status = health::Status::unhealthy;
    }
    EXPECT_EQ(firsts(shared(endpoints, {}, at(start))), row.firsts);
}

const PriorityRow priority_rows[] = {
    {"TheLowestNumberThatIsServed", {10, 20, 10, 5}, "+++-", "x.x."},
    {"PrimariesInPanicAreNoReasonToSkipTheSecondaries", {10, 10, 20, 30}, "ff++", "..x."},
    {"SecondariesInPanicTakeTheirTurn", {10, 20, 20, 10}, "f+f-", ".xx."},
    {"PrimariesInPanicTakeTheirTurn", {10, 10, 20, 20}, "f++f", "xx.."},
    {"WhereAllFailTheLowestNumber", {10, 10, 20, 5}, "fff-", "xx.."},
    {"TheHighestNumberOfAll", {65535, 65535}, "++", "xx"},
};

INSTANTIATE_TEST_SUITE_P(ShareTurns, Priority, testing::ValuesIn(priority_rows),
                         [](const auto& instance) { return instance.param.name; });

TEST(ShareTurns, TheWeightCountsForOrderWeightedOnly) {
    for (const config::Order order : {config::Order::round_robin, config::Order::random, config::Order::weighted}) {
        config::Service service;
        service.answer.order = order;
        const Decision decision =
            shared({endpoint("10.0.0.1", 1, 0), endpoint("10.0.0.2", 1, 65535)}, service, at(start));
        if (order == config::Order::weighted) {
            EXPECT_THAT(weights(decision), ElementsAre(0, 65535));
        } else {
            EXPECT_THAT(weights(decision), ElementsAre(1, 1));
        }
        EXPECT_EQ(decision.next_change, never);
    }
}

TEST(ShareTurns, TheBalanceCountsForOrderLeastConnectionsOnly) {
    Endpoint busy = endpoint("10.0.0.2", 1, 65535);
    busy.candidate.balance = 0.02;
    for (const config::Order order : {config::Order::round_robin, config::Order::random, config::Order::weighted,
                                      config::Order::least_connections}) {
        config::Service service;
        service.answer.order = order;
        const double weight = shared({endpoint("10.0.0.1"), busy}, service, at(start)).endpoints[1].weight;
        EXPECT_EQ(weight == 0.02, order == config::Order::least_connections) << static_cast<int>(order);
    }
}

// --- slow start ---

config::Service slow_service(milliseconds slow_start) {
    config::Service service;
    service.slow_start = slow_start;
    return service;
}

struct SlowRow {
    const char* name;
    milliseconds slow_start;
    milliseconds elapsed;
    double weight;
    milliseconds next;  // after `elapsed`; 0: never
};

void PrintTo(const SlowRow& row, std::ostream* out) { *out << row.name; }

class SlowStart : public testing::TestWithParam<SlowRow> {};

TEST_P(SlowStart, GrowsFromATenthByTheClock) {
    const SlowRow& row = GetParam();
    Endpoint recovered = endpoint("10.0.0.1");
    recovered.candidate.verdict.recovered = true;
    const Decision decision = shared({recovered}, slow_service(row.slow_start), at(start + row.elapsed));
    EXPECT_THAT(decision.endpoints[0].weight, DoubleNear(row.weight, 0.005 + 1e-9));
    EXPECT_EQ(decision.next_change, row.next == 0ms ? never : start + row.elapsed + row.next);
}

const SlowRow slow_rows[] = {
    {"Off", 0ms, 0ms, 1, 0ms},
    {"BeginsWithATenth", 20s, 0ms, 0.1, 1s},
    {"StaysWithinOneStep", 20s, 999ms, 0.1, 1ms},
    {"OneStep", 20s, 1s, 0.145, 1s},
    {"HalfWay", 20s, 10s, 0.55, 1s},
    {"TheLastStep", 20s, 19s, 0.955, 1s},
    {"IsOver", 20s, 20s, 1, 0ms},
    {"ShortOnesHaveStepsOfATenthOfASecond", 500ms, 250ms, 0.46, 50ms},
};

INSTANTIATE_TEST_SUITE_P(ShareTurns, SlowStart, testing::ValuesIn(slow_rows),
                         [](const auto& instance) { return instance.param.name; });

TEST(SlowStart, IsRightWithinFivePointsAtAllTimes) {
    const config::Service service = slow_service(30s);
    Endpoint recovered = endpoint("10.0.0.1");
    recovered.candidate.verdict.recovered = true;
    recovered.candidate.verdict.since = start + 123ms;
    for (milliseconds elapsed = 0ms; elapsed < 30s; elapsed += 37ms) {
        const Decision decision = shared({recovered}, service, at(start + 123ms + elapsed));
        EXPECT_NEAR(decision.endpoints[0].weight, 0.1 + 0.9 * static_cast<double>(elapsed.count()) / 30'000,
                    0.05 + 1e-9);
        EXPECT_GT(decision.next_change, start + 123ms + elapsed);
    }
}

TEST(SlowStart, IsForThoseThatCameOrCameBackAndPass) {
    const auto weight = [](auto change, TimePoint newcomers_since = start) {
        Endpoint each = endpoint("10.0.0.1");
        change(each);
        Circumstances circumstances = at(start);
        circumstances.newcomers_since = newcomers_since;
        return shared({each}, slow_service(20s), circumstances).endpoints[0].weight;
    };
    EXPECT_EQ(weight([](Endpoint&) {}), 1) << "there since the first answer";
    EXPECT_EQ(weight([](Endpoint& each) { each.candidate.member.first_seen = start - 1h; }), 1);
    EXPECT_LT(weight([](Endpoint& each) { each.candidate.member.first_seen = start + 1ms; }), 1) << "new";
    EXPECT_EQ(weight([](Endpoint& each) { each.candidate.member.first_seen = start + 1ms; }, start + 1ms), 1);
    EXPECT_LT(weight([](Endpoint& each) { each.candidate.verdict.recovered = true; }), 1) << "recovered";
    EXPECT_EQ(weight([](Endpoint& each) { each.candidate.member.first_seen = start + 1ms; }, never), 1)
        << "nothing answered yet: from the snapshot";
    EXPECT_EQ(weight([](Endpoint& each) {
                  each.candidate.verdict.recovered = true;
                  each.candidate.verdict.status = health::Status::unhealthy;
              }),
              1);
    EXPECT_EQ(weight([](Endpoint& each) {
                  each.candidate.verdict.recovered = true;
                  each.served = false;
              }),
              1);
}

TEST(SlowStart, MultipliesTheSrvWeight) {
    config::Service service = slow_service(20s);
    service.answer.order = config::Order::weighted;
    Endpoint recovered = endpoint("10.0.0.1", 1, 50);
    recovered.candidate.verdict.recovered = true;
    EXPECT_THAT(weights(shared({recovered, endpoint("10.0.0.2", 1, 50)}, service, at(start))), ElementsAre(5, 50));
}

TEST(SlowStart, MultipliesTheBalance) {
    config::Service service = slow_service(20s);
    service.answer.order = config::Order::least_connections;
    Endpoint recovered = endpoint("10.0.0.1");
    recovered.candidate.verdict.recovered = true;
    recovered.candidate.balance = 0.5;
    EXPECT_THAT(weights(shared({recovered, endpoint("10.0.0.2")}, service, at(start))), ElementsAre(0.05, 1));
}

// --- zone ---

config::Service zoned_service() {
    config::Service service;
    service.zone.prefer = true;
    service.zone.map = {{*Network::parse("10.0.1.0/24"), "a"},
                        {*Network::parse("10.0.2.0/24"), "b"},
                        {*Network::parse("10.0.3.0/24"), "c"}};
    return service;
}

struct ZoneRow {
    const char* name;
    std::string zones;  // of each endpoint; '?' is known to no map; upper case: fails by doubtful evidence
    std::string own;
    std::string firsts;
    bool preferred;
};

void PrintTo(const ZoneRow& row, std::ostream* out) { *out << row.name; }

std::vector<Endpoint> in_zones(const std::string& zones) {
    std::vector<Endpoint> endpoints;
    for (std::size_t i = 0; i < zones.size(); ++i) {
        const char zone = static_cast<char>(std::tolower(zones[i]));
        const int subnet = zone == '?' ? 9 : zone - 'a' + 1;
        endpoints.push_back(endpoint("10.0." + std::to_string(subnet) + "." + std::to_string(i + 1)));
        if (zone != zones[i]) endpoints.back().candidate.verdict.status = health::Status::unhealthy;
    }
    return endpoints;
}

class ZonePreference : public testing::TestWithParam<ZoneRow> {};

TEST_P(ZonePreference, LetsTheOwnZoneComeFirst) {
    const ZoneRow& row = GetParam();
    Circumstances circumstances = at(start);
    circumstances.own_zone = row.own;
    const Decision decision = shared(in_zones(row.zones), zoned_service(), circumstances);
    EXPECT_EQ(firsts(decision), row.firsts);
    EXPECT_EQ(decision.zone_preferred, row.preferred);
}

const ZoneRow zone_rows[] = {
    {"EqualZones", "aaaabbbbcccc", "b", "....xxxx....", true},
    {"OwnZoneUnknown", "aabb", "", "xxxx", false},
    {"OwnZoneUnknownLikeThatOfSome", "??aa", "", "xxxx", false},
    {"NoneInTheOwnZone", "aabb", "c", "xxxx", false},
    {"OneAlone", "ab", "a", "xx", false},
    {"TwoAreEnough", "aab", "a", "xx.", true},
    {"ThreeOfElevenAreTooFew", "aaabbbbcccc", "a", "xxxxxxxxxxx", false},
    {"FourOfThirteen", "aaaabbbbbcccc", "a", "xxxx.........", true},
    {"OneBelowTheBoundary", std::string(82, 'a') + std::string(118, 'b'), "a", std::string(200, 'x'), false},
    {"OnTheBoundary", std::string(83, 'a') + std::string(117, 'b'), "a", std::string(83, 'x') + std::string(117, '.'),
     true},
    {"UnknownZonesAreOneZone", "aa??", "a", "xx..", true},
    {"UnknownZonesWithOthers", "aaabbb???", "a", "xxx......", true},
    {"OwnZoneOnly", "aaa", "a", "xxx", true},
    {"ThoseInPanicDoNotCountAsHealthy", "aAAAbbbb", "a", "xxxxxxxx", false},
    {"ThoseInPanicOfTheOwnZoneComeFirstToo", "aaAAbbBB", "a", "xxxx....", true},
};

INSTANTIATE_TEST_SUITE_P(ShareTurns, ZonePreference, testing::ValuesIn(zone_rows),
                         [](const auto& instance) { return instance.param.name; });

TEST(ZonePreference, IsOffByDefault) {
    Circumstances circumstances = at(start);
    circumstances.own_zone = "a";
    config::Service service = zoned_service();
    service.zone.prefer = false;
    EXPECT_EQ(firsts(shared(in_zones("aabb"), service, circumstances)), "xxxx");
}

TEST(ZonePreference, IsForTheHealthyOnly) {
    for (const Rung rung : {Rung::reserve, Rung::unverified, Rung::doubtful, Rung::all, Rung::last_healthy}) {
        Circumstances circumstances = at(start);
        circumstances.own_zone = "a";
        const Decision decision = shared(in_zones("aabb"), zoned_service(), circumstances, rung);
        EXPECT_EQ(firsts(decision), "xxxx") << to_string(rung);
    }
}

TEST(ZonePreference, StaysWithinTheLowestPriority) {
    std::vector<Endpoint> endpoints = in_zones("aabbaa");
    for (const std::size_t i : {4U, 5U}) endpoints[i].candidate.member.priority = 2;
    Circumstances circumstances = at(start);
    circumstances.own_zone = "a";
    EXPECT_EQ(firsts(shared(endpoints, zoned_service(), circumstances)), "xx....");
}

TEST(ZonePreference, CountsThoseThatComeFirstOnly) {
    std::vector<Endpoint> endpoints = in_zones("aabbbbbbbbb");  // 2 of 11 are too few, 2 of 4 are not
    for (std::size_t i = 4; i < 8; ++i) endpoints[i].candidate.member.priority = 2;
    for (std::size_t i = 8; i < 11; ++i) endpoints[i].served = false;
    Circumstances circumstances = at(start);
    circumstances.own_zone = "a";
    EXPECT_EQ(firsts(shared(endpoints, zoned_service(), circumstances)), "xx.........");
}

TEST(FindZone, TheLongestPrefixDecides) {
    config::Zone zone;
    zone.map = {{*Network::parse("10.0.0.0/8"), "wide"},
                {*Network::parse("10.0.1.0/24"), "narrow"},
                {*Network::parse("10.0.0.0/16"), "middle"},
                {*Network::parse("fd00::/8"), "six"}};
    EXPECT_EQ(find_zone(*IpAddress::parse("10.0.1.7"), zone), "narrow");
    EXPECT_EQ(find_zone(*IpAddress::parse("10.0.2.7"), zone), "middle");
    EXPECT_EQ(find_zone(*IpAddress::parse("10.1.0.1"), zone), "wide");
    EXPECT_EQ(find_zone(*IpAddress::parse("11.0.0.1"), zone), "");
    EXPECT_EQ(find_zone(*IpAddress::parse("fd00::1"), zone), "six");
}

}  // namespace
}  // namespace taskdns::view
