// Task metadata: what is read of the recorded answers, and what becomes of everything else that an endpoint may say.
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "task/metadata.hpp"

namespace taskdns::task {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string recorded(const std::string& name) {
    std::ifstream file(TASKDNS_SOURCE_DIR "/tests/support/metadata/" + name + ".json");
    EXPECT_TRUE(file) << name;
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

template <class Value>
std::vector<std::string> texts(const std::vector<Value>& values) {
    std::vector<std::string> out;
    for (const Value& value : values) out.push_back(value.to_string());
    return out;
}

/// The containers, one line each.
std::vector<std::string> lines(const Metadata& metadata) {
    std::vector<std::string> out;
    for (const Container& c : metadata.containers) out.push_back(c.name + " " + c.type + " " + c.known_status);
    return out;
}

TEST(ParseTask, ReadsFargate) {
    const Result<Metadata> task = parse_task(recorded("fargate"));
    ASSERT_TRUE(task) << task.error().message;
    EXPECT_EQ(task_id(task->arn), "e9028f8d5d8e4f258373e7b93ce9a3c3");
    EXPECT_EQ(task->cluster, "default");
    EXPECT_EQ(task->family, "client");
    EXPECT_EQ(task->service, "");  // Fargate does not say
    EXPECT_EQ(task->zone_name, "us-west-2d");
    EXPECT_EQ(task->zone_id, "usw2-az4");
    EXPECT_THAT(lines(*task), ElementsAre("client NORMAL RUNNING", "taskdns NORMAL RUNNING",
                                          "resolv-conf NORMAL STOPPED", "aws-guardduty-agent-Rq3xw NORMAL RUNNING"));
    EXPECT_EQ(task->containers[1].id, "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603");
    EXPECT_THAT(texts(name_servers(*task, task->containers[1].id)), ElementsAre("10.0.0.2"));
    EXPECT_THAT(texts(subnets(*task, task->containers[1].id)), ElementsAre("10.0.1.0/24"));
}

TEST(ParseTask, ReadsEc2) {
    const Result<Metadata> task = parse_task(recorded("ec2"));
    ASSERT_TRUE(task) << task.error().message;
    EXPECT_EQ(task->service, "client");
    EXPECT_EQ(task->zone_id, "");
    EXPECT_THAT(lines(*task),
                ElementsAre("~internal~ecs~pause CNI_PAUSE RESOURCES_PROVISIONED", "client NORMAL RUNNING",
                            "taskdns NORMAL RUNNING", "aws-guardduty-agent-9x2 NORMAL RUNNING"));
    EXPECT_THAT(texts(subnets(*task, "")), ElementsAre("10.0.1.0/24", "2600:1f14:30ab:6902::/64"));
}

TEST(ParseTask, ReadsBridgeMode) {
    const Result<Metadata> task = parse_task(recorded("ec2_bridge"));
    ASSERT_TRUE(task) << task.error().message;
    EXPECT_THAT(name_servers(*task, "7ab3c4"), IsEmpty());
    EXPECT_THAT(subnets(*task, "7ab3c4"), IsEmpty());
}

struct FieldCase {
    const char* name;
    std::string text;
    std::string family;
    std::vector<std::string> containers;
};

void PrintTo(const FieldCase& c, std::ostream* out) { *out << c.name; }

class ParseTaskFields : public testing::TestWithParam<FieldCase> {};

TEST_P(ParseTaskFields, TakesWhatIsRight) {
    const Result<Metadata> task = parse_task(GetParam().text);
    ASSERT_TRUE(task) << task.error().message;
    EXPECT_EQ(task->family, GetParam().family);
    EXPECT_THAT(lines(*task), testing::ElementsAreArray(GetParam().containers));
}

const std::string arn = R"("TaskARN": "arn:aws:ecs:eu-west-1:1:task/default/1")";

std::string many_containers(std::size_t count) {
    std::string out = R"({"TaskARN": "a/b", "Containers": [)";
    for (std::size_t i = 0; i < count; ++i) out += i == 0 ? "{}" : ",{}";
    return out + "]}";
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Answers, ParseTaskFields,
    testing::Values(
        FieldCase{"OnlyAnArn", "{" + arn + "}", "", {}},
        FieldCase{"OnlyContainers", R"({"Containers": [{"Name": "a"}]})", "", {"a  "}},
        FieldCase{"UnknownFields", "{" + arn + R"(, "Family": "f", "Later": {"x": [1]}})", "f", {}},
        FieldCase{"NullFields", "{" + arn + R"(, "Family": null, "Containers": null})", "", {}},
        FieldCase{"WrongTypes", "{" + arn + R"(, "Family": 7, "Containers": {"Name": "a"}})", "", {}},
        FieldCase{"ContainersThatAreNone", "{" + arn + R"(, "Containers": [1, "a", null, [], {"Name": "b", "Type": [], "KnownStatus": "RUNNING"}]})", "", {"b  RUNNING"}},
        FieldCase{"NetworksThatAreNone", "{" + arn + R"(, "Containers": [{"Name": "b", "Networks": [1, {"DomainNameServers": "10.0.0.2", "IPv4SubnetCIDRBlock": ["10.0.0.0/8"]}]}]})", "", {"b  "}},
        FieldCase{"ALongText", "{" + arn + R"(, "Family": ")" + std::string(2'049, 'f') + "\"}", "", {}},
        FieldCase{"TheLongestText", "{" + arn + R"(, "Family": ")" + std::string(2'048, 'f') + "\"}", std::string(2'048, 'f'), {}},
        FieldCase{"MoreContainersThanAnyTaskHas", many_containers(101), "", {}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct NoTaskCase {
    const char* name;
    std::string text;
    const char* message;
};

void PrintTo(const NoTaskCase& c, std::ostream* out) { *out << c.name; }

class ParseNoTask : public testing::TestWithParam<NoTaskCase> {};

TEST_P(ParseNoTask, SaysWhy) {
    const Result<Metadata> task = parse_task(GetParam().text);
    ASSERT_FALSE(task);
    EXPECT_EQ(task.error().code, Errc::malformed);
    EXPECT_THAT(task.error().message, testing::HasSubstr(GetParam().message));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Garbage, ParseNoTask,
    testing::Values(
        NoTaskCase{"Nothing", "", "is not JSON"},
        NoTaskCase{"Html", "<html>502 Bad Gateway</html>", "is not JSON"},
        NoTaskCase{"CutOff", recorded("fargate").substr(0, 1'000), "is not JSON"},
        NoTaskCase{"TwoValues", "{} {}", "is not JSON"},
        NoTaskCase{"NotUtf8", "{\"TaskARN\": \"\xFF\xFE/x\"}", "is not JSON"},
        NoTaskCase{"VeryDeep", std::string(100'000, '['), "is not JSON"},
        NoTaskCase{"AnArray", "[]", "is no JSON object"},
        NoTaskCase{"Null", "null", "is no JSON object"},
        NoTaskCase{"AnError", R"({"code": "ThrottlingException", "message": "rate exceeded"})", "neither TaskARN nor Containers"},
        NoTaskCase{"AnArnThatIsNone", R"({"TaskARN": 1})", "neither TaskARN nor Containers"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ParseOwnId, ReadsTheContainersId) {
    EXPECT_EQ(parse_own_id(R"({"DockerId": "abc", "Name": "taskdns"})").value(), "abc");
    EXPECT_FALSE(parse_own_id(R"({"DockerId": 7})"));
    EXPECT_FALSE(parse_own_id("unable to get container"));
}

TEST(TaskId, IsTheLastPartOfTheArn) {
    EXPECT_EQ(task_id("arn:aws:ecs:us-west-2:111122223333:task/default/158d"), "158d");
    EXPECT_EQ(task_id("arn:aws:ecs:us-west-2:111122223333:task/158d"), "158d");  // before 2018
    EXPECT_EQ(task_id("task"), "");
    EXPECT_EQ(task_id(""), "");
}

/// Containers `a`, `b` and `c`; each text: its network's name servers.
Metadata with_name_servers(const std::vector<std::vector<std::string>>& of_containers) {
    Metadata out;
    std::string id = "a";
    for (const auto& servers : of_containers) {
        Container& container = out.containers.emplace_back();
        container.id = id;
        ++id[0];
        for (const std::string& server : servers) {
            container.networks.push_back({{}, {IpAddress::parse(server).value()}});
        }
    }
    return out;
}

TEST(NameServers, AreThoseOfOurContainerElseOfTheFirstThatHasAny) {
    const Metadata metadata = with_name_servers({{}, {"10.0.0.2"}, {"10.0.0.3", "10.0.0.4"}});
    EXPECT_THAT(texts(name_servers(metadata, "c")), ElementsAre("10.0.0.3", "10.0.0.4"));  // of all its networks
    EXPECT_THAT(texts(name_servers(metadata, "a")), ElementsAre("10.0.0.2"));
    EXPECT_THAT(texts(name_servers(metadata, "unknown")), ElementsAre("10.0.0.2"));
    EXPECT_THAT(name_servers({}, "a"), IsEmpty());
}

}  // namespace
}  // namespace taskdns::task
