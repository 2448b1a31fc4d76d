// Two families as one observation; which addresses can be endpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/combine.hpp"

namespace taskdns::discovery {
namespace {

using namespace std::chrono_literals;

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
Sighting at(const char* address, std::uint16_t priority = 1, std::uint16_t weight = 1) {
    return {SocketAddress::parse(address).value(), priority, weight};
}

const std::vector<Sighting> some{at("10.0.0.1:80")};

Part records(bool fresh = true) {
    return {.rrset = {.sightings = some, .fresh = fresh, .answered = fresh}, .known = true};
}
Part nodata() { return {.rrset = {}, .known = true}; }
Part nxdomain() { return {.rrset = {}, .known = true, .nxdomain = true}; }
Part fails() { return {.rrset = {}, .failure = "timeout"}; }
Part fails_after_records() { return {.rrset = {.sightings = some}, .known = true, .failure = "timeout"}; }
Part fails_after_nodata() { return {.rrset = {}, .known = true, .failure = "timeout"}; }

/// An observation in a few words: what each rrset shows ("2 fresh" sightings), or why there is none.
std::string words(const Observation& observation) {
    if (const auto* failed = std::get_if<Failed>(&observation)) return "failed: " + failed->reason;
    if (const auto* empty = std::get_if<Empty>(&observation)) return "empty: " + empty->reason;
    std::string out;
    for (const Rrset& rrset : std::get<Records>(observation).rrsets) {
        out += (out.empty() ? "" : ", ") + std::to_string(rrset.sightings.size()) +
               (rrset.fresh ? " fresh" : " repeated");
        EXPECT_EQ(rrset.answered, rrset.fresh);
    }
    return out;
}

struct CombineCase {
    const char* name;
    std::vector<Part> parts;
    const char* observation;
};
void PrintTo(const CombineCase& c, std::ostream* out) { *out << c.name; }

class Combine : public testing::TestWithParam<CombineCase> {};

TEST_P(Combine, Makes) { EXPECT_EQ(words(combine(GetParam().parts, 7s)), GetParam().observation); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Discovery, Combine,
    testing::Values(
        CombineCase{"BothFamilies",             {records(), records()},                "1 fresh, 1 fresh"},
        CombineCase{"OneRepeated",              {records(false), records()},           "1 repeated, 1 fresh"},
        CombineCase{"NodataBesideRecords",      {records(), nodata()},                 "1 fresh, 0 fresh"},
        CombineCase{"NxdomainBesideRecords",    {records(), nxdomain()},               "1 fresh, 0 fresh"},
        CombineCase{"FailureKeepsTheLast",      {records(), fails_after_records()},    "1 fresh, 1 repeated"},
        CombineCase{"FailureThatKnowsNothing",  {fails(), records()},                  "1 fresh"},
        CombineCase{"FailureAfterNodata",       {records(), fails_after_nodata()},     "1 fresh, 0 repeated"},
        CombineCase{"BothEmpty",                {nodata(), nodata()},                  "empty: NODATA"},
        CombineCase{"BothNxdomain",             {nxdomain(), nxdomain()},              "empty: NXDOMAIN"},
        CombineCase{"OneOfEach",                {nxdomain(), nodata()},                "empty: NODATA"},
        CombineCase{"OneAlone",                 {nxdomain()},                          "empty: NXDOMAIN"},
        CombineCase{"BothFail",                 {fails(), fails()},                    "failed: timeout"},
        CombineCase{"BothFailAfterRecords",     {fails_after_records(), fails_after_records()}, "failed: timeout"},
        CombineCase{"FailureBesideNodata",      {fails(), nodata()},                   "failed: timeout"},
        CombineCase{"NodataBesideFailure",      {nodata(), fails_after_records()},     "failed: timeout"},
        CombineCase{"NxdomainBesideFailedNodata", {nxdomain(), fails_after_nodata()},  "failed: timeout"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(CombineTtl, IsPassedOn) {
    EXPECT_EQ(std::get<Records>(combine({records()}, 7s)).ttl, 7s);
    EXPECT_EQ(std::get<Empty>(combine({nodata()}, 7s)).ttl, 7s);
}

TEST(CanBeEndpoint, IsWhatATaskCanHave) {
    for (const char* yes : {"1.0.0.0",
                            "10.0.0.1",
                            "100.64.0.1",
                            "127.0.0.1",
                            "169.254.1.1",
                            "169.254.168.255",
                            "169.254.171.0",
                            "169.254.172.2",
                            "223.255.255.255",
                            "240.0.0.1",
                            "255.255.255.254",
                            "::1",
                            "::2",
                            "fd00::1",
                            "fd00:ec2:0:1::",
                            "fd00:ec2:80::1",
                            "fd00:ec1:ffff:ffff:ffff:ffff:ffff:ffff",
                            "fec0::1",
                            "2001:db8::1",
                            "64:ff9b:1::1",
                            "64:ff9b::10.0.1.10",
                            "::fffe:a9fe:a9fe"}) {
        EXPECT_TRUE(can_be_endpoint(ip(yes))) << yes;
    }
    for (const char* no : {"0.0.0.0",
                           "0.255.255.255",
                           "169.254.169.0",
                           "169.254.169.123",
                           "169.254.169.253",
                           "169.254.169.254",
                           "169.254.169.255",
                           "169.254.170.2",
                           "169.254.170.23",
                           "224.0.0.1",
                           "239.255.255.255",
                           "255.255.255.255",
                           "::",
                           "::ffff:169.254.169.254",
                           "::ffff:10.0.0.1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b::0.0.0.1",
                           "64:ff9b::224.0.0.1",
                           "fd00:ec2::",
                           "fd00:ec2::23",
                           "fd00:ec2::123",
                           "fd00:ec2::253",
                           "fd00:ec2::254",
                           "ff02::1",
                           "ffff::",
                           "fe80::1",
                           "febf::1"}) {
        EXPECT_FALSE(can_be_endpoint(ip(no))) << no;
    }
}

TEST(SortAndDeduplicate, KeepsTheMostPreferredOfEach) {
    std::vector<Sighting> sightings{at("10.0.0.2:80"),       at("10.0.0.1:81"),       at("10.0.0.1:80", 2, 9),
                                    at("10.0.0.1:80", 1, 1), at("10.0.0.1:80", 1, 5), at("10.0.0.2:80")};
    sort_and_deduplicate(sightings);
    EXPECT_THAT(sightings, testing::ElementsAre(at("10.0.0.1:80", 1, 5), at("10.0.0.1:81"), at("10.0.0.2:80")));
}

}  // namespace
}  // namespace taskdns::discovery
