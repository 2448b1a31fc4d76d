// Which backups a client's getaddrinfo leaves behind the first: rule by rule, then against simulated sorts.
#include <random>

#include <gtest/gtest.h>

#include "view/destination_order.hpp"
#include "view_client_sorts.hpp"

namespace taskdns::view {
namespace {

struct Row {
    const char* name;
    const char* backup;
    const char* backup_source;  // with prefix length; empty: no route
    const char* first;
    const char* first_source;
    bool stays;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

Destination destination(const char* address, const std::string& source) {
    Destination out{*IpAddress::parse(address), {}};
    if (const auto slash = source.find('/'); slash != std::string::npos) {
        out.source.address = IpAddress::parse(source.substr(0, slash));
        out.source.prefix_length = static_cast<unsigned>(std::stoul(source.substr(slash + 1)));
    }
    return out;
}

bool stays_behind(const Destination& backup, const Destination& first) {
    return sort_keys(first).hold_back(sort_keys(backup));
}

class StaysBehind : public testing::TestWithParam<Row> {};

TEST_P(StaysBehind, ByGlibcAndMusl) {
    const Row& row = GetParam();
    const Destination backup = destination(row.backup, row.backup_source);
    const Destination first = destination(row.first, row.first_source);
    EXPECT_EQ(stays_behind(backup, first), row.stays);
    EXPECT_TRUE(stays_behind(first, first));
    const bool by_simulation =
        client_sorts::compare_glibc(backup, first) >= 0 && client_sorts::compare_musl(backup, first) >= 0;
    EXPECT_EQ(by_simulation, row.stays);
}

/// musl's look-up returns before it sorts when all it has are IPv4 addresses.
TEST(StaysBehindWithoutIpv6, IsUpToGlibcAlone) {
    Destination near = destination("10.0.2.10", "10.0.1.5/24");   // 22 bits in common, another subnet
    Destination far = destination("10.0.128.10", "10.0.1.5/24");  // 16 bits
    EXPECT_FALSE(stays_behind(near, far));
    near.without_v6 = far.without_v6 = true;
    EXPECT_TRUE(stays_behind(near, far));
    Destination own = destination("10.0.1.10", "10.0.1.5/24");  // in the subnet: glibc puts it first
    own.without_v6 = true;
    EXPECT_FALSE(stays_behind(own, near));
}

const Row rows[] = {
    {"EqualKeepTheirOrder", "10.0.2.1", "10.0.1.5/24", "10.0.2.2", "10.0.1.5/24", true},
    {"Rule1RouteBeforeNone", "10.0.1.1", "10.0.1.5/24", "10.0.2.1", "", false},
    {"Rule1NoneBehindRoute", "10.0.2.1", "", "10.0.1.1", "10.0.1.5/24", true},
    {"Rule1BothWithout", "10.0.1.1", "", "172.16.0.1", "", true},
    {"Rule2ScopesThatMatch", "fd00::1", "fd00::5/64", "2600::1", "fe80::5/64", false},
    {"Rule2Behind", "2600::1", "fe80::5/64", "fd00::1", "fd00::5/64", true},
    {"Rule5LabelsThatMatch", "fd00::1", "fd00::5/64", "2600::1", "fd00::5/64", false},
    {"Rule5Behind", "2600::1", "fd00::5/64", "fd00::1", "fd00::5/64", true},
    {"Rule6PrecedenceOfUniqueLocalByMuslOnly", "2600::1", "2600::5/64", "fd00::1", "fd00::5/64", false},
    {"Rule6Behind", "fd00::1", "fd00::5/128", "2600::1", "2600::5/64", true},
    {"Rule6SixToFour", "2600::1", "2600::5/64", "2002::1", "2002::5/64", false},
    {"Rule8SmallerScope", "fe80::1", "fe80::5/64", "2600::1", "2600::5/64", false},
    {"Rule8LinkLocalIpv4ByGlibcOnly", "169.254.1.1", "169.254.1.5/16", "10.0.1.4", "10.0.1.4/24", false},
    {"Rule8NotByMusl", "10.0.1.4", "10.0.1.4/24", "169.254.1.1", "169.254.1.5/16", false},
    {"Rule9LongerPrefixInTheSubnet", "10.0.1.4", "10.0.1.5/24", "10.0.1.9", "10.0.1.5/24", false},
    {"Rule9ShorterPrefixInTheSubnet", "10.0.1.9", "10.0.1.5/24", "10.0.1.4", "10.0.1.5/24", true},
    {"Rule9OutsideTheSubnetByMuslOnly", "10.0.2.1", "10.0.1.5/24", "10.0.4.1", "10.0.1.5/24", false},
    {"Rule9OutsideTheSubnetBehind", "10.0.4.1", "10.0.1.5/24", "10.0.2.1", "10.0.1.5/24", true},
    {"Rule9SubnetBeforeOthers", "10.0.1.9", "10.0.1.5/24", "10.0.2.1", "10.0.1.5/24", false},
    {"Rule9ItselfFirst", "10.0.1.5", "10.0.1.5/24", "10.0.1.4", "10.0.1.5/24", false},
    {"Rule9Ipv6", "fd00::4", "fd00::5/64", "fd00::9", "fd00::5/64", false},
    {"Rule9Ipv6OtherSubnets", "fd00:0:0:2::1", "fd00:0:0:1::5/64", "fd00:0:0:4::1", "fd00:0:0:1::5/64", false},
    {"Rule9Ipv6Behind", "fd00:0:0:4::1", "fd00:0:0:1::5/64", "fd00:0:0:2::1", "fd00:0:0:1::5/64", true},
};

INSTANTIATE_TEST_SUITE_P(Rules, StaysBehind, testing::ValuesIn(rows),
                         [](const auto& instance) { return instance.param.name; });

/// Addresses of every row of the policy tables, near each other and far.
IpAddress any_address(std::mt19937& random, bool v4) {
    static const std::vector<std::vector<std::string>> prefixes{
        {"10.0.1.", "10.0.1.", "10.0.2.", "10.1.0.", "172.16.0.", "127.0.0.", "169.254.1."},
        {"::", "::ffff:10.0.1.", "2002::", "2001::", "2001:db8::", "fec0::", "fd00::", "fd00::1:", "fc00::", "fe80::",
         "2600:0:0:1::", "2600:0:0:2::", "3ffe::", "ff05::", "ff0e::"}};
    const auto& of_family = prefixes[v4 ? 0 : 1];
    const std::string& prefix = of_family[random() % of_family.size()];
    const bool decimal = v4 || prefix.ends_with('.');
    return *IpAddress::parse(prefix + std::to_string(decimal ? 1 + random() % 200 : 1 + random() % 9));
}

TEST(SortKeys, AgreeWithTheSimulatedSortsOnAnyTwoAddresses) {
    std::mt19937 random(20);
    for (int i = 0; i < 6'000; ++i) {
        const bool v4 = i % 2 == 0;
        const auto any = [&] {
            Destination out{any_address(random, v4), {}};
            if (random() % 8 != 0)
                out.source = {any_address(random, v4), 16 + 8 * (static_cast<unsigned>(random()) % 3)};
            return out;
        };
        const Destination a = any();
        const Destination b = any();
        const SortKeys a_keys = sort_keys(a);
        const SortKeys b_keys = sort_keys(b);
        const std::string pair = a.address.to_string() + " " + b.address.to_string();
        const auto sign = [](int value) { return (value > 0) - (value < 0); };
        ASSERT_EQ(sign(client_sorts::compare_glibc(a, b)),
                  (b_keys.glibc > a_keys.glibc) - (b_keys.glibc < a_keys.glibc))
            << pair;
        ASSERT_EQ(sign(client_sorts::compare_musl(a, b)), (b_keys.musl > a_keys.musl) - (b_keys.musl < a_keys.musl))
            << pair;
    }
}

// Go has a table of its own, which agrees with one of the others on all that a task has: not ::/96, 3ffe::/16,
// fec0::/10.
TEST(StaysBehind, IsEnoughForGoToo) {
    std::mt19937 random(21);
    const std::vector<std::string> networks{
        "10.0.1.", "10.0.2.", "172.16.0.", "fd00::", "fd00::1:", "2600:0:0:1::", "2600:0:0:2::", "2001:db8::"};
    for (int i = 0; i < 6'000; ++i) {
        const bool v4 = i % 2 == 0;
        const auto any = [&] {
            const std::size_t network = v4 ? random() % 3 : 3 + random() % 5;
            return *IpAddress::parse(networks[network] + std::to_string(1 + random() % 200));
        };
        const Destination a{any(), {any(), v4 ? 24U : 64U}};
        const Destination b{any(), {any(), v4 ? 24U : 64U}};
        if (stays_behind(b, a)) {
            ASSERT_GE(client_sorts::compare_go(b, a), 0) << a.address.to_string() << " " << b.address.to_string();
        }
    }
}

}  // namespace
}  // namespace taskdns::view
