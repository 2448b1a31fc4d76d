// The HTTP interface of a running daemon.
#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

class Http : public testing::Test {
protected:
    Vpc vpc;
    const DaemonUnderTest daemon{vpc.daemon_options()};
    const std::string service_path = "/v1/services/" + std::string(Vpc::service);

    void SetUp() override { ASSERT_TRUE(daemon.wait_until_ready()); }
    std::string with_port(const std::string& address) const {
        return address + ":" + std::to_string(vpc.backends.port());
    }
};

TEST_F(Http, ListsServicesAsJson) {
    const HttpReply reply = daemon.get("/v1/services");
    EXPECT_EQ(reply.status, 200U);
    EXPECT_THAT(reply.headers.at("content-type"), HasSubstr("application/json"));
    const boost::json::value list = boost::json::parse(reply.body);
    EXPECT_THAT(reply.body, HasSubstr(Vpc::service));
    EXPECT_TRUE(list.is_array() || list.is_object());
}

TEST_F(Http, ExplainsEveryEndpoint) {
    vpc.backends["127.0.0.12"].kill();
    const auto sees_it = [&] { return daemon.get(service_path).body.find("unhealthy") != std::string::npos; };
    ASSERT_TRUE(wait_until(4s, sees_it)) << daemon.get(service_path).body;
    const boost::json::value service = boost::json::parse(daemon.get(service_path).body);
    const boost::json::array& endpoints = service.at("endpoints").as_array();
    ASSERT_THAT(endpoints, SizeIs(4));
    for (const boost::json::value& endpoint : endpoints) {
        const bool killed = endpoint.at("address").as_string() == "127.0.0.12";
        EXPECT_EQ(endpoint.at("port").to_number<unsigned>(), vpc.backends.port());
        EXPECT_EQ(endpoint.at("served").as_bool(), !killed);
        EXPECT_EQ(endpoint.at("state").as_string(), killed ? "unhealthy" : "healthy");
        EXPECT_FALSE(endpoint.at("reason").as_string().empty());
    }
}

TEST_F(Http, GivesServedEndpointsALineEach) {
    const HttpReply reply = daemon.get(service_path + "/endpoints", {{"Accept", "text/plain"}});
    EXPECT_EQ(reply.status, 200U);
    EXPECT_THAT(reply.headers.at("content-type"), HasSubstr("text/plain"));
    for (const std::string& address : vpc.backends.addresses())
        EXPECT_THAT(reply.body, HasSubstr(with_port(address) + "\n"));
}

TEST_F(Http, PickRotates) {
    std::map<std::string, int> picks;
    for (int i = 0; i < 40; ++i) {
        const HttpReply reply = daemon.get(service_path + "/pick");
        ASSERT_EQ(reply.status, 200U) << reply.body;
        EXPECT_EQ(reply.headers.at("cache-control"), "no-store");
        ++picks[reply.body.substr(0, reply.body.find('\n'))];
    }
    EXPECT_THAT(picks, SizeIs(4));
    EXPECT_THAT(picks, Each(Pair(testing::_, 10)));
    EXPECT_EQ(picks.count(with_port("127.0.0.11")), 1U);
}

TEST_F(Http, SaysWhatIsWrongAsAProblem) {
    const HttpReply unknown = daemon.get("/v1/services/none.local");
    EXPECT_EQ(unknown.status, 404U);
    EXPECT_THAT(unknown.headers.at("content-type"), HasSubstr("application/problem+json"));
    EXPECT_EQ(http_get(daemon.http_port(), "/v1/services", {}, "DELETE").status, 405U);
    EXPECT_EQ(daemon.get("/readyz", {{"Host", "attacker.example"}}).status, 421U) << "DNS rebinding";
    EXPECT_EQ(daemon.get("/readyz", {{"X-Long", std::string(16 * 1024, 'x')}}).status, 431U);
}

TEST_F(Http, StaysReadyThroughAnOutage) {
    vpc.resolver.stop();
    for (const std::string& address : vpc.backends.addresses()) vpc.backends[address].kill();
    wait_until(3s, [&] { return daemon.get("/readyz").status != 200; });
    EXPECT_EQ(daemon.get("/readyz").status, 200U) << "once ready, ready until shutdown";
}

}  // namespace
}  // namespace taskdns::testing_support
