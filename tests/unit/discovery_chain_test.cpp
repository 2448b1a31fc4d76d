// What one response says about one question: CNAME chains, owner names, TTLs, negative answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/chain.hpp"
#include "support/dns_reply.hpp"

namespace taskdns::discovery {
namespace {

using namespace std::chrono_literals;
using dns::Rcode;
using dns::RrType;
using testing_support::a;
using testing_support::aaaa;
using testing_support::cname;
using testing_support::question;
using testing_support::Sections;
using testing_support::soa;
using testing_support::srv;

dns::Response response(const Sections& sections) {
    return dns::parse_response(testing_support::write_response(1, question("orders.local"), sections)).value();
}

/// Records as text, for rows: addresses, or `port target` for SRV.
std::vector<std::string> texts(const std::vector<dns::Rdata>& records) {
    std::vector<std::string> out;
    for (const dns::Rdata& rdata : records) {
        if (const auto* address = std::get_if<IpAddress>(&rdata)) out.push_back(address->to_string());
        if (const auto* s = std::get_if<dns::Srv>(&rdata)) {
            out.push_back(std::to_string(s->port) + " " + s->target.to_string());
        }
    }
    return out;
}

struct FollowCase {
    const char* name;
    RrType type;
    Sections sections;
    std::vector<std::string> records;
    seconds ttl;
    bool nxdomain = false;
    bool leads_elsewhere = false;
    std::string end = "orders.local";  // the chain's last name
};
void PrintTo(const FollowCase& c, std::ostream* out) { *out << c.name; }

class Follow : public testing::TestWithParam<FollowCase> {};

TEST_P(Follow, Finds) {
    const FollowCase& c = GetParam();
    std::vector<dns::Name> chain{question("orders.local").name};
    const Result<Finding> finding = follow(response(c.sections), c.type, chain);
    ASSERT_TRUE(finding.has_value()) << finding.error().message;
    EXPECT_EQ(texts(finding->records), c.records);
    EXPECT_EQ(finding->nxdomain, c.nxdomain);
    EXPECT_EQ(finding->leads_elsewhere, c.leads_elsewhere);
    EXPECT_EQ(finding->ttl, c.ttl);
    EXPECT_EQ(chain.back().to_string(), c.end);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Discovery, Follow,
    testing::Values(
        FollowCase{"TheSmallestTtlOfTheRrset", RrType::a,
                   {.answer = {a("orders.local", "10.0.0.1", 30), a("orders.local", "10.0.0.2", 20)}}, {"10.0.0.1", "10.0.0.2"}, 20s},
        FollowCase{"OwnersInAnyCase", RrType::a, {.answer = {a("ORDERS.local", "10.0.0.1")}}, {"10.0.0.1"}, 60s},
        FollowCase{"NotAnothersRecords", RrType::a,
                   {.answer = {a("evil.local", "6.6.6.6", 1), a("orders.local", "10.0.0.1")}}, {"10.0.0.1"}, 60s},
        FollowCase{"OnlyAnothersRecords", RrType::a, {.answer = {a("evil.local", "6.6.6.6")}}, {}, 5s},
        FollowCase{"OnlyItsOwnFamily", RrType::aaaa,
                   {.answer = {a("orders.local", "10.0.0.1", 1), aaaa("orders.local", "fd00::1")}}, {"fd00::1"}, 60s},
        FollowCase{"Srv", RrType::srv, {.answer = {srv("orders.local", 8080, "t1.local", 7)}}, {"8080 t1.local"}, 7s},
        FollowCase{"ThroughACname", RrType::a,
                   {.answer = {cname("orders.local", "real.local", 40), a("real.local", "10.0.0.1", 50)}}, {"10.0.0.1"}, 40s, false, false, "real.local"},
        FollowCase{"ACnamesTtlMayBeLonger", RrType::a,
                   {.answer = {cname("orders.local", "real.local", 50), a("real.local", "10.0.0.1", 40)}}, {"10.0.0.1"}, 40s, false, false, "real.local"},
        FollowCase{"InAnyOrder", RrType::a,
                   {.answer = {a("c.local", "10.0.0.1"), cname("b.local", "c.local"), cname("orders.local", "b.local")}}, {"10.0.0.1"}, 60s, false, false, "c.local"},
        FollowCase{"NotBesideTheChain", RrType::a,
                   {.answer = {cname("orders.local", "real.local"), a("real.local", "10.0.0.1"), a("evil.local", "6.6.6.6")}}, {"10.0.0.1"}, 60s, false, false, "real.local"},
        FollowCase{"EightCnames", RrType::a,
                   {.answer = {cname("orders.local", "c1.local"), cname("c1.local", "c2.local"), cname("c2.local", "c3.local"), cname("c3.local", "c4.local"),
                               cname("c4.local", "c5.local"), cname("c5.local", "c6.local"), cname("c6.local", "c7.local"), cname("c7.local", "c8.local"),
                               a("c8.local", "10.0.0.1")}}, {"10.0.0.1"}, 60s, false, false, "c8.local"},
        FollowCase{"OutOfTheAnswer", RrType::a, {.answer = {cname("orders.local", "far.example", 9)}}, {}, 9s, false, true, "far.example"},
        FollowCase{"NodataBehindACname", RrType::a,
                   {.answer = {cname("orders.local", "real.local", 40)}, .authority = {soa("local", 900, 30)}}, {}, 30s, false, false, "real.local"},
        FollowCase{"NxdomainBehindACname", RrType::a,
                   {.rcode = Rcode::nxdomain, .answer = {cname("orders.local", "gone.local", 40)}}, {}, 5s, true, false, "gone.local"},
        FollowCase{"NodataBySoaMinimum", RrType::a, {.authority = {soa("local", 900, 300)}}, {}, 300s},
        FollowCase{"NodataBySoaTtl", RrType::a, {.authority = {soa("local", 15, 300)}}, {}, 15s},
        FollowCase{"NodataWithoutSoa", RrType::a, {}, {}, 5s},
        FollowCase{"Nxdomain", RrType::a, {.rcode = Rcode::nxdomain, .authority = {soa("local", 900, 900)}}, {}, 900s, true},
        FollowCase{"NxdomainWithoutSoa", RrType::a, {.rcode = Rcode::nxdomain}, {}, 5s, true},
        FollowCase{"TtlOf68YearsIsADay", RrType::a, {.answer = {a("orders.local", "10.0.0.1", 0x7FFFFFFF)}}, {"10.0.0.1"}, 86'400s},
        FollowCase{"TtlTopBit", RrType::a, {.answer = {a("orders.local", "10.0.0.1", 0x80000000)}}, {"10.0.0.1"}, 0s}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(FollowFails, OnALoop) {
    std::vector<dns::Name> chain{question("orders.local").name};
    const auto finding = follow(
        response({.answer = {cname("orders.local", "b.local"), cname("b.local", "orders.local")}}), RrType::a, chain);
    ASSERT_TRUE(finding.has_error());
    EXPECT_EQ(finding.error().message, "CNAME loop at orders.local");
}

TEST(FollowFails, OnACnameToItself) {
    std::vector<dns::Name> chain{question("orders.local").name};
    EXPECT_TRUE(follow(response({.answer = {cname("orders.local", "orders.local")}}), RrType::a, chain).has_error());
}

TEST(FollowFails, OnALoopThroughEarlierAnswers) {
    std::vector<dns::Name> chain{question("start.local").name, question("orders.local").name};
    EXPECT_TRUE(follow(response({.answer = {cname("orders.local", "start.local")}}), RrType::a, chain).has_error());
}

TEST(FollowFails, OnTheNinthCname) {
    std::vector<dns::Name> chain{question("c0.local").name};
    for (int i = 1; i < 9; ++i) chain.push_back(question("c" + std::to_string(i) + ".local").name);  // eight already
    EXPECT_TRUE(follow(response({.answer = {a("c8.local", "10.0.0.1")}}), RrType::a, chain).has_value());
    const auto ninth = follow(response({.answer = {cname("c8.local", "c9.local")}}), RrType::a, chain);
    ASSERT_TRUE(ninth.has_error());
    EXPECT_EQ(ninth.error().message, "more than 8 CNAMEs from c0.local");
}

}  // namespace
}  // namespace taskdns::discovery
