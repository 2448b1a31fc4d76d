// Which upstream servers are ourselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/own_listeners.hpp"

namespace taskdns::app {
namespace {

struct OwnCase {
    std::string name;
    std::vector<std::string> listeners;
    std::string server;
    bool is_own;
};
void PrintTo(const OwnCase& row, std::ostream* out) { *out << row.name; }

class OwnListener : public testing::TestWithParam<OwnCase> {};

TEST_P(OwnListener, IsFound) {
    const std::vector<IpAddress> local{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("192.0.2.2"),
                                       *IpAddress::parse("::1"), *IpAddress::parse("2001:db8::2")};
    std::vector<SocketAddress> listeners;
    for (const std::string& text : GetParam().listeners) listeners.push_back(*SocketAddress::parse(text, 53));
    config::Upstream upstream;
    upstream.servers = {*SocketAddress::parse("192.0.2.53", 53), *SocketAddress::parse(GetParam().server, 53)};
    upstream.places = {"f.yaml:1:1: upstream.servers[0]", "f.yaml:1:9: upstream.servers[1]"};
    const auto found = find_own_listener(upstream, heard_addresses(listeners, local));
    ASSERT_EQ(found.has_value(), GetParam().is_own);
    if (!found) return;
    EXPECT_EQ(found->code, Errc::invalid_config);
    EXPECT_EQ(found->message, "f.yaml:1:9: upstream.servers[1]: " + upstream.servers[1].to_string() +
                                  " is an address of this host that listen.dns hears: a loop (name the VPC resolver, "
                                  "or write auto)");
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(App, OwnListener, testing::Values(
    OwnCase{"Itself",                     {"127.0.0.1", "192.0.2.2"}, "192.0.2.2",      true},
    OwnCase{"AnAddressOfTheWildcard",     {"0.0.0.0"},                "192.0.2.2",      true},
    OwnCase{"LoopbackOfTheWildcard",      {"0.0.0.0"},                "127.0.0.1",      true},
    OwnCase{"AnyLoopbackOfTheWildcard",   {"0.0.0.0"},                "127.0.0.9",      true},
    OwnCase{"AnIpv6AddressOfTheWildcard", {"[::]"},                   "2001:db8::2",    true},
    OwnCase{"OtherFamilyOfTheWildcard",   {"[::]"},                   "192.0.2.2",      false},
    OwnCase{"OtherPortOfTheWildcard",     {"0.0.0.0:5353"},           "192.0.2.2",      false},
    OwnCase{"SamePortOfTheWildcard",      {"0.0.0.0:5353"},           "192.0.2.2:5353", true},
    OwnCase{"AnotherHost",                {"0.0.0.0", "[::]"},        "192.0.2.3",      false},
    OwnCase{"OnlyLoopbackIsHeard",        {"127.0.0.1"},              "192.0.2.2",      false}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(LocalAddresses, HaveLoopback) {
    EXPECT_THAT(local_addresses(), testing::Contains(*IpAddress::parse("127.0.0.1")));
}

}  // namespace
}  // namespace taskdns::app
