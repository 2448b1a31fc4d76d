// Who of the task's containers still runs, so that answers have to go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "task/other_containers.hpp"

namespace taskdns::task {
namespace {

struct PatternCase {
    const char* name;
    const char* pattern;
    const char* text;
    bool matches;
};

void PrintTo(const PatternCase& c, std::ostream* out) { *out << c.name; }

class Matches : public testing::TestWithParam<PatternCase> {};

TEST_P(Matches, TakesAStarForAnyCharacters) {
    EXPECT_EQ(matches(GetParam().pattern, GetParam().text), GetParam().matches);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Patterns, Matches,
    testing::Values(
        PatternCase{"TheSame", "agent", "agent", true},
        PatternCase{"AnotherCase", "agent", "Agent", false},
        PatternCase{"OnlyItsBeginning", "agent", "agent-1", false},
        PatternCase{"OnlyItsEnd", "agent", "my-agent", false},
        PatternCase{"StarAtTheEnd", "aws-guardduty-agent*", "aws-guardduty-agent-Rq3xw", true},
        PatternCase{"StarForNothing", "agent*", "agent", true},
        PatternCase{"StarAtTheBeginning", "*-agent", "datadog-agent", true},
        PatternCase{"StarInTheMiddle", "a*c", "abbbc", true},
        PatternCase{"StarInTheMiddleOtherEnd", "a*c", "abbbd", false},
        PatternCase{"ThereAndBack", "*ab*ac", "abacabac", true},
        PatternCase{"ThereAndBackInVain", "*ab*ad", "abacabac", false},
        PatternCase{"TwoStars", "a**b", "ab", true},
        PatternCase{"StarAlone", "*", "anything", true},
        PatternCase{"StarAloneForNothing", "*", "", true},
        PatternCase{"NothingIsOnlyNothing", "", "a", false},
        PatternCase{"NothingIsNothing", "", "", true},
        PatternCase{"LongerThanTheText", "agent-1", "agent", false},
        PatternCase{"AQuestionMarkIsItself", "a?c", "abc", false}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct RunningCase {
    const char* name;
    std::vector<Container> containers;
    std::vector<std::string> running;
    bool any;
    bool with_us = true;
};

void PrintTo(const RunningCase& c, std::ostream* out) { *out << c.name; }

class FindOtherContainers : public testing::TestWithParam<RunningCase> {};

TEST_P(FindOtherContainers, SaysWhoIsAnsweredStill) {
    Metadata metadata;
    metadata.containers = GetParam().containers;
    const OtherContainers others = find_other_containers(metadata, "us", {"aws-guardduty-agent*", "exporter"});
    EXPECT_THAT(others.running, testing::ElementsAreArray(GetParam().running));
    EXPECT_EQ(others.any, GetParam().any);
    EXPECT_EQ(others.with_us, GetParam().with_us);
}

const Container us{"us", "taskdns", "NORMAL", "RUNNING", {}};
const Container app{"1", "app", "NORMAL", "RUNNING", {}};

Container app_that_is(const char* status) { return {"1", "app", "NORMAL", status, {}}; }
Container of_type(const char* type) { return {"2", "other", type, "RUNNING", {}}; }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Tasks, FindOtherContainers,
    testing::Values(
        RunningCase{"Nobody", {}, {}, false, false},
        RunningCase{"NotEvenUs", {app_that_is("STOPPED")}, {}, true, false},
        RunningCase{"OnlyWe", {us}, {}, false},
        RunningCase{"TheApplication", {app, us}, {"app"}, true},
        RunningCase{"TheApplicationHasStopped", {app_that_is("STOPPED"), us}, {}, true},
        RunningCase{"NeverStarted", {app_that_is("CREATED"), us}, {}, true},
        RunningCase{"NotPulled", {app_that_is("NONE"), us}, {}, true},
        RunningCase{"NoStatusIsKnown", {app_that_is(""), us}, {"app"}, true},
        RunningCase{"ThePauseContainer", {of_type("CNI_PAUSE"), us}, {}, false},
        RunningCase{"ServiceConnect", {of_type("SERVICE_CONNECT"), us}, {}, false},
        RunningCase{"NoTypeIsKnown", {of_type(""), us}, {"other"}, true},
        RunningCase{"AnAgentThatIsIgnored", {{"3", "aws-guardduty-agent-Rq3xw", "NORMAL", "RUNNING", {}}, us}, {}, false},
        RunningCase{"AnotherThatIsIgnored", {{"3", "exporter", "NORMAL", "RUNNING", {}}, us}, {}, false},
        RunningCase{"LikeTheIgnoredButLonger", {{"3", "exporter-2", "NORMAL", "RUNNING", {}}, us}, {"exporter-2"}, true},
        RunningCase{"OneOfTwo", {app_that_is("STOPPED"), {"4", "worker", "NORMAL", "RUNNING", {}}, us}, {"worker"}, true},
        RunningCase{"AContainerWithoutId", {{"", "app", "NORMAL", "RUNNING", {}}, us}, {"app"}, true}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(FindOtherContainers, ThatDoNotKnowWhoWeAreCountUs) {
    Metadata metadata;
    metadata.containers = {us};
    EXPECT_THAT(find_other_containers(metadata, "", {}).running, testing::ElementsAre("taskdns"));
}

}  // namespace
}  // namespace taskdns::task
