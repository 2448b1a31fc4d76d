// The task metadata endpoint as it answers, and as it may fail: each with a message, within the deadline.
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_metadata.hpp"
#include "support/run_coroutine.hpp"
#include "task/metadata_client.hpp"

namespace taskdns::task {
namespace {

using namespace std::chrono_literals;
using testing_support::FakeMetadata;
using testing_support::MetadataConduct;

struct UriCase {
    const char* name;
    const char* uri;
    const char* address;  // null: no endpoint
    const char* path = "";
};

void PrintTo(const UriCase& c, std::ostream* out) { *out << c.name; }

class MetadataUri : public testing::TestWithParam<UriCase> {};

TEST_P(MetadataUri, IsAnAddressAndAPath) {
    const auto endpoint = MetadataEndpoint::parse(GetParam().uri);
    ASSERT_EQ(endpoint.has_value(), GetParam().address != nullptr);
    if (!endpoint) return;
    EXPECT_EQ(endpoint->address.to_string(), GetParam().address);
    EXPECT_EQ(endpoint->path, GetParam().path);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Uris, MetadataUri,
    testing::Values(
        UriCase{"Ecs", "http://169.254.170.2/v4/abc-1", "169.254.170.2:80", "/v4/abc-1"},
        UriCase{"WithAPort", "http://127.0.0.1:8080/v4/abc", "127.0.0.1:8080", "/v4/abc"},
        UriCase{"OverIpv6", "http://[fd00:ec2::2]:80/v4/abc", "[fd00:ec2::2]:80", "/v4/abc"},
        UriCase{"OverIpv6WithoutAPort", "http://[fd00:ec2::2]/v4/abc", "[fd00:ec2::2]:80", "/v4/abc"},
        UriCase{"ASlashAtTheEnd", "http://169.254.170.2/v4/abc/", "169.254.170.2:80", "/v4/abc"},
        UriCase{"Https", "https://169.254.170.2/v4/abc", nullptr},
        UriCase{"AName", "http://metadata.internal/v4/abc", nullptr},
        UriCase{"NoPath", "http://169.254.170.2", nullptr},
        UriCase{"OnlyASlash", "http://169.254.170.2/", nullptr},
        UriCase{"PortZero", "http://127.0.0.1:0/v4/abc", nullptr},
        UriCase{"ALineBreakInThePath", "http://169.254.170.2/v4/a\r\nX: y", nullptr},
        UriCase{"ABlankInThePath", "http://169.254.170.2/v4/a b", nullptr},
        UriCase{"Nothing", "", nullptr}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

Result<Learned> ask(const std::string& uri, milliseconds limit = 5s, const std::string& own_id = "") {
    asio::io_context context;
    return testing_support::run(context, ask_metadata(MetadataEndpoint::parse(uri).value(), own_id, limit));
}

constexpr const char* own_id = "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603";

struct ConductCase {
    const char* name;
    MetadataConduct conduct;
    const char* error;  // what the message contains; null: an answer
};

void PrintTo(const ConductCase& c, std::ostream* out) { *out << c.name; }

class AskMetadata : public testing::TestWithParam<ConductCase> {
protected:
    FakeMetadata endpoint{"fargate"};
};

TEST_P(AskMetadata, EndsInTimeWhateverTheEndpointDoes) {
    endpoint.behave(GetParam().conduct);
    const TimePoint begin = Clock::now();
    const bool silent = GetParam().conduct == MetadataConduct::drips || GetParam().conduct == MetadataConduct::hangs;
    const Result<Learned> learned = ask(endpoint.uri(), silent ? 400ms : 5s);
    EXPECT_LE(Clock::now() - begin, silent ? 1'200ms : 4s);
    if (GetParam().error == nullptr) {
        ASSERT_TRUE(learned) << learned.error().message;
        EXPECT_EQ(learned->metadata.family, "client");
        EXPECT_EQ(learned->own_id, own_id);
    } else {
        ASSERT_FALSE(learned);
        EXPECT_THAT(learned.error().message, testing::HasSubstr(GetParam().error));
        EXPECT_THAT(learned.error().message, testing::HasSubstr("/task"));
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Conducts, AskMetadata,
    testing::Values(
        ConductCase{"Answers", MetadataConduct::answers, nullptr},
        ConductCase{"Chunks", MetadataConduct::chunks, nullptr},
        ConductCase{"Drips", MetadataConduct::drips, "no whole answer in time"},
        ConductCase{"Hangs", MetadataConduct::hangs, "no whole answer in time"},
        ConductCase{"Closes", MetadataConduct::closes, "end of stream"},
        ConductCase{"Status500", MetadataConduct::status_500, "status 500 (expected 200)"},
        ConductCase{"Html", MetadataConduct::html, "is not JSON"},
        ConductCase{"Garbage", MetadataConduct::garbage, "bad version"},
        ConductCase{"Half", MetadataConduct::half, "partial message"},
        ConductCase{"Huge", MetadataConduct::huge, "body limit exceeded"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(AskMetadata, SaysThatNobodyListens) {
    std::string uri;
    {
        const FakeMetadata gone("fargate");
        uri = gone.uri();
    }
    const Result<Learned> learned = ask(uri);
    ASSERT_FALSE(learned);
    EXPECT_EQ(learned.error().code, Errc::refused);
}

TEST(AskMetadata, KnowsOurselvesOnFargateByTheUriAlone) {
    FakeMetadata endpoint("fargate");
    endpoint.know_own_container(false);
    EXPECT_EQ(ask(endpoint.uri()).value().own_id, own_id);
}

TEST(AskMetadata, DoesWithoutKnowingOurselves) {
    FakeMetadata endpoint("fargate");
    endpoint.know_own_container(false);
    std::string uri = endpoint.uri();
    uri = uri.substr(0, uri.rfind('/')) + "/be674e12-9a3c-4b6f-8c9f-0123456789ab";  // as on EC2
    const Result<Learned> learned = ask(uri);
    ASSERT_TRUE(learned) << learned.error().message;
    EXPECT_EQ(learned->own_id, "");
}

TEST(AskMetadata, AsksOnlyForTheTaskWhereWeAreKnown) {
    FakeMetadata endpoint("fargate");
    EXPECT_EQ(ask(endpoint.uri(), 5s, "known").value().own_id, "known");
}

TEST(AskMetadata, GoesOverIpv6) {
    FakeMetadata endpoint("ec2", "::1");
    EXPECT_EQ(ask(endpoint.uri()).value().metadata.service, "client");
}

}  // namespace
}  // namespace taskdns::task
