// Whom to ask: what the user wrote, what the task's metadata say, what resolv.conf says; never ourselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/reading.hpp"

namespace taskdns::app {
namespace {

std::vector<SocketAddress> sockets(const std::vector<std::string>& texts) {
    std::vector<SocketAddress> out;
    for (const auto& text : texts) out.push_back(SocketAddress::parse(text).value());
    return out;
}

struct ChoiceCase {
    const char* name;
    std::vector<std::string> written;
    std::vector<std::string> metadata;
    std::vector<std::string> heard;
    std::vector<std::string> servers;
    UpstreamOrigin origin;
};

void PrintTo(const ChoiceCase& c, std::ostream* out) { *out << c.name; }

class ChooseUpstream : public testing::TestWithParam<ChoiceCase> {};

TEST_P(ChooseUpstream, AsksTheFirstWhoKnows) {
    const ChoiceCase& c = GetParam();
    config::Upstream configured;
    configured.servers = sockets(c.written);
    const Reading::Resolvers resolvers{.heard = sockets(c.heard), .resolv_conf = sockets({"10.0.0.9:53"})};
    std::vector<IpAddress> metadata;
    for (const std::string& text : c.metadata) metadata.push_back(IpAddress::parse(text).value());
    const UpstreamChoice choice = choose_upstream(configured, resolvers, metadata);
    EXPECT_THAT(choice.servers, testing::ElementsAreArray(sockets(c.servers)));
    EXPECT_STREQ(to_string(choice.origin), to_string(c.origin));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Origins, ChooseUpstream,
    testing::Values(
        ChoiceCase{"TheUserWroteThem", {"10.0.0.7:5353"}, {"10.0.0.2"}, {"127.0.0.1:53"}, {"10.0.0.7:5353"}, UpstreamOrigin::configuration},
        ChoiceCase{"TheMetadataBeforeResolvConf", {}, {"10.0.0.2"}, {"127.0.0.1:53"}, {"10.0.0.2:53"}, UpstreamOrigin::task_metadata},
        ChoiceCase{"InTheirOrderEachOnce", {}, {"10.0.0.3", "10.0.0.2", "10.0.0.3"}, {}, {"10.0.0.3:53", "10.0.0.2:53"}, UpstreamOrigin::task_metadata},
        ChoiceCase{"OverIpv6", {}, {"fd00:ec2::253"}, {"[::1]:53"}, {"[fd00:ec2::253]:53"}, UpstreamOrigin::task_metadata},
        ChoiceCase{"NoMetadata", {}, {}, {"127.0.0.1:53"}, {"10.0.0.9:53"}, UpstreamOrigin::resolv_conf},
        ChoiceCase{"TheMetadataNameUsBesideAnother", {}, {"127.0.0.1", "10.0.0.2"}, {"127.0.0.1:53"}, {"10.0.0.2:53"}, UpstreamOrigin::task_metadata},
        ChoiceCase{"TheMetadataNameOnlyUs", {}, {"127.0.0.1"}, {"127.0.0.1:53"}, {"10.0.0.9:53"}, UpstreamOrigin::resolv_conf},
        ChoiceCase{"TheMetadataNameAnAddressThatAWildcardHears", {}, {"10.0.1.5"}, {"0.0.0.0:53", "10.0.1.5:53"}, {"10.0.0.9:53"}, UpstreamOrigin::resolv_conf},
        ChoiceCase{"OurOtherPortIsNotAskedThere", {}, {"127.0.0.1"}, {"127.0.0.1:5353"}, {"127.0.0.1:53"}, UpstreamOrigin::task_metadata}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::app
