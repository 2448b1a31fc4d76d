// What the process knows of its task: asked for at the start, again while that fails, never for ever.
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/task_metadata.hpp"
#include "support/fake_metadata.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_support::FakeMetadata;
using testing_support::MetadataConduct;

class TaskMetadataTest : public testing::Test {
protected:
    TaskMetadata::Settings settings(unsigned most) const {
        return {.uri = endpoint.uri(), .timeout = 2s, .first_retry = 5ms, .attempts = most};
    }
    TaskMetadata::Attempted note() {
        return [this](const task::Learned* learned) {
            attempts.push_back(learned == nullptr ? "failed" : learned->metadata.family);
        };
    }
    void run_until_attempts(std::size_t count) {
        testing_support::run_until(io, [this, count] { return attempts.size() >= count; });
        io.restart();
        io.run_for(60ms);  // there is no further one
    }

    asio::io_context io;
    FakeMetadata endpoint{"fargate"};
    std::vector<std::string> attempts;
};

TEST_F(TaskMetadataTest, AreReadOnce) {
    TaskMetadata metadata(io.get_executor(), settings(5), note());
    metadata.start();
    run_until_attempts(1);
    EXPECT_THAT(attempts, ElementsAre("client"));
    EXPECT_EQ(metadata.figures().answered, 1U);
    EXPECT_EQ(metadata.figures().failed, 0U);
}

TEST_F(TaskMetadataTest, AreAskedForAgainUntilTheyAnswer) {
    endpoint.behave(MetadataConduct::status_500);
    auto attempted = note();
    TaskMetadata metadata(io.get_executor(), settings(5), [&](const task::Learned* learned) {
        attempted(learned);
        if (attempts.size() == 2) endpoint.behave(MetadataConduct::answers);
    });
    metadata.start();
    run_until_attempts(3);
    EXPECT_THAT(attempts, ElementsAre("failed", "failed", "client"));
    EXPECT_EQ(metadata.figures().failed, 2U);
}

TEST_F(TaskMetadataTest, AreGivenUpAfterSomeAttempts) {
    endpoint.behave(MetadataConduct::garbage);
    TaskMetadata metadata(io.get_executor(), settings(3), note());
    metadata.start();
    run_until_attempts(3);
    EXPECT_THAT(attempts, ElementsAre("failed", "failed", "failed"));
}

TEST_F(TaskMetadataTest, AreNotAskedForOutsideEcs) {
    TaskMetadata metadata(io.get_executor(), {}, note());
    EXPECT_FALSE(metadata.in_ecs());
    metadata.start();
    run_until_attempts(0);
    EXPECT_THAT(attempts, ElementsAre());
}

TEST_F(TaskMetadataTest, SayWhatIsWrongWithTheVariable) {
    TaskMetadata metadata(io.get_executor(), {.uri = "http://metadata.internal/v4"}, note());
    EXPECT_TRUE(metadata.in_ecs());
    const auto learned = testing_support::run(io, metadata.ask(1s));
    ASSERT_FALSE(learned);
    EXPECT_EQ(learned.error().message,
              "ECS_CONTAINER_METADATA_URI_V4=http://metadata.internal/v4 is no URI of the form http://ADDRESS/PATH");
}

TEST_F(TaskMetadataTest, RememberWhichContainerWeAre) {
    TaskMetadata metadata(io.get_executor(), settings(1), note());
    const auto first = testing_support::run(io, metadata.ask(1s));
    endpoint.know_own_container(false);
    const auto second = testing_support::run(io, metadata.ask(1s));
    ASSERT_TRUE(first && second);
    EXPECT_EQ(second->own_id, first->own_id);
}

TEST(HomeOf, IsTheZoneAndTheSubnets) {
    task::Learned learned;
    learned.metadata.zone_id = "use1-az1";
    learned.metadata.zone_name = "us-east-1a";
    learned.metadata.containers = {
        {"us", "taskdns", "NORMAL", "RUNNING", {{{Network::parse("10.0.1.0/24").value()}, {}}}}};
    learned.own_id = "us";
    EXPECT_EQ(home_of(learned), (view::Home{"use1-az1", "us-east-1a", {Network::parse("10.0.1.0/24").value()}}));
    EXPECT_EQ(task_status(learned.metadata).zone, "use1-az1");
    learned.metadata.zone_id = "";
    EXPECT_EQ(task_status(learned.metadata).zone, "us-east-1a");
}

}  // namespace
}  // namespace taskdns::app
