// What an endpoint costs, in octets: a sidecar with 1,000 services of 100 endpoints is to stay below 40 MiB, of which
// the claims' index and the configuration's copy of the addresses take another 40 octets per endpoint.
#include <malloc.h>

#include <gtest/gtest.h>

#include "app/service_state.hpp"
#include "app/service_status.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};
constexpr std::size_t endpoints = 1000;

// There is one of each for every endpoint: what is added here is added a hundred thousand times.
static_assert(sizeof(membership::Member) <= 72);
static_assert(sizeof(view::EndpointDecision) <= 48);

/// What the process has allocated and not freed. A sanitizer's own allocator is not seen: then it is a constant.
std::size_t allocated() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

const health::Verdict* no_verdict(const SocketAddress&) { return nullptr; }

/// As the control plane does it for a service that is not checked.
ServiceState serving_state() {
    config::Service service;
    service.name = dns::Name::parse("orders.local").value();
    service.port = 8080;
    ServiceState state(service);
    discovery::Rrset rrset{.exhaustive = true};
    for (std::size_t i = 0; i < endpoints; ++i) {
        const IpAddress::V4Bytes bytes{10, 0, static_cast<std::uint8_t>(i / 250), static_cast<std::uint8_t>(i % 250)};
        rrset.sightings.push_back({.address = {IpAddress(bytes), 8080}});
    }
    LocalSources sources;
    state.observe(discovery::Records{.rrsets = {rrset}, .ttl = 10s}, 10s, start);
    state.choose(no_verdict, "task");
    std::uint64_t last_index = state.index();
    state.decide(no_verdict, sources, start, last_index);
    return state;
}

TEST(ServiceState, HoldsAnEndpointInLessThan300Octets) {
    const std::size_t before = allocated();
    const ServiceState state = serving_state();
    const std::size_t after = allocated();
    ASSERT_EQ(state.counts().served, endpoints);
    EXPECT_LT(after - before, endpoints * 300);
}

TEST(ServiceState, CountsWithoutSayingWho) {
    const ServiceState state = serving_state();
    const http_server::ServiceStatus summary = service_summary(state, WallAnchor{start, {}});
    EXPECT_TRUE(summary.endpoints.empty());
    EXPECT_EQ(summary.counts.total, endpoints);
    EXPECT_EQ(summary.counts.healthy, 0U) << "nobody looks";
    EXPECT_EQ(summary.counts.served, endpoints);
}

}  // namespace
}  // namespace taskdns::app
