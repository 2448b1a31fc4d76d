// Changes: who may make them, what their bodies say, and what the model is told.
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/routes.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Knows orders.local with three endpoints, two of them with one address, and writes down what it is told.
struct FakeModel {
    std::vector<std::string> told;
    bool drained = false;

    ServiceStatus orders() const {
        ServiceStatus out;
        out.name = "orders.local";
        out.index = drained ? 6 : 5;
        for (const char* text : {"10.0.1.10:8080", "10.0.1.11:8080", "10.0.1.11:9090"}) {
            EndpointStatus& endpoint = out.endpoints.emplace_back();
            endpoint.address = SocketAddress::parse(text).value();
            if (drained) endpoint.drained_until = WallTime{} + 1'000'000'000s;
        }
        return out;
    }

    Model model() {
        Model out;
        out.services = [this] { return std::vector<ServiceStatus>{orders()}; };
        out.service = [this](std::string_view name) {
            return name == "orders.local" || name == "orders" ? std::optional(orders()) : std::nullopt;
        };
        out.report = [this](std::string_view name, const SocketAddress& endpoint, Report report) {
            told.push_back(std::string(name) + " " + endpoint.to_string() +
                           (report == Report::failure ? " failure" : " success"));
        };
        out.drain = [this](std::string_view name, const SocketAddress& endpoint, milliseconds how_long) {
            told.push_back(std::string(name) + " " + endpoint.to_string() + " drained " + format_duration(how_long));
            drained = true;
        };
        out.undrain = [this](std::string_view name, const SocketAddress& endpoint) {
            told.push_back(std::string(name) + " " + endpoint.to_string() + " active");
            drained = false;
        };
        return out;
    }
};

constexpr const char* report_target = "/v1/services/orders/endpoints/10.0.1.10:8080/report";
constexpr const char* admin_target = "/v1/services/orders/endpoints/10.0.1.10:8080/admin";

Request request(const char* method, const std::string& target, const std::string& body) {
    Request out{method, target, "localhost:8053", ""};
    out.content_type = "application/json";
    out.body = body;
    return out;
}

TEST(Change, ShowsTheEndpointAsItIsAfterIt) {
    FakeModel fake;
    const Response response =
        respond(request("PUT", admin_target, R"({"state":"drained","for":"10m"})"), {}, fake.model());
    EXPECT_EQ(response.status, 200U) << response.body;
    EXPECT_THAT(fake.told, ElementsAre("orders.local 10.0.1.10:8080 drained 10m"));
    const auto body = boost::json::parse(response.body);
    EXPECT_EQ(body.at("address"), "10.0.1.10");
    EXPECT_EQ(body.at("admin").at("state"), "drained");
    EXPECT_EQ(body.at("admin").at("until"), "2001-09-09T01:46:40.000Z");
    const auto index = std::find_if(response.headers.begin(), response.headers.end(),
                                    [](const auto& header) { return header.first == "X-Taskdns-Index"; });
    ASSERT_NE(index, response.headers.end());
    EXPECT_EQ(index->second, "6");
    EXPECT_EQ(respond({"GET", admin_target, "localhost", ""}, {}, fake.model()).body,
              "{\n  \"state\": \"drained\",\n  \"until\": \"2001-09-09T01:46:40.000Z\"\n}\n");
}

TEST(Change, NeedsNoBodyToDelete) {
    FakeModel fake;
    const Response response = respond({"DELETE", admin_target, "localhost", ""}, {}, fake.model());
    EXPECT_EQ(response.status, 200U) << response.body;
    EXPECT_THAT(fake.told, ElementsAre("orders.local 10.0.1.10:8080 active"));
    EXPECT_TRUE(boost::json::parse(response.body).at("admin").is_null());
}

struct BodyCase {
    const char* name;
    const char* method;
    const char* target;
    std::string body;
    unsigned status;
    const char* said;  // told to the model, or a part of the detail
};

void PrintTo(const BodyCase& c, std::ostream* out) { *out << c.name; }

class Bodies : public testing::TestWithParam<BodyCase> {};

TEST_P(Bodies, AreUnderstoodOrExplained) {
    const auto& c = GetParam();
    FakeModel fake;
    const Response response = respond(request(c.method, c.target, c.body), {}, fake.model());
    EXPECT_EQ(response.status, c.status) << response.body;
    if (c.status == 200) {
        EXPECT_THAT(fake.told, ElementsAre(c.said));
        return;
    }
    EXPECT_THAT(fake.told, IsEmpty());
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_THAT(std::string(boost::json::parse(response.body).at("detail").as_string()), HasSubstr(c.said));
}

