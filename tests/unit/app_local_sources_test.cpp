// What the kernel says of the way to loopback, which every machine has.
#include <gtest/gtest.h>

#include "app/local_sources.hpp"

namespace taskdns::app {
namespace {

TEST(LocalSources, AreTheAddressAndPrefixThatTheKernelWouldSendFrom) {
    LocalSources sources;
    const view::LocalSource source = sources.find(*IpAddress::parse("127.0.0.9"));
    EXPECT_EQ(source.address, IpAddress::parse("127.0.0.1"));
    EXPECT_EQ(source.prefix_length, 8U);
}

TEST(LocalSources, AreUnknownWhereThereIsNoWay) {
    LocalSources sources;
    EXPECT_EQ(sources.find(*IpAddress::parse("255.255.255.255")).address, std::nullopt);  // broadcast: not permitted
}

TEST(LocalSources, DoNotChangeByThemselves) {
    LocalSources sources;
    sources.find(*IpAddress::parse("127.0.0.9"));
    EXPECT_FALSE(sources.changed());
}

}  // namespace
}  // namespace taskdns::app
