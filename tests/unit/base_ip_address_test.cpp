// Addresses, sockets' addresses and networks: text to value and back.
#include <gtest/gtest.h>

#include "base/ip_address.hpp"

namespace taskdns {
namespace {

struct SocketCase {
    const char* name;
    const char* text;
    const char* parsed;  // null: rejected
};

void PrintTo(const SocketCase& c, std::ostream* out) { *out << c.name; }

class ParseSocketAddress : public testing::TestWithParam<SocketCase> {};

TEST_P(ParseSocketAddress, GivesTheAddressOrNothing) {
    const auto address = SocketAddress::parse(GetParam().text, 53);
    if (GetParam().parsed == nullptr) {
        EXPECT_FALSE(address.has_value());
    } else {
        ASSERT_TRUE(address.has_value());
        EXPECT_EQ(address->to_string(), GetParam().parsed);
    }
}

INSTANTIATE_TEST_SUITE_P(Text, ParseSocketAddress,
                         testing::Values(SocketCase{"V4WithPort", "10.0.0.2:5353", "10.0.0.2:5353"},
                                         SocketCase{"V4WithoutPortTakesTheDefault", "10.0.0.2", "10.0.0.2:53"},
                                         SocketCase{"V6InBracketsWithPort", "[fd00::2]:5353", "[fd00::2]:5353"},
                                         SocketCase{"V6InBracketsWithoutPort", "[fd00::2]", "[fd00::2]:53"},
                                         SocketCase{"V6Bare", "fd00::2", "[fd00::2]:53"},
                                         SocketCase{"LargestPort", "10.0.0.2:65535", "10.0.0.2:65535"},
                                         SocketCase{"PortTooLarge", "10.0.0.2:65536", nullptr},
                                         SocketCase{"NoPort", "10.0.0.2:", nullptr},
                                         SocketCase{"NotAPort", "10.0.0.2:dns", nullptr},
                                         SocketCase{"V4InBrackets", "[10.0.0.2]:53", nullptr},
                                         SocketCase{"OpenBracket", "[fd00::2", nullptr},
                                         SocketCase{"TextAfterBracket", "[fd00::2]x", nullptr},
                                         SocketCase{"AName", "localhost:53", nullptr},
                                         SocketCase{"Nothing", "", nullptr}),
                         [](const auto& instance) { return instance.param.name; });

TEST(IpAddress, KnowsLoopbackAndUnspecified) {
    EXPECT_TRUE(IpAddress::parse("127.0.0.53")->is_loopback());
    EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
    EXPECT_FALSE(IpAddress::parse("10.0.0.1")->is_loopback());
    EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
    EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
    EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
}

TEST(IpAddress, RejectsWhatHidesBehindAZeroOctet) {
    EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0x", 10)).has_value());
}

TEST(IpAddress, SortsIpv4BeforeIpv6) { EXPECT_LT(*IpAddress::parse("255.255.255.255"), *IpAddress::parse("::")); }

TEST(Network, ContainsWhatItsPrefixCovers) {
    const auto network = *Network::parse("10.0.16.0/20");
    EXPECT_TRUE(network.contains(*IpAddress::parse("10.0.31.255")));
    EXPECT_FALSE(network.contains(*IpAddress::parse("10.0.32.0")));
    EXPECT_FALSE(network.contains(*IpAddress::parse("::1")));
    EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(*IpAddress::parse("192.0.2.1")));
    EXPECT_TRUE(Network::parse("fd00::/9")->contains(*IpAddress::parse("fd7f::1")));
    EXPECT_FALSE(Network::parse("fd00::/9")->contains(*IpAddress::parse("fd80::1")));
    EXPECT_EQ(Network::parse("10.0.0.7")->to_string(), "10.0.0.7/32");
}

TEST(Network, RejectsBitsBehindThePrefixAndPrefixesTooLong) {
    EXPECT_FALSE(Network::parse("10.0.0.1/24"));
    EXPECT_FALSE(Network::parse("10.0.0.0/33"));
    EXPECT_FALSE(Network::parse("fd00::/129"));
    EXPECT_FALSE(Network::parse("10.0.0.0/"));
}

}  // namespace
}  // namespace taskdns