constexpr const char* two_ports = "/v1/services/orders/endpoints/10.0.1.11/report";
constexpr const char* not_there = "/v1/services/orders/endpoints/10.0.1.12/report";
constexpr const char* no_service = "/v1/services/nope/endpoints/10.0.1.12/report";
constexpr const char* one_of_two = "/v1/services/ORDERS/endpoints/10.0.1.11:9090/report";

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, Bodies,
    testing::Values(
        BodyCase{"Failure", "POST", report_target, R"({"outcome":"failure"})", 200, "orders.local 10.0.1.10:8080 failure"},
        BodyCase{"Success", "POST", report_target, " { \"outcome\" : \"success\" } \r\n", 200, "orders.local 10.0.1.10:8080 success"},
        BodyCase{"OtherOutcome", "POST", report_target, R"({"outcome":"ok"})", 422, R"(outcome must be "failure" or "success")"},
        BodyCase{"OutcomeIsNoText", "POST", report_target, R"({"outcome":1})", 422, "outcome must be"},
        BodyCase{"NoOutcome", "POST", report_target, "{}", 422, "outcome must be"},
        BodyCase{"UnknownField", "POST", report_target, R"({"outcom":"failure"})", 422, "unknown field 'outcom' (did you mean outcome?)"},
        BodyCase{"ForeignField", "POST", report_target, R"({"outcome":"failure","x":1})", 422, "unknown field 'x' (known here: outcome)"},
        BodyCase{"NoObject", "POST", report_target, R"(["failure"])", 422, R"(no JSON object; expected {"outcome": "failure"})"},
        BodyCase{"NoBody", "POST", report_target, "", 400, "at line 1, column 1; expected {\"outcome\""},
        BodyCase{"NoJson", "POST", report_target, "{\n  outcome: failure}", 400, "at line 2, column 3;"},
        BodyCase{"CutOff", "POST", report_target, R"({"outcome":)", 400, "not JSON: incomplete JSON at line 1, column 12"},
        BodyCase{"MoreBehind", "POST", report_target, R"({"outcome":"failure"} x)", 400, "at line 1, column 23"},
        BodyCase{"Form", "POST", report_target, "outcome=failure", 400, "at line 1, column 1"},
        BodyCase{"Deep", "POST", report_target, std::string(1000, '['), 400, "not JSON"},
        BodyCase{"PutToAReport", "PUT", report_target, R"({"outcome":"failure"})", 405, "use POST, OPTIONS"},
        BodyCase{"SeveralPorts", "POST", two_ports, R"({"outcome":"failure"})", 409, "say which of 10.0.1.11:8080, 10.0.1.11:9090"},
        BodyCase{"NotThere", "POST", not_there, R"({"outcome":"failure"})", 404, "it has 10.0.1.10:8080, 10.0.1.11:8080, 10.0.1.11:9090"},
        BodyCase{"NoService", "POST", no_service, R"({"outcome":"failure"})", 404, "'nope' is not a configured service"},
        BodyCase{"WrongCaseOfTheFake", "POST", one_of_two, R"({"outcome":"failure"})", 404, "'ORDERS'"},
        BodyCase{"Drained", "PUT", admin_target, R"({"state":"drained","for":"1.5s"})", 200, "orders.local 10.0.1.10:8080 drained 1.5s"},
        BodyCase{"DrainedForAnHour", "PUT", admin_target, R"({"state":"drained"})", 200, "orders.local 10.0.1.10:8080 drained 1h"},
        BodyCase{"DrainedForADay", "PUT", admin_target, R"({"state":"drained","for":"24h"})", 200, "orders.local 10.0.1.10:8080 drained 24h"},
        BodyCase{"DrainedTooLong", "PUT", admin_target, R"({"state":"drained","for":"24.1h"})", 422, "a duration from 1s to 24h in quotes, such as \"10m\""},
        BodyCase{"DrainedTooShort", "PUT", admin_target, R"({"state":"drained","for":"999ms"})", 422, "a duration from 1s"},
        BodyCase{"DrainedForANumber", "PUT", admin_target, R"({"state":"drained","for":60})", 422, "in quotes"},
        BodyCase{"Active", "PUT", admin_target, R"({"state":"active"})", 200, "orders.local 10.0.1.10:8080 active"},
        BodyCase{"ActiveForATime", "PUT", admin_target, R"({"state":"active","for":"10m"})", 422, "leave it out"},
        BodyCase{"OtherState", "PUT", admin_target, R"({"state":"draining"})", 422, R"(state must be "drained" or "active")"},
        BodyCase{"UnknownAdminField", "PUT", admin_target, R"({"state":"drained","fro":"10m"})", 422, "unknown field 'fro' (did you mean for?)"},
        BodyCase{"ReloadWithAField", "POST", "/v1/reload", R"({"now":true})", 422, "unknown field 'now' (none is known here)"},
        BodyCase{"ReloadWithText", "POST", "/v1/reload", "now", 400, "at line 1, column 2; expected no body, or {}"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct OriginCase {
    const char* name;
    const char* host;
    std::optional<std::string> origin;
    const char* fetch_site;
    const char* content_type;
    unsigned status;
    const char* method = "PUT";
};

void PrintTo(const OriginCase& c, std::ostream* out) { *out << c.name; }

class Origins : public testing::TestWithParam<OriginCase> {};

TEST_P(Origins, OnlyOurOwnMayChange) {
    const auto& c = GetParam();
    FakeModel fake;
    Request asked = request(c.method, admin_target, R"({"state":"drained"})");
    asked.host = c.host;
    asked.origin = c.origin;
    asked.fetch_site = c.fetch_site;
    asked.content_type = c.content_type;
    const Response response = respond(asked, {}, fake.model());
    EXPECT_EQ(response.status, c.status) << response.body;
    EXPECT_EQ(fake.told.empty(), c.status != 200);
}

constexpr const char* as_json = "application/json";

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, Origins,
    testing::Values(
        OriginCase{"NoBrowser", "localhost:8053", std::nullopt, "", as_json, 200},
        OriginCase{"OurOwnPage", "localhost:8053", "http://localhost:8053", "same-origin", as_json, 200},
        OriginCase{"TypedByTheUser", "localhost:8053", std::nullopt, "none", as_json, 200},
        OriginCase{"OtherSite", "localhost:8053", "http://evil.example", "cross-site", as_json, 403},
        OriginCase{"OtherOriginAlone", "localhost:8053", "http://evil.example", "", as_json, 403},
        OriginCase{"SiteAlone", "localhost:8053", std::nullopt, "cross-site", as_json, 403},
        OriginCase{"SameSiteIsNotSameOrigin", "localhost:8053", std::nullopt, "same-site", as_json, 403},
        OriginCase{"OtherPort", "localhost:8053", "http://localhost:3000", "", as_json, 403},
        OriginCase{"NoPort", "localhost:8053", "http://localhost", "", as_json, 403},
        OriginCase{"OtherScheme", "localhost:8053", "https://localhost:8053", "", as_json, 403},
        OriginCase{"OtherNameOfOurs", "localhost:8053", "http://127.0.0.1:8053", "", as_json, 403},
        OriginCase{"Null", "localhost:8053", "null", "", as_json, 403},
        OriginCase{"Empty", "localhost:8053", "", "", as_json, 403},
        OriginCase{"LongerThanOurs", "localhost:8053", "http://localhost:80530", "", as_json, 403},
        OriginCase{"ForeignDelete", "localhost:8053", "http://evil.example", "", "", 403, "DELETE"},
        OriginCase{"OriginBeforeMediaType", "localhost:8053", "null", "", "text/plain", 403},
        OriginCase{"JsonWithCharset", "localhost:8053", std::nullopt, "", "Application/JSON ; charset=utf-8", 200},
        OriginCase{"Form", "localhost:8053", std::nullopt, "", "application/x-www-form-urlencoded", 415},
        OriginCase{"Text", "localhost:8053", std::nullopt, "", "text/plain", 415},
        OriginCase{"JsonInAnotherType", "localhost:8053", std::nullopt, "", "text/plain; application/json", 415},
        OriginCase{"NoMediaType", "localhost:8053", std::nullopt, "", "", 415}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Reload, IsPlannedAndAnswered) {
    FakeModel fake;
    EXPECT_EQ(plan(request("POST", "/v1/reload", ""), {}, fake.model()).kind, Plan::Kind::reload);
    EXPECT_EQ(plan(request("POST", "/v1/reload", " {}\n"), {}, fake.model()).kind, Plan::Kind::reload);
    const WallTime at = WallTime{} + 1'000'000'000s;
    const Response applied = answer_reload(ReloadStatus{at, "http", "applied", {}});
    EXPECT_EQ(applied.status, 200U);
    EXPECT_EQ(
        applied.body,
        "{\n  \"trigger\": \"http\",\n  \"outcome\": \"applied\",\n  \"at\": \"2001-09-09T01:46:40.000Z\"\n}\n");
    const Response failed = answer_reload(ReloadStatus{at, "http", "failed", {"a.yaml:1:2: x", "a.yaml:3:4: y"}});
    EXPECT_EQ(failed.status, 422U);
    EXPECT_EQ(boost::json::parse(failed.body).at("errors"),
              boost::json::parse(R"(["a.yaml:1:2: x", "a.yaml:3:4: y"])"));
    EXPECT_EQ(answer_reload(std::nullopt).status, 504U);
}

}  // namespace
}  // namespace taskdns::http_server
