// Query strings: what is read, what is ignored, what is told to be wrong; and when a watch is due.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/query.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct QueryCase {
    const char* name;
    const char* text;
    std::optional<std::uint64_t> index;
    milliseconds wait = usual_wait;
    const char* mistake = nullptr;
};

void PrintTo(const QueryCase& c, std::ostream* out) { *out << c.name; }

class Queries : public testing::TestWithParam<QueryCase> {};

TEST_P(Queries, AreReadOrExplained) {
    const auto& c = GetParam();
    const Result<Query> query = parse_query(c.text);
    if (c.mistake != nullptr) {
        ASSERT_FALSE(query);
        EXPECT_THAT(query.error().message, HasSubstr(c.mistake));
        return;
    }
    ASSERT_TRUE(query);
    EXPECT_EQ(query->index, c.index);
    EXPECT_EQ(query->wait, c.wait);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, Queries,
    testing::Values(
        QueryCase{"Nothing", "", std::nullopt},
        QueryCase{"Index", "index=17", 17},
        QueryCase{"IndexAndWait", "index=17&wait=2m", 17, 2min},
        QueryCase{"BareSeconds", "wait=90&index=0", 0, 90s},
        QueryCase{"Shortest", "wait=1ms&index=0", 0, 1ms},
        QueryCase{"Longest", "wait=600&index=0", 0, 10min},
        QueryCase{"Encoded", "index=%31%37", 17},
        QueryCase{"LargestIndex", "index=18446744073709551615", 18'446'744'073'709'551'615U},
        QueryCase{"OthersAreIgnored", "verbose&x=%zz&&=&index=1&stale=1", 1},
        QueryCase{"TheLastCounts", "index=1&index=2", 2},
        QueryCase{"IndexIsNoNumber", "index=x", {}, 0ms, "the parameter index is 'x'; expected a whole number"},
        QueryCase{"IndexIsNegative", "index=-1", {}, 0ms, "'-1'"},
        QueryCase{"IndexIsEmpty", "index=", {}, 0ms, "''"},
        QueryCase{"IndexAlone", "index", {}, 0ms, "''"},
        QueryCase{"IndexIsTooLarge", "index=18446744073709551616", {}, 0ms, "whole number"},
        QueryCase{"IndexHasMore", "index=17x", {}, 0ms, "'17x'"},
        QueryCase{"WaitIsZero", "wait=0", {}, 0ms, "the parameter wait is '0'; expected a duration of more than 0 and at most 10m, such as 30s"},
        QueryCase{"WaitIsZeroSeconds", "wait=0s", {}, 0ms, "'0s'"},
        QueryCase{"WaitIsTooLong", "wait=601s", {}, 0ms, "at most 10m"},
        QueryCase{"WaitIsMuchTooLong", "wait=18446744073709551615", {}, 0ms, "at most 10m"},
        QueryCase{"WaitIsNoDuration", "wait=soon", {}, 0ms, "'soon'"},
        QueryCase{"WaitIsNegative", "wait=-1s", {}, 0ms, "'-1s'"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

/// orders.local has changed last at 17, some other service at 21.
Model model(std::vector<std::string>& asked) {
    Model out;
    out.index = [] { return std::uint64_t{21}; };
    out.service_index = [](std::string_view name) {
        return name == "orders.local" ? std::optional<std::uint64_t>(17) : std::nullopt;
    };
    out.services = [] { return std::vector<ServiceStatus>{}; };
    out.service = [](std::string_view name) -> std::optional<ServiceStatus> {
        if (name != "orders.local") return std::nullopt;
        ServiceStatus service;
        service.name = name;
        service.index = 17;
        return service;
    };
    out.asked = [&asked](std::string_view name) { asked.emplace_back(name); };
    return out;
}

struct PlanCase {
    const char* name;
    const char* target;
    Plan::Kind kind;
    unsigned status = 200;
};

void PrintTo(const PlanCase& c, std::ostream* out) { *out << c.name; }

class Plans : public testing::TestWithParam<PlanCase> {};

TEST_P(Plans, WaitOnlyForWhatTheClientDoesNotKnow) {
    const auto& c = GetParam();
    std::vector<std::string> asked;
    const Plan planned = plan({"GET", c.target, "localhost", ""}, {}, model(asked));
    EXPECT_EQ(planned.kind, c.kind);
    if (planned.kind == Plan::Kind::answer) {
        EXPECT_EQ(planned.response.status, c.status);
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, Plans,
    testing::Values(
        PlanCase{"NoIndex", "/v1/services/orders.local?wait=1m", Plan::Kind::answer},
        PlanCase{"KnowsLess", "/v1/services/orders.local?index=16", Plan::Kind::answer},
        PlanCase{"KnowsThis", "/v1/services/orders.local?index=17", Plan::Kind::watch},
        PlanCase{"KnowsALaterChangeOfAnother", "/v1/services/orders.local?index=21", Plan::Kind::watch},
        PlanCase{"KnowsAnEarlierDaemon", "/v1/services/orders.local?index=22", Plan::Kind::answer},
        PlanCase{"Endpoints", "/v1/services/orders.local/endpoints?index=17&wait=5", Plan::Kind::watch},
        PlanCase{"ListKnowsLess", "/v1/services?index=20", Plan::Kind::answer},
        PlanCase{"ListKnowsThis", "/v1/services?index=21", Plan::Kind::watch},
        PlanCase{"ListKnowsAnEarlierDaemon", "/v1/services?index=22", Plan::Kind::answer},
        PlanCase{"UnknownService", "/v1/services/nope?index=17", Plan::Kind::answer, 404},
        PlanCase{"BadIndex", "/v1/services?index=x", Plan::Kind::answer, 400},
        PlanCase{"BadWait", "/v1/services/orders.local/endpoints?wait=11m", Plan::Kind::answer, 400},
        PlanCase{"BadIndexWhereNobodyWaits", "/v1/services/orders.local/endpoints/10.0.0.1?index=x", Plan::Kind::answer, 404},
        PlanCase{"Events", "/v1/events", Plan::Kind::events},
        PlanCase{"EventsBadIndex", "/v1/events?index=x", Plan::Kind::answer, 400}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Plans, SayWhatIsWatchedAndForHowLong) {
    std::vector<std::string> asked;
    const Plan planned =
        plan({"GET", "/v1/services/orders.local/endpoints?index=17&wait=5", "localhost", ""}, {}, model(asked));
    EXPECT_EQ(planned.watch.service, "orders.local");
    EXPECT_EQ(planned.watch.index, 17U);
    EXPECT_EQ(planned.watch.wait, 5s);
    EXPECT_TRUE(planned.watch.uses);
    EXPECT_EQ(respond({"GET", "/v1/services/orders.local?index=17", "localhost", ""}, {}, model(asked)).status, 200U);
}

TEST(Plans, OfEventsBeginAfterWhatTheClientHasSeen) {
    std::vector<std::string> asked;
    Request request{"GET", "/v1/events?index=7", "localhost", ""};
    EXPECT_EQ(plan(request, {}, model(asked)).after, 7U);
    request.last_event_id = "9";  // what it has seen since
    EXPECT_EQ(plan(request, {}, model(asked)).after, 9U);
    request.last_event_id = "what is this";
    EXPECT_EQ(plan(request, {}, model(asked)).after, 7U);
    request.target = "/v1/events";
    EXPECT_EQ(plan(request, {}, model(asked)).after, std::nullopt);
}

TEST(EntityTags, SayThatNothingIsNew) {
    std::vector<std::string> asked;
    Request request{"GET", "/v1/services/orders.local/endpoints", "localhost", "application/json"};
    const Response first = respond(request, {}, model(asked));
    ASSERT_EQ(first.headers.front().first, "ETag");
    const std::string tag = first.headers.front().second;
    EXPECT_EQ(tag.size(), 18U);
    struct Row {
        std::string if_none_match;
        unsigned status;
    };
    for (const auto& [if_none_match, status] :
         {Row{tag, 304}, Row{"W/" + tag, 304}, Row{"\"x\", " + tag, 304}, Row{"*", 304}, Row{"\"x\"", 200},
          Row{tag.substr(1, 16), 200}, Row{"", 200}, Row{",,", 200}}) {
        request.if_none_match = if_none_match;
        const Response response = respond(request, {}, model(asked));
        EXPECT_EQ(response.status, status) << if_none_match;
        EXPECT_EQ(response.body.empty(), status == 304);
        EXPECT_EQ(response.headers.front().second, tag);
    }
    request.accept = "text/plain";  // another form, another tag
    request.if_none_match = tag;
    EXPECT_EQ(respond(request, {}, model(asked)).status, 200U);
}

}  // namespace
}  // namespace taskdns::http_server
