// The source `static`, and which source a service gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/dns_source.hpp"
#include "discovery/static_source.hpp"
#include "support/run_coroutine.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::discovery {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

SocketAddress at(const char* text) { return SocketAddress::parse(text).value(); }

config::Service service(std::vector<SocketAddress> addresses) {
    config::Service out;
    out.source = config::SourceKind::fixed;
    out.port = 8080;
    out.addresses = std::move(addresses);
    return out;
}

TEST(StaticSource, ShowsItsAddressesByFamilyEachTime) {
    asio::io_context io;
    const config::Service fixed = service({at("10.0.0.2"), at("10.0.0.1:9090"), at("fd00::1"), at("10.0.0.2:8080")});
    StaticSource source(fixed);
    for (int i = 0; i < 2; ++i) {
        const auto observation = testing_support::run(io, source.observe());
        const auto* records = std::get_if<Records>(&observation);
        ASSERT_NE(records, nullptr);
        EXPECT_EQ(records->ttl, 30s);  // poll.max
        ASSERT_EQ(records->rrsets.size(), 2U);
        const Rrset& v4 = records->rrsets[0];
        const Rrset& v6 = records->rrsets[1];
        EXPECT_EQ(v4.type, dns::RrType::a);
        EXPECT_THAT(v4.sightings, ElementsAre(Sighting{at("10.0.0.1:9090")}, Sighting{at("10.0.0.2:8080")}));
        EXPECT_EQ(v6.type, dns::RrType::aaaa);
        EXPECT_THAT(v6.sightings, ElementsAre(Sighting{at("[fd00::1]:8080")}));
        for (const Rrset& rrset : records->rrsets) {
            EXPECT_TRUE(rrset.fresh);
            EXPECT_TRUE(rrset.answered);
            EXPECT_TRUE(rrset.exhaustive);
            EXPECT_EQ(rrset.ttl, 0s);
        }
    }
}

TEST(StaticSource, IsEmptyWithoutAddresses) {
    asio::io_context io;
    const config::Service fixed = service({});
    StaticSource source(fixed);
    const auto observation = testing_support::run(io, source.observe());
    ASSERT_TRUE(std::holds_alternative<Empty>(observation));
    EXPECT_EQ(std::get<Empty>(observation).ttl, 30s);
}

TEST(MakeSource, MakesTheOneThatIsConfigured) {
    asio::io_context io;
    upstream::QueryBudget budget(500);
    upstream::Resolver resolver(io.get_executor(), {at("127.0.0.1:53")}, {}, budget);
    config::Service fixed = service({at("10.0.0.1")});
    EXPECT_NE(dynamic_cast<StaticSource*>(make_source(fixed, resolver).get()), nullptr);
    fixed.source = config::SourceKind::dns;
    EXPECT_NE(dynamic_cast<DnsSource*>(make_source(fixed, resolver).get()), nullptr);
}

}  // namespace
}  // namespace taskdns::discovery
