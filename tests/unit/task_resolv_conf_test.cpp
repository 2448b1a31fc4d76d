// resolv.conf: which lines name a name server, and whom to ask when the configuration says `auto`.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.hpp"
#include "task/resolv_conf.hpp"

namespace taskdns::task {
namespace {

using testing::ElementsAreArray;

std::vector<std::string> texts(const std::vector<SocketAddress>& addresses) {
    std::vector<std::string> out;
    for (const auto& address : addresses) out.push_back(address.to_string());
    return out;
}

std::vector<SocketAddress> addresses(const std::vector<std::string>& texts) {
    std::vector<SocketAddress> out;
    for (const auto& text : texts) out.push_back(SocketAddress::parse(text).value());
    return out;
}

struct ParseCase {
    const char* name;
    std::string text;
    std::vector<std::string> servers;
};

void PrintTo(const ParseCase& c, std::ostream* out) { *out << c.name; }

class ParseNameServers : public testing::TestWithParam<ParseCase> {};

TEST_P(ParseNameServers, FindsTheLinesThatLibcFinds) {
    EXPECT_THAT(texts(parse_name_servers(GetParam().text)), ElementsAreArray(GetParam().servers));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Lines, ParseNameServers,
    testing::Values(
        ParseCase{"Nothing", "", {}},
        ParseCase{"AnEcsTask", "search eu-west-1.compute.internal\nnameserver 10.0.0.2\n", {"10.0.0.2:53"}},
        ParseCase{"KeepsTheOrder", "nameserver 10.0.0.3\nnameserver 10.0.0.2\n", {"10.0.0.3:53", "10.0.0.2:53"}},
        ParseCase{"Ipv6", "nameserver fd00:ec2::253\n", {"[fd00:ec2::253]:53"}},
        ParseCase{"NoNewlineAtTheEnd", "nameserver 10.0.0.2", {"10.0.0.2:53"}},
        ParseCase{"TabsAndSpaces", "nameserver \t 10.0.0.2 \t\n", {"10.0.0.2:53"}},
        ParseCase{"CarriageReturns", "nameserver 10.0.0.2\r\nnameserver 10.0.0.3\r\n", {"10.0.0.2:53", "10.0.0.3:53"}},
        ParseCase{"TextBehindTheAddress", "nameserver 10.0.0.2 # the VPC\n", {"10.0.0.2:53"}},
        ParseCase{"CommentThatTouchesTheAddress", "nameserver 10.0.0.2#x\n", {"10.0.0.2:53"}},
        ParseCase{"Comments", "# nameserver 10.0.0.2\n;nameserver 10.0.0.3\n", {}},
        ParseCase{"KeywordNotAtTheStart", " nameserver 10.0.0.2\n", {}},
        ParseCase{"LongerKeyword", "nameservers 10.0.0.2\n", {}},
        ParseCase{"KeywordAlone", "nameserver\nnameserver \n", {}},
        ParseCase{"AddressTouchesTheKeyword", "nameserver10.0.0.2\n", {}},
        ParseCase{"AName", "nameserver dns.example\nnameserver 10.0.0.2\n", {"10.0.0.2:53"}},
        ParseCase{"AScopeIsNotKnownHere", "nameserver fe80::1%eth0\n", {}},
        ParseCase{"APortIsNotPossible", "nameserver 10.0.0.2:5353\n", {}},
        ParseCase{"OtherLines", "options ndots:5\nsortlist 10.0.0.0\n\nnameserver 10.0.0.2\n", {"10.0.0.2:53"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct UpstreamCase {
    const char* name;
    std::string text;
    std::vector<std::string> own_listeners;
    std::vector<std::string> servers;
};

void PrintTo(const UpstreamCase& c, std::ostream* out) { *out << c.name; }

bool everywhere(const SocketAddress& /*destination*/) { return true; }

class FindUpstreamServers : public testing::TestWithParam<UpstreamCase> {};

TEST_P(FindUpstreamServers, NeverNamesOurselves) {
    testing_support::TempDir dir;
    std::ofstream(dir / "resolv.conf") << GetParam().text;
    const auto found = find_upstream_servers(dir / "resolv.conf", addresses(GetParam().own_listeners), everywhere,
                                             dir / "of-resolved");
    EXPECT_THAT(texts(found), ElementsAreArray(GetParam().servers));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Files, FindUpstreamServers,
    testing::Values(
        UpstreamCase{"TakesTheFile", "nameserver 10.0.0.2\n", {"127.0.0.1:53"}, {"10.0.0.2:53"}},
        UpstreamCase{"EachOnce", "nameserver 10.0.0.2\nnameserver 10.0.0.2\n", {}, {"10.0.0.2:53"}},
        UpstreamCase{"PassesOverUs", "nameserver 127.0.0.1\nnameserver 10.0.0.2\n", {"127.0.0.1:53"}, {"10.0.0.2:53"}},
        UpstreamCase{"PassesOverUsOnIpv6", "nameserver ::1\nnameserver 10.0.0.2\n", {"127.0.0.1:53", "[::1]:53"}, {"10.0.0.2:53"}},
        UpstreamCase{"OnlyUs", "nameserver 127.0.0.1\n", {"127.0.0.1:53"}, {"169.254.169.253:53"}},
        UpstreamCase{"AnotherPortIsNotUs", "nameserver 127.0.0.1\n", {"127.0.0.1:5353"}, {"127.0.0.1:53"}},
        UpstreamCase{"AnotherLoopbackAddressIsNotUs", "nameserver 127.0.0.53\n", {"127.0.0.1:53"}, {"127.0.0.53:53"}},
        UpstreamCase{"AWildcardListenerHearsLoopback", "nameserver 127.0.0.1\n", {"0.0.0.0:53"}, {"169.254.169.253:53"}},
        UpstreamCase{"AWildcardListenerHearsOnlyItsFamily", "nameserver ::1\n", {"0.0.0.0:53"}, {"[::1]:53"}},
        UpstreamCase{"TheUnspecifiedAddressLeadsToLoopback", "nameserver 0.0.0.0\n", {"127.0.0.1:53"}, {"169.254.169.253:53"}},
        UpstreamCase{"NothingInIt", "search local\n", {"127.0.0.1:53"}, {"169.254.169.253:53"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct ResolvedCase {
    const char* name;
    std::string resolv_conf;
    std::string of_resolved;  ///< empty: there is no such file
    std::vector<std::string> servers;
};

void PrintTo(const ResolvedCase& c, std::ostream* out) { *out << c.name; }

class BehindResolved : public testing::TestWithParam<ResolvedCase> {};

TEST_P(BehindResolved, AreTheServersThatItAsks) {
    testing_support::TempDir dir;
    std::ofstream(dir / "resolv.conf") << GetParam().resolv_conf;
    if (!GetParam().of_resolved.empty()) std::ofstream(dir / "of-resolved") << GetParam().of_resolved;
    const auto found =
        find_upstream_servers(dir / "resolv.conf", addresses({"127.0.0.1:53"}), everywhere, dir / "of-resolved");
    EXPECT_THAT(texts(found), ElementsAreArray(GetParam().servers));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Files, BehindResolved,
    testing::Values(
        ResolvedCase{"NotItsStub", "nameserver 127.0.0.53\n", "nameserver 10.0.0.2\n", {"10.0.0.2:53"}},
        ResolvedCase{"NorItsOtherOne", "nameserver 127.0.0.54\n", "nameserver 10.0.0.2\n", {"10.0.0.2:53"}},
        ResolvedCase{"NorUs", "nameserver 127.0.0.53\n", "nameserver 127.0.0.1\nnameserver 10.0.0.2\n", {"10.0.0.2:53"}},
        ResolvedCase{"OnlyUs", "nameserver 127.0.0.53\n", "nameserver 127.0.0.1\n", {"169.254.169.253:53"}},
        ResolvedCase{"ItAsksNobody", "nameserver 127.0.0.53\n", "search local\n", {"127.0.0.53:53"}},
        ResolvedCase{"ItSaysNothing", "nameserver 127.0.0.53\n", "", {"127.0.0.53:53"}},
        ResolvedCase{"ItIsNotAsked", "nameserver 10.0.0.3\n", "nameserver 10.0.0.2\n", {"10.0.0.3:53"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

std::vector<std::string> without_file(const HasRoute& has_route) {
    return texts(find_upstream_servers("/nonexistent/resolv.conf", {}, has_route));
}

TEST(FindUpstreamServers, AsksTheVpcResolverWhenThereIsNoFile) {
    EXPECT_THAT(without_file(everywhere), testing::ElementsAre("169.254.169.253:53"));
}

TEST(FindUpstreamServers, AsksTheVpcResolverOverIpv6WhereOnlyThatHasARoute) {
    const HasRoute over_v6 = [](const SocketAddress& to) { return to.address.is_v6(); };
    EXPECT_THAT(without_file(over_v6), testing::ElementsAre("[fd00:ec2::253]:53"));
    const HasRoute nowhere = [](const SocketAddress&) { return false; };
    EXPECT_THAT(without_file(nowhere), testing::ElementsAre("169.254.169.253:53"));
}

TEST(KernelHasRoute, KnowsTheWayToLoopback) {
    EXPECT_TRUE(kernel_has_route(*SocketAddress::parse("127.0.0.1:53")));
    EXPECT_FALSE(kernel_has_route(*SocketAddress::parse("255.255.255.255:53")));  // not without SO_BROADCAST
}

}  // namespace
}  // namespace taskdns::task
