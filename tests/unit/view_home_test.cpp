// Our own zone: by the map, by the metadata, by our subnet alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/decision.hpp"
#include "view/home.hpp"

namespace taskdns::view {
namespace {

struct HomeCase {
    const char* name;
    std::vector<std::pair<const char*, const char*>> map;
    const char* zone_id;
    const char* zone_name;
    std::vector<const char*> subnets;
    std::vector<std::pair<const char*, const char*>> zones;  // of addresses
    const char* own;                                         // of an address that no network holds
};

void PrintTo(const HomeCase& c, std::ostream* out) { *out << c.name; }

class JoinHome : public testing::TestWithParam<HomeCase> {};

TEST_P(JoinHome, SaysWhichZoneAnAddressIsIn) {
    const HomeCase& c = GetParam();
    config::Zone configured{.prefer = true, .map = {}};
    for (const auto& [network, zone] : c.map) configured.map.push_back({Network::parse(network).value(), zone});
    Home home{c.zone_id, c.zone_name, {}};
    for (const char* subnet : c.subnets) home.subnets.push_back(Network::parse(subnet).value());
    const HomeZones joined = join_home(configured, home);
    EXPECT_TRUE(joined.zone.prefer);
    for (const auto& [address, zone] : c.zones) {
        EXPECT_EQ(find_zone(IpAddress::parse(address).value(), joined.zone), zone) << address;
    }
    EXPECT_EQ(joined.own, c.own);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Homes, JoinHome,
    testing::Values(
        HomeCase{"NothingIsKnown", {}, "", "", {}, {{"10.0.1.5", ""}}, ""},
        HomeCase{"TheSubnetByTheZonesId", {}, "use1-az1", "us-east-1a", {"10.0.1.0/24"}, {{"10.0.1.5", "use1-az1"}, {"10.0.2.5", ""}}, "use1-az1"},
        HomeCase{"TheSubnetByTheZonesName", {}, "", "us-east-1a", {"10.0.1.0/24"}, {{"10.0.1.5", "us-east-1a"}}, "us-east-1a"},
        HomeCase{"TheSubnetByItself", {}, "", "", {"10.0.1.0/24"}, {{"10.0.1.5", "10.0.1.0/24"}, {"10.0.2.5", ""}}, "10.0.1.0/24"},
        HomeCase{"BothFamiliesAreOneZone", {}, "use1-az1", "", {"10.0.1.0/24", "fd00:1::/64"}, {{"10.0.1.5", "use1-az1"}, {"fd00:1::5", "use1-az1"}}, "use1-az1"},
        HomeCase{"BothFamiliesAreOneZoneThatTheMapNames", {{"fd00:1::/64", "a"}}, "use1-az1", "", {"10.0.1.0/24", "fd00:1::/64"}, {{"10.0.1.5", "a"}, {"fd00:1::5", "a"}}, "a"},
        HomeCase{"TheMapCallsItOtherwise", {{"10.0.1.0/24", "a"}, {"10.0.2.0/24", "b"}}, "use1-az1", "", {"10.0.1.0/24"}, {{"10.0.1.5", "a"}, {"10.0.2.5", "b"}}, "a"},
        HomeCase{"TheMapHoldsItInAWiderNetwork", {{"10.0.0.0/16", "a"}}, "use1-az1", "", {"10.0.1.0/24"}, {{"10.0.1.5", "a"}, {"10.0.2.5", "a"}}, "a"},
        HomeCase{"TheMapDividesOurSubnet", {{"10.0.1.128/25", "b"}}, "use1-az1", "", {"10.0.1.0/24"}, {{"10.0.1.5", "use1-az1"}, {"10.0.1.200", "b"}}, "use1-az1"},
        HomeCase{"TheMapKnowsOnlyTheOthersOfOurZone", {{"10.0.2.0/24", "use1-az1"}, {"10.0.3.0/24", "use1-az2"}}, "use1-az1", "", {"10.0.1.0/24"}, {{"10.0.1.5", "use1-az1"}, {"10.0.2.5", "use1-az1"}, {"10.0.3.5", "use1-az2"}}, "use1-az1"},
        HomeCase{"TheMapIsByName", {{"10.0.2.0/24", "us-east-1a"}}, "use1-az1", "us-east-1a", {"10.0.1.0/24"}, {{"10.0.1.5", "us-east-1a"}, {"10.0.2.5", "us-east-1a"}}, "us-east-1a"},
        HomeCase{"BridgeModeWithAMapById", {{"10.0.2.0/24", "use1-az1"}}, "use1-az1", "us-east-1a", {}, {{"172.17.0.3", ""}}, "use1-az1"},
        HomeCase{"BridgeModeWithAMapByName", {{"10.0.2.0/24", "us-east-1a"}}, "", "us-east-1a", {}, {}, "us-east-1a"},
        HomeCase{"BridgeModeAndOurZoneIsNotInTheMap", {{"10.0.2.0/24", "use1-az2"}}, "use1-az1", "us-east-1a", {}, {}, ""},
        HomeCase{"BridgeModeWithoutAMap", {}, "use1-az1", "us-east-1a", {}, {}, ""}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::view
