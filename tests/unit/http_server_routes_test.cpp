// All routes as a table: request in, response out, over a fake model.
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/routes.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const WallTime noon = WallTime{} + 1'000'000'000s;  // 2001-09-09T01:46:40Z

SocketAddress address(std::string_view text) { return SocketAddress::parse(text).value(); }

EndpointStatus endpoint(const char* text, const char* state, const char* reason, unsigned weight) {
    EndpointStatus out;
    out.address = address(text);
    out.state = state;
    out.served = std::string_view(reason) == "served";
    out.reason = reason;
    out.since = noon;
    out.presence = "present";
    out.present = true;
    out.last_seen = noon;
    out.weight = weight;
    return out;
}

ServiceStatus orders() {
    EndpointStatus first = endpoint("10.0.1.10:8080", "healthy", "served", 1);
    first.last_check = LastCheck{noon, "connected", 3ms, 0, ""};
    first.share = 0.75;
    first.zone = "use1-az1";
    EndpointStatus second = endpoint("[fd00::2]:8080", "healthy", "served", 5);
    second.share = 0.25;
    EndpointStatus third = endpoint("10.0.1.12:8080", "unhealthy", "unhealthy:status", 1);
    third.last_check = LastCheck{noon, "status", std::chrono::microseconds(12'345), 500, "what it said"};
    third.presence = "held_guard";
    third.present = false;
    third.connections = ConnectionStatus{2, std::chrono::microseconds(0), 7, 0, 1, 3, noon};
    third.reports = ReportStatus{4, 1, noon + 30s};
    third.drained_until = noon + 1h;
    ServiceStatus out;
    out.name = "orders.local";
    out.aliases = {"orders", "bestellungen"};
    out.source = "dns";
    out.port = 8080;
    out.state = "serving";
    out.rung = "healthy";
    out.basis = "sample";
    out.coverage = 0.9166;
    out.zone = "use1-az1";
    out.zone_preferred = true;
    out.observe = {"unavailable", "a socket of NETLINK_SOCK_DIAG: Protocol not supported"};
    out.index = 17;
    out.rotation = {1234, {second.address, first.address}};
    out.last_poll = PollStatus{noon, "records", 9'700ms, "", noon + 10s};
    out.last_error = "10.0.0.2:53: timeout";
    out.counts = {.total = 3, .healthy = 2, .served = 2};
    out.endpoints = {first, second, third};
    return out;
}

ServiceStatus dark() {
    ServiceStatus out;
    out.name = "dark.local";
    out.source = "dns";
    out.required = false;
    out.state = "no_endpoint";
    out.rung = "no_endpoint";
    out.stale = true;
    out.index = 4;
    EndpointStatus pending = endpoint("10.0.2.1", "pending", "withheld:first_check", 1);
    pending.since = pending.last_seen = WallTime{};
    out.counts = {.total = 1};
    out.endpoints = {pending};
    return out;
}

/// Knows orders.local (alias orders) and dark.local, and counts how often the rotation is moved.
struct FakeModel {
    ReadyStatus ready{true, {}};
    int picks = 0;

    Model model() {
        Model out;
        out.ready = [this] { return ready; };
        out.services = [] { return std::vector<ServiceStatus>{orders(), dark()}; };
        out.service = [](std::string_view name) -> std::optional<ServiceStatus> {
            if (name == "orders.local" || name == "orders") return orders();
            if (name == "dark.local") return dark();
            return std::nullopt;
        };
        out.pick = [this](std::string_view name) -> std::optional<SocketAddress> {
            ++picks;
            if (name != "orders.local") return std::nullopt;
            return picks % 2 == 1 ? address("10.0.1.10:8080") : address("[fd00::2]:8080");
        };
        out.daemon = [] {
            DaemonStatus daemon;
            daemon.version = "1.2.3";
            daemon.index = 21;
            return daemon;
        };
        out.metrics = [] { return std::string("taskdns_up 1\n"); };
        out.index = [] { return std::uint64_t{21}; };
        out.service_index = [](std::string_view name) -> std::optional<std::uint64_t> {
            if (name == "orders.local" || name == "orders") return 17;
            if (name == "dark.local") return 4;
            return std::nullopt;
        };
        return out;
    }
};

std::string header(const Response& response, std::string_view name) {
    std::string out;
    for (const auto& [key, value] : response.headers) {
        if (key == name) out += (out.empty() ? "" : " & ") + value;
    }
    return out;
}

Response get(const std::string& target, const std::string& accept = "") {
    FakeModel fake;
    return respond({"GET", target, "localhost:8053", accept}, {}, fake.model());
}

boost::json::object json(const Response& response) { return boost::json::parse(response.body).as_object(); }

constexpr const char* plain = "text/plain; charset=utf-8";
constexpr const char* as_json = "application/json";
constexpr const char* as_problem = "application/problem+json";

struct RouteCase {
    const char* name;
    const char* method;
    std::string target;
    const char* accept;
    unsigned status;
    const char* content_type;
    const char* body;   // text: the whole; JSON: a part; null: not looked at
    const char* index;  // X-Taskdns-Index
};

void PrintTo(const RouteCase& c, std::ostream* out) { *out << c.name; }

class Routes : public testing::TestWithParam<RouteCase> {};

TEST_P(Routes, Answer) {
    const auto& c = GetParam();
    FakeModel fake;
    const Response response = respond({c.method, c.target, "localhost:8053", c.accept}, {}, fake.model());
    EXPECT_EQ(response.status, c.status);
    EXPECT_EQ(response.content_type, c.content_type);
    if (c.body != nullptr && response.content_type == plain) {
        EXPECT_EQ(response.body, c.body);
    }
    if (c.body != nullptr && response.content_type != plain) {
        EXPECT_THAT(response.body, HasSubstr(c.body));
    }
    EXPECT_EQ(header(response, "X-Taskdns-Index"), c.index);
    EXPECT_EQ(header(response, "Cache-Control"), "no-store");
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(response, "Cross-Origin-Resource-Policy"), "same-origin");
    EXPECT_EQ(header(response, "Allow").empty(), c.status != 405 && c.status != 204);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, Routes,
    testing::Values(
        RouteCase{"Healthz", "GET", "/healthz", "", 200, plain, "ok\n", ""},
        RouteCase{"HealthzHead", "HEAD", "/healthz", "", 200, plain, "ok\n", ""},
        RouteCase{"HealthzIsTextForAll", "GET", "/healthz", "application/json", 200, plain, "ok\n", ""},
        RouteCase{"TrailingSlash", "GET", "/healthz/", "", 200, plain, "ok\n", ""},
        RouteCase{"QueryIsIgnored", "GET", "/healthz?verbose=1&x", "", 200, plain, "ok\n", ""},
        RouteCase{"Readyz", "GET", "/readyz", "", 200, plain, "ready\n", ""},
        RouteCase{"AbsoluteForm", "GET", "http://127.0.0.1:8053/readyz", "", 200, plain, "ready\n", ""},
        RouteCase{"AbsoluteFormInUpperCase", "GET", "HTTP://LOCALHOST/readyz", "", 200, plain, "ready\n", ""},
        RouteCase{"Services", "GET", "/v1/services", "", 200, as_json, "\"orders.local\"", "21"},
        RouteCase{"ServicesTrailingSlash", "GET", "/v1/services/", "", 200, as_json, "\"dark.local\"", "21"},
        RouteCase{"ServicesForABrowser", "GET", "/v1/services", "text/html,application/xhtml+xml,*/*;q=0.8", 200, as_json, "\"services\"", "21"},
        RouteCase{"Service", "GET", "/v1/services/orders.local", "*/*", 200, as_json, "\"orders.local\"", "17"},
        RouteCase{"ServiceByAlias", "GET", "/v1/services/orders", "", 200, as_json, "\"orders.local\"", "17"},
        RouteCase{"PercentEncoding", "GET", "/v1/services/%6frders%2Elocal", "", 200, as_json, "\"orders.local\"", "17"},
        RouteCase{"UnknownService", "GET", "/v1/services/nope.local", "", 404, as_problem, "'nope.local' is not a configured service; known: orders.local, dark.local; GET /v1/services", ""},
        RouteCase{"UnknownServiceWithOctets", "GET", "/v1/services/%00%22%ff", "", 404, as_problem, "'\\\\000\\\"\\\\255' is not", ""},
        RouteCase{"EncodedSlashStaysInTheName", "GET", "/v1/services/orders.local%2Fpick", "", 404, as_problem, "'orders.local/pick' is not", ""},
        RouteCase{"Endpoints", "GET", "/v1/services/orders.local/endpoints", "*/*", 200, plain, "10.0.1.10:8080\n[fd00::2]:8080\n", "17"},
        RouteCase{"EndpointsTrailingSlash", "GET", "/v1/services/orders.local/endpoints/", "", 200, plain, "10.0.1.10:8080\n[fd00::2]:8080\n", "17"},
        RouteCase{"EndpointsNone", "GET", "/v1/services/dark.local/endpoints", "", 200, plain, "", "4"},
        RouteCase{"EndpointsNoneJson", "GET", "/v1/services/dark.local/endpoints", "application/json", 200, as_json, "\"endpoints\": []", "4"},
        RouteCase{"EndpointsOfUnknown", "GET", "/v1/services/nope/endpoints", "", 404, as_problem, "'nope' is not", ""},
        RouteCase{"Pick", "GET", "/v1/services/orders.local/pick", "", 200, plain, "10.0.1.10:8080\n", "17"},
        RouteCase{"PickByAlias", "GET", "/v1/services/orders/pick", "text/plain", 200, plain, "10.0.1.10:8080\n", "17"},
        RouteCase{"PickJson", "GET", "/v1/services/orders.local/pick", "application/json", 200, as_json, "{\n  \"address\": \"10.0.1.10\",\n  \"port\": 8080\n}\n", "17"},
        RouteCase{"PickHead", "HEAD", "/v1/services/orders.local/pick", "", 200, plain, "", "17"},
        RouteCase{"PickHeadJson", "HEAD", "/v1/services/orders.local/pick", "application/json", 200, as_json, nullptr, "17"},
        RouteCase{"PickNone", "GET", "/v1/services/dark.local/pick", "", 503, as_problem, "dark.local has no endpoint to serve (state no_endpoint, 1 known); GET /v1/services/dark.local", "4"},
        RouteCase{"PickNoneHead", "HEAD", "/v1/services/dark.local/pick", "", 503, as_problem, nullptr, "4"},
        RouteCase{"PickOfUnknown", "GET", "/v1/services/nope/pick", "", 404, as_problem, "'nope' is not", ""},
        RouteCase{"Page", "GET", "/", "", 200, "text/html; charset=utf-8", "<!doctype html>", "21"},
        RouteCase{"PageFragment", "GET", "/?fragment", "", 200, "text/html; charset=utf-8", "orders.local", "21"},
        RouteCase{"Status", "GET", "/v1/status", "", 200, as_json, "\"version\"", "21"},
        RouteCase{"Metrics", "GET", "/metrics", "", 200, "text/plain; version=0.0.4; charset=utf-8", "taskdns_up 1\n", ""},
        RouteCase{"Endpoint", "GET", "/v1/services/orders/endpoints/10.0.1.12:8080", "", 200, as_json, "\"unhealthy:status\"", "17"},
        RouteCase{"EndpointInBrackets", "GET", "/v1/services/orders/endpoints/[fd00::2]:8080", "", 200, as_json, "\"fd00::2\"", "17"},
        RouteCase{"EndpointPercentEncoded", "GET", "/v1/services/orders/endpoints/%5bfd00%3A%3a2%5D%3A8080", "", 200, as_json, "\"fd00::2\"", "17"},
        RouteCase{"EndpointWithoutPort", "GET", "/v1/services/orders/endpoints/10.0.1.12", "", 200, as_json, "\"10.0.1.12\"", "17"},
        RouteCase{"EndpointWithoutPortV6", "GET", "/v1/services/orders/endpoints/fd00::2", "", 200, as_json, "\"fd00::2\"", "17"},
        RouteCase{"EndpointOfNoPort", "GET", "/v1/services/dark.local/endpoints/10.0.2.1", "", 200, as_json, "\"10.0.2.1\"", "4"},
        RouteCase{"EndpointOfAnotherPort", "GET", "/v1/services/orders/endpoints/10.0.1.12:81", "", 404, as_problem, "orders.local has no endpoint '10.0.1.12:81'; it has 10.0.1.12:8080", "17"},
        RouteCase{"EndpointNotThere", "GET", "/v1/services/orders/endpoints/10.9.9.9", "", 404, as_problem, "it has 10.0.1.10:8080, [fd00::2]:8080, 10.0.1.12:8080", "17"},
        RouteCase{"EndpointNoAddress", "GET", "/v1/services/orders/endpoints/first", "", 404, as_problem, "'first' is no address such as", "17"},
        RouteCase{"EndpointOfUnknown", "GET", "/v1/services/nope/endpoints/10.0.1.12", "", 404, as_problem, "'nope' is not", ""},
        RouteCase{"AdminOfActive", "GET", "/v1/services/orders/endpoints/10.0.1.10/admin", "", 200, as_json, "{\n  \"state\": \"active\",\n  \"until\": null\n}\n", "17"},
        RouteCase{"ReportIsForPost", "GET", "/v1/services/orders/endpoints/10.0.1.12/report", "", 405, as_problem, "use POST, OPTIONS", ""},
        RouteCase{"ReloadIsForPost", "GET", "/v1/reload", "", 405, as_problem, "use POST, OPTIONS", ""},
        RouteCase{"Nothing", "GET", "/nothing", "", 404, as_problem, "there are /, /healthz, /readyz, /metrics, /v1/status, /v1/services,", ""},
        RouteCase{"Events", "HEAD", "/v1/events", "", 200, "text/event-stream", "", "21"},
        RouteCase{"CaseMatters", "GET", "/Healthz", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"TooDeep", "GET", "/healthz/x", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"TooDeepBelowAService", "GET", "/v1/services/orders.local/pick/x", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"OtherLeaf", "GET", "/v1/services/orders.local/other", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"EmptyName", "GET", "/v1/services//pick", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"DoubleSlash", "GET", "//healthz", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"DotSegments", "GET", "/v1/../healthz", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"DotSegmentsAsName", "GET", "/v1/services/..", "", 404, as_problem, "'..' is not", ""},
        RouteCase{"EncodedDotSegments", "GET", "/v1/services/%2e%2e/%2e%2e/etc/passwd", "", 404, as_problem, "nothing is here", ""},
        RouteCase{"HalfAnEncoding", "GET", "/v1/services/x%2", "", 400, as_problem, "cannot read the target '/v1/services/x%2'", ""},
        RouteCase{"NoHexadecimalDigits", "GET", "/v1/services/%zz", "", 400, as_problem, "two hexadecimal digits", ""},
        RouteCase{"NoPath", "GET", "healthz", "", 400, as_problem, "expected a path", ""},
        RouteCase{"NoTarget", "GET", "", "", 400, as_problem, "expected a path", ""},
        RouteCase{"AsteriskIsForOptions", "GET", "*", "", 400, as_problem, "expected a path", ""},
        RouteCase{"LongestTarget", "GET", "/" + std::string(longest_target - 1, 'x'), "", 404, as_problem, nullptr, ""},
        RouteCase{"TargetTooLong", "GET", "/" + std::string(longest_target, 'x'), "", 414, as_problem, "2049 octets; at most 2048", ""},
        RouteCase{"Post", "POST", "/v1/services", "", 405, as_problem, "'POST' is not possible here; use GET, HEAD, OPTIONS", ""},
        RouteCase{"PostToHealthz", "POST", "/healthz", "", 405, as_problem, nullptr, ""},
        RouteCase{"LowerCaseMethod", "get", "/healthz", "", 405, as_problem, "'get'", ""},
        RouteCase{"PostToNothing", "POST", "/nothing", "", 404, as_problem, nullptr, ""},
        RouteCase{"Options", "OPTIONS", "/v1/services", "", 204, "", "", ""},
        RouteCase{"OptionsForAll", "OPTIONS", "*", "", 204, "", "", ""},
        RouteCase{"OptionsForNothing", "OPTIONS", "/nothing", "", 404, as_problem, nullptr, ""}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct HostCase {
    const char* name;
    std::string host;
    unsigned status;
    unsigned version = 11;
    std::string target = "/healthz";
};

void PrintTo(const HostCase& c, std::ostream* out) { *out << c.name; }

class Hosts : public testing::TestWithParam<HostCase> {};

TEST_P(Hosts, OnlyOurOwnAreAnswered) {
    const auto& c = GetParam();
    FakeModel fake;
    const Access access{{"taskdns", "sidecar.internal"}, true};
    const Response response = respond({"GET", c.target, c.host, "", c.version}, access, fake.model());
    EXPECT_EQ(response.status, c.status) << response.body;
    if (c.status == 421) {
        EXPECT_THAT(response.body, HasSubstr("listen.hosts"));
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, Hosts,
    testing::Values(
        HostCase{"Localhost", "localhost", 200},
        HostCase{"LocalhostWithPort", "localhost:8053", 200},
        HostCase{"LocalhostWithEmptyPort", "localhost:", 200},
        HostCase{"LocalhostInUpperCase", "LOCALHOST:8053", 200},
        HostCase{"LocalhostWithDot", "localhost.:8053", 200},
        HostCase{"BelowLocalhost", "app.localhost", 200},
        HostCase{"NotReallyLocalhost", "notlocalhost", 421},
        HostCase{"LocalhostAsALabel", "localhost.evil.example", 421},
        HostCase{"V4", "127.0.0.1", 200},
        HostCase{"V4WithPort", "10.0.1.10:80", 200},
        HostCase{"V4WithLabels", "127.0.0.1.evil.example", 421},
        HostCase{"V6", "[::1]", 200},
        HostCase{"V6WithPort", "[fd00::1]:8053", 200},
        HostCase{"BrokenV6", "[::1", 421},
        HostCase{"NotAPort", "localhost:http", 421},
        HostCase{"UserAndHost", "localhost:8053@evil.example", 421},
        HostCase{"Further", "taskdns:8053", 200},
        HostCase{"FurtherInUpperCase", "Sidecar.Internal", 200},
        HostCase{"BelowAFurtherOne", "x.taskdns", 421},
        HostCase{"Other", "evil.example", 421},
        HostCase{"AServiceIsNotUs", "orders.local", 421},
        HostCase{"OnlyADot", ".", 421},
        HostCase{"OnlyAPort", ":8053", 421},
        HostCase{"Missing", "", 400},
        HostCase{"MissingInHttp10", "", 200, 10},
        HostCase{"WrongInHttp10", "evil.example", 421, 10},
        HostCase{"TheTargetsAuthorityCounts", "localhost", 421, 11, "http://evil.example/healthz"},
        HostCase{"TheTargetsAuthorityReplacesHost", "evil.example", 200, 11, "http://localhost:8053/healthz"},
        HostCase{"UserInfoInTheAuthority", "localhost", 421, 11, "http://localhost:1@evil.example/healthz"},
        HostCase{"CheckedBeforeTheRoute", "evil.example", 421, 11, "/nothing"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct AccessCase {
    const char* name;
    const char* method;
    const char* target;
    unsigned status;
};

void PrintTo(const AccessCase& c, std::ostream* out) { *out << c.name; }

class LimitedAccess : public testing::TestWithParam<AccessCase> {};

TEST_P(LimitedAccess, OnlyHealthReadinessAndMetrics) {
    FakeModel fake;
    const Response response =
        respond({GetParam().method, GetParam().target, "10.0.1.5:8053", ""}, {{}, false}, fake.model());
    EXPECT_EQ(response.status, GetParam().status);
    if (response.status == 403) {
        EXPECT_THAT(response.body, HasSubstr("listen.allow_admin"));
        EXPECT_EQ(response.content_type, as_problem);
    }
    EXPECT_EQ(fake.picks, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Table, LimitedAccess,
    testing::Values(AccessCase{"Healthz", "GET", "/healthz", 200}, AccessCase{"HealthzHead", "HEAD", "/healthz", 200},
                    AccessCase{"Readyz", "GET", "/readyz", 200}, AccessCase{"HealthzPost", "POST", "/healthz", 405},
                    AccessCase{"Services", "GET", "/v1/services", 403},
                    AccessCase{"Service", "GET", "/v1/services/orders.local", 403},
                    AccessCase{"UnknownServiceIsNotTold", "GET", "/v1/services/nope", 403},
                    AccessCase{"Endpoints", "GET", "/v1/services/orders.local/endpoints", 403},
                    AccessCase{"Pick", "GET", "/v1/services/orders.local/pick", 403},
                    AccessCase{"Metrics", "GET", "/metrics", 200}, AccessCase{"Page", "GET", "/", 403},
                    AccessCase{"Status", "GET", "/v1/status", 403}, AccessCase{"Events", "GET", "/v1/events", 403},
                    AccessCase{"Reload", "POST", "/v1/reload", 403}, AccessCase{"Nothing", "GET", "/nothing", 403},
                    AccessCase{"BelowHealthz", "GET", "/healthz/../v1/services", 403}),
    [](const auto& instance) { return instance.param.name; });

TEST(Pick, MovesTheRotationWithEachGet) {
    FakeModel fake;
    const Model model = fake.model();
    const Request request{"GET", "/v1/services/orders.local/pick", "localhost", ""};
    EXPECT_EQ(respond(request, {}, model).body, "10.0.1.10:8080\n");
    EXPECT_EQ(respond(request, {}, model).body, "[fd00::2]:8080\n");
    EXPECT_EQ(fake.picks, 2);
}

TEST(Pick, HeadAndOptionsMoveNothing) {
    FakeModel fake;
    const Model model = fake.model();
    respond({"HEAD", "/v1/services/orders.local/pick", "localhost", ""}, {}, model);
    respond({"OPTIONS", "/v1/services/orders.local/pick", "localhost", ""}, {}, model);
    respond({"POST", "/v1/services/orders.local/pick", "localhost", ""}, {}, model);
    respond({"GET", "/v1/services/orders.local", "localhost", ""}, {}, model);
    respond({"GET", "/v1/services/orders.local/endpoints", "localhost", ""}, {}, model);
    EXPECT_EQ(fake.picks, 0);
}

TEST(Readyz, ListsWhatIsMissingAsAProblem) {
    FakeModel fake;
    fake.ready = {false, {{"orders.local", "not polled yet"}, {"dark.local", "2 of 4 endpoints not checked yet"}}};
    const Response response = respond({"GET", "/readyz", "localhost", "*/*"}, {}, fake.model());
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.content_type, as_problem);
    const auto body = json(response);
    EXPECT_EQ(body.at("status"), 503);
    EXPECT_EQ(body.at("title"), "Service Unavailable");
    EXPECT_EQ(body.at("missing"), boost::json::parse(R"([{"service": "orders.local", "reason": "not polled yet"},
                  {"service": "dark.local", "reason": "2 of 4 endpoints not checked yet"}])"));
}

TEST(Readyz, NamesNoServiceWhereItIsNotBecauseOfOne) {
    FakeModel fake;
    fake.ready = {false, {{"", "shutting down"}}};
    const auto body = json(respond({"GET", "/readyz", "localhost", ""}, {}, fake.model()));
    EXPECT_EQ(body.at("missing"), boost::json::parse(R"([{"service": null, "reason": "shutting down"}])"));
}

TEST(Readyz, ListsWhatIsMissingAsTextIfAsked) {
    FakeModel fake;
    fake.ready = {false, {{"orders.local", "not polled yet"}, {"", "shutting down"}}};
    const Response response = respond({"GET", "/readyz", "localhost", "text/plain"}, {}, fake.model());
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.content_type, plain);
    EXPECT_EQ(response.body, "not ready\norders.local: not polled yet\nshutting down\n");
}

TEST(Services, ListsEachWithItsCountsOnly) {
    const auto services = json(get("/v1/services")).at("services").as_array();
    ASSERT_EQ(services.size(), 2U);
    const auto& first = services[0].as_object();
    EXPECT_EQ(first.at("endpoint_counts"), boost::json::parse(R"({"total": 3, "healthy": 2, "served": 2})"));
    EXPECT_FALSE(first.contains("endpoints"));
    EXPECT_EQ(services[1].as_object().at("state"), "no_endpoint");
}

TEST(Services, AreATableForPeople) {
    EXPECT_EQ(get("/v1/services", "text/plain").body,
              "NAME          STATE        RUNG         ENDPOINTS  HEALTHY  SERVED  INDEX  LAST POLL\n"
              "orders.local  serving      healthy      3          2        2       17     "
              "2001-09-09T01:46:40.000Z records, ttl 9.7s\n"
              "dark.local    no_endpoint  no_endpoint  1          0        0       4      never\n");
}

TEST(Services, NameAtMostTwentyOfThemInAMessage) {
    FakeModel fake;
    Model model = fake.model();
    model.services = [] { return std::vector<ServiceStatus>(23, dark()); };
    const Response response = respond({"GET", "/v1/services/nope", "localhost", ""}, {}, model);
    EXPECT_THAT(response.body, HasSubstr("dark.local and 3 more;"));
    model.services = [] { return std::vector<ServiceStatus>{}; };
    EXPECT_THAT(respond({"GET", "/v1/services/nope", "localhost", ""}, {}, model).body, HasSubstr("known: none;"));
}

// The whole answer, letter by letter: field names, order, and layout are promised in docs/http-api.md.
TEST(Service, IsWrittenAsDocumented) {
    EXPECT_EQ(get("/v1/services/orders.local").body, R"({
  "name": "orders.local",
  "aliases": ["orders", "bestellungen"],
  "source": "dns",
  "port": 8080,
  "required": true,
  "state": "serving",
  "rung": "healthy",
  "stale": false,
  "panic": false,
  "registry": "sample",
  "coverage": 0.917,
  "zone": "use1-az1",
  "zone_preferred": true,
  "observe": {
    "state": "unavailable",
    "reason": "a socket of NETLINK_SOCK_DIAG: Protocol not supported"
  },
  "index": 17,
  "rotation": {
    "answers": 1234,
    "next": [
      {
        "address": "fd00::2",
        "port": 8080
      },
      {
        "address": "10.0.1.10",
        "port": 8080
      }
    ]
  },
  "last_poll": {
    "at": "2001-09-09T01:46:40.000Z",
    "outcome": "records",
    "ttl_seconds": 9,
    "error": null
  },
  "next_poll": "2001-09-09T01:46:50.000Z",
  "last_error": "10.0.0.2:53: timeout",
  "endpoint_counts": {
    "total": 3,
    "healthy": 2,
    "served": 2
  },
  "endpoints": [
    {
      "address": "10.0.1.10",
      "port": 8080,
      "state": "healthy",
      "served": true,
      "reason": "served",
      "since": "2001-09-09T01:46:40.000Z",
      "last_check": {
        "at": "2001-09-09T01:46:40.000Z",
        "outcome": "connected",
        "latency_ms": 3,
        "http_status": null,
        "detail": null
      },
      "registry": {
        "presence": "present",
        "present": true,
        "last_seen": "2001-09-09T01:46:40.000Z"
      },
      "weight": 1,
      "share": 0.75,
      "zone": "use1-az1",
      "connections": null,
      "reports": null,
      "admin": null
    },
    {
      "address": "fd00::2",
      "port": 8080,
      "state": "healthy",
      "served": true,
      "reason": "served",
      "since": "2001-09-09T01:46:40.000Z",
      "last_check": null,
      "registry": {
        "presence": "present",
        "present": true,
        "last_seen": "2001-09-09T01:46:40.000Z"
      },
      "weight": 5,
      "share": 0.25,
      "zone": null,
      "connections": null,
      "reports": null,
      "admin": null
    },
    {
      "address": "10.0.1.12",
      "port": 8080,
      "state": "unhealthy",
      "served": false,
      "reason": "unhealthy:status",
      "since": "2001-09-09T01:46:40.000Z",
      "last_check": {
        "at": "2001-09-09T01:46:40.000Z",
        "outcome": "status",
        "latency_ms": 12.345,
        "http_status": 500,
        "detail": "what it said"
      },
      "registry": {
        "presence": "held_guard",
        "present": false,
        "last_seen": "2001-09-09T01:46:40.000Z"
      },
      "weight": 1,
      "share": 0,
      "zone": null,
      "connections": {
        "open": 2,
        "rtt_ms": null,
        "retransmits": 7,
        "answered": 0,
        "refused": 1,
        "unanswered": 3,
        "last_seen": "2001-09-09T01:46:40.000Z"
      },
      "reports": {
        "failures": 4,
        "ejections": 1,
        "ejected_until": "2001-09-09T01:47:10.000Z"
      },
      "admin": {
        "state": "drained",
        "until": "2001-09-09T02:46:40.000Z"
      }
    }
  ]
}
)");
}

TEST(Service, HasNullForWhatIsNotKnown) {
    const auto body = json(get("/v1/services/dark.local"));
    for (const char* field : {"port", "last_poll", "next_poll", "last_error"}) {
        EXPECT_TRUE(body.at(field).is_null()) << field;
    }
    const auto& endpoint = body.at("endpoints").as_array().at(0).as_object();
    for (const char* field : {"port", "since", "last_check"}) EXPECT_TRUE(endpoint.at(field).is_null()) << field;
    EXPECT_TRUE(endpoint.at("registry").as_object().at("last_seen").is_null());
    EXPECT_EQ(body.at("aliases"), boost::json::array());
}

TEST(Service, SaysWhyItsPollFailed) {
    FakeModel fake;
    Model model = fake.model();
    model.service = [](std::string_view) {
        ServiceStatus out = orders();
        out.last_poll = PollStatus{noon, "failed", std::nullopt, "10.0.0.2:53: SERVFAIL", noon + 1s};
        return std::optional(out);
    };
    const auto body = json(respond({"GET", "/v1/services/orders", "localhost", ""}, {}, model));
    const auto& poll = body.at("last_poll").as_object();
    EXPECT_EQ(poll.at("outcome"), "failed");
    EXPECT_TRUE(poll.at("ttl_seconds").is_null());
    EXPECT_EQ(poll.at("error"), "10.0.0.2:53: SERVFAIL");
}

TEST(Service, IsReadableAsText) {
    EXPECT_EQ(get("/v1/services/orders", "text/plain").body,
              "orders.local (dns): serving, rung healthy, zone use1-az1 first, index 17\n"
              "alias: orders\n"
              "alias: bestellungen\n"
              "last poll: 2001-09-09T01:46:40.000Z records, ttl 9.7s\n"
              "last error: 10.0.0.2:53: timeout\n"
              "ENDPOINT        STATE      SERVED  REASON            SINCE                     LAST CHECK\n"
              "10.0.1.10:8080  healthy    yes     served            2001-09-09T01:46:40.000Z  "
              "2001-09-09T01:46:40.000Z connected, 3.0ms\n"
              "[fd00::2]:8080  healthy    yes     served            2001-09-09T01:46:40.000Z  -\n"
              "10.0.1.12:8080  unhealthy  no      unhealthy:status  2001-09-09T01:46:40.000Z  "
              "2001-09-09T01:46:40.000Z status 500 (what it said), 12.3ms\n");
    EXPECT_THAT(get("/v1/services/dark.local", "text/plain").body, HasSubstr("no_endpoint, stale, index 4\n"));
}

TEST(Endpoints, AreTheServedOnesAsJson) {
    EXPECT_EQ(json(get("/v1/services/orders/endpoints", "application/json")),
              boost::json::parse(
                  R"({"name": "orders.local", "state": "serving", "rung": "healthy", "index": 17, "endpoints": [
                  {"address": "10.0.1.10", "port": 8080, "weight": 1}, {"address": "fd00::2", "port": 8080, "weight": 5}]})"));
}

TEST(Endpoints, SayWhetherAnEmptyListIsKnownToBeOne) {
    const auto body = json(get("/v1/services/dark.local/endpoints", "application/json"));
    EXPECT_EQ(body.at("state"), "no_endpoint");
    EXPECT_EQ(body.at("endpoints"), boost::json::array());
}

TEST(Problem, IsWhatRfc9457Wants) {
    const Response response = problem(404, "Not Found", "say \"please\"");
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.content_type, as_problem);
    EXPECT_EQ(json(response), boost::json::parse(R"({"type": "about:blank", "title": "Not Found", "status": 404,
                                                     "detail": "say \"please\""})"));
}

}  // namespace
}  // namespace taskdns::http_server
