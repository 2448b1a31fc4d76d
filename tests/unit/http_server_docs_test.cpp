// docs/http-api.md shows what the code writes, letter by letter, and its tables have every field.
#include <fstream>
#include <iterator>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/route_table.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string read_page() {
    std::ifstream file(TASKDNS_SOURCE_DIR "/docs/http-api.md");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// `hour:minute:second.millisecond` of 2026-11-22.
WallTime at(int hour, int minute, int second, int millisecond) {
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + seconds(second) + milliseconds(millisecond);
}

/// The service that the page shows.
ServiceStatus example() {
    ServiceStatus out;
    out.name = "resource-server.local";
    out.aliases = {"resource-server"};
    out.source = "dns";
    out.port = 8080;
    out.state = "serving";
    out.rung = "healthy";
    out.basis = "complete";
    out.coverage = 1;
    out.observe = {"on", ""};
    out.index = 1795356611140;
    out.rotation = {1234, {SocketAddress::parse("10.0.1.10:8080").value()}};
    out.last_poll = PollStatus{at(16, 10, 11, 123), "records", 10s, "", at(16, 10, 21, 623)};
    EndpointStatus endpoint;
    endpoint.address = SocketAddress::parse("10.0.1.10:8080").value();
    endpoint.state = "healthy";
    endpoint.served = true;
    endpoint.reason = "served";
    endpoint.since = at(16, 2, 40, 1);
    endpoint.last_check = LastCheck{at(16, 10, 10, 900), "connected", std::chrono::microseconds(412), 0, ""};
    endpoint.presence = "present";
    endpoint.present = true;
    endpoint.share = 1;
    endpoint.last_seen = at(16, 10, 11, 123);
    endpoint.reports = ReportStatus{3, 1, at(16, 10, 40, 0)};
    endpoint.drained_until = at(16, 20, 0, 0);
    endpoint.connections = ConnectionStatus{4, std::chrono::microseconds(312), 1, 1205, 0, 0, at(16, 10, 11, 504)};
    out.counts = {1, 1, 1};
    out.endpoints = {endpoint};
    return out;
}

Model model() {
    Model out;
    out.ready = [] { return ReadyStatus{false, {{"resource-server.local", "2 of 4 endpoints not checked yet"}}}; };
    out.services = [] { return std::vector<ServiceStatus>{example()}; };
    out.service = [](std::string_view name) {
        return name == "resource-server.local" ? std::optional(example()) : std::nullopt;
    };
    out.pick = [](std::string_view) { return SocketAddress::parse("10.0.1.10:8080"); };
    out.index = [] { return std::uint64_t{1795356611140}; };
    out.service_index = [](std::string_view) { return std::optional<std::uint64_t>(1795356611140); };
    return out;
}

std::string get(const std::string& target) {
    return respond({"GET", target, "localhost", "application/json"}, {}, model()).body;
}

TEST(HttpApiPage, ShowsTheAnswersAsTheyAre) {
    const std::string page = read_page();
    for (const char* target : {"/readyz", "/v1/services/resource-server.local",
                               "/v1/services/resource-server.local/endpoints", "/v1/services/resorce-server.local"}) {
        EXPECT_THAT(page, HasSubstr("```json\n" + get(target) + "```\n")) << target;
    }
}

/// `a.b`, `a[].b`: every field of `value` and below, with `prefix` in front.
void list_fields(const boost::json::value& value, const std::string& prefix, std::vector<std::string>& out) {
    if (const auto* array = value.if_array()) {
        for (const auto& element : *array) list_fields(element, prefix + "[]", out);
    } else if (const auto* object = value.if_object()) {
        for (const auto& [key, member] : *object) {
            const std::string name = (prefix.empty() ? "" : prefix + ".") + std::string(key);
            if (!member.is_object() && !member.is_array()) out.push_back(name);
            list_fields(member, name, out);
        }
    }
}

TEST(HttpApiPage, SaysWhatEachFieldMeans) {
    const std::string page = read_page();
    std::vector<std::string> fields;
    list_fields(boost::json::parse(get("/v1/services/resource-server.local")), "", fields);
    EXPECT_GT(fields.size(), 20U);
    for (const std::string& field : fields) {
        if (field.starts_with("endpoint_counts.")) continue;  // explained in one row
        EXPECT_THAT(page, HasSubstr("\n| `" + field + "` |"));
    }
}

TEST(HttpApiPage, HasEachRouteAndMethod) {
    const std::string page = read_page();
    for (const RouteRow& row : route_table()) {
        for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
            if (!allows(row, method)) continue;
            EXPECT_THAT(page, HasSubstr("\n| `" + std::string(method) + " " + std::string(row.pattern) + "` |"));
        }
    }
}

}  // namespace
}  // namespace taskdns::http_server
