// The lines that `CH TXT <service>` shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/describe.hpp"

namespace taskdns::app {
namespace {

using testing::ElementsAre;

http_server::EndpointStatus endpoint(const char* address, const char* state, const char* reason, WallTime since) {
    http_server::EndpointStatus out;
    out.address = *SocketAddress::parse(address);
    out.state = state;
    out.reason = reason;
    out.since = since;
    return out;
}

TEST(Describe, SaysAddressStateReasonAndAge) {
    const WallTime now = std::chrono::system_clock::now();
    http_server::ServiceStatus status;
    status.endpoints = {endpoint("10.0.1.10:8080", "healthy", "served", now - seconds{12}),
                        endpoint("[fd00::1]:8080", "unhealthy", "unhealthy:refused", now - milliseconds{1999}),
                        endpoint("10.0.1.11", "unchecked", "served", now + seconds{5})};
    EXPECT_THAT(describe(status, now, 50),
                ElementsAre("10.0.1.10:8080 healthy served 12s", "[fd00::1]:8080 unhealthy unhealthy:refused 1s",
                            "10.0.1.11 unchecked served 0s"))
        << "without a port where none is known; an age is never negative";
}

TEST(Describe, SaysNoMoreThanItIsAskedFor) {
    http_server::ServiceStatus status;
    for (int i = 0; i < 60; ++i) status.endpoints.push_back(endpoint("10.0.1.10:80", "healthy", "served", {}));
    EXPECT_EQ(describe(status, {}, 50).size(), 50U);
    EXPECT_TRUE(describe({}, {}, 50).empty());
}

}  // namespace
}  // namespace taskdns::app
