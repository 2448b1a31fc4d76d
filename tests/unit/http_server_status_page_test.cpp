// The status page: what it shows, that it shows nothing as markup that is text, and that it stays bounded.
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/status_page.hpp"
#include "http_server_example.hpp"

namespace taskdns::http_server {
namespace {

using namespace example;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::vector<ServiceStatus> all_three{well(), impaired(), dark()};

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

/// Of the row that holds `text`, without its tags.
std::string row_with(const std::string& page, const std::string& text) {
    const std::size_t at = page.find("<th scope=\"row\">" + text);
    if (at == std::string::npos) return "";
    std::string out;
    bool in_tag = false;
    for (const char c : page.substr(at, page.find("</tr>", at) - at)) {
        if (c == '<' && !out.ends_with('|')) out += '|';
        in_tag = (in_tag || c == '<') && c != '>';
        if (!in_tag && c != '>') out += c;
    }
    return out;
}

TEST(StatusPage, BeginsWithWhatIsWrong) {
    const std::string page = status_page(daemon(), all_three, "bm9uY2U=");
    EXPECT_THAT(page, HasSubstr("<b>1 of 3 services failing: dark.local; 1 with a warning: orders.local</b>"));
    EXPECT_LT(page.find("id=\"headline\""), page.find("<table"));
    EXPECT_LT(page.find("data-key=\"o-dark.local\""), page.find("data-key=\"o-orders.local\""));
    EXPECT_LT(page.find("data-key=\"o-orders.local\""), page.find("data-key=\"o-resource-server.local\""));
    EXPECT_THAT(status_page(daemon(), {well()}, "x"), HasSubstr("<b>All well: 1 service, 4 endpoints served</b>"));
}

TEST(StatusPage, ShowsAnEndpointsRow) {
    const std::string page = status_page(daemon(), all_three, "x");
    EXPECT_EQ(row_with(page, "10.0.1.10:8080"),
              "|10.0.1.10:8080 |next|✓| healthy, |served|served|3 h 20 min|connected, 0.41 ms|1 s ago|"
              "4 open, round trip 0.31 ms|1205 answered, 2 refused, 3 unanswered, 1 resent|25 %|use1-az1|");
    EXPECT_EQ(row_with(page, "10.0.3.11:9090"),
              "|10.0.3.11:9090|!| unhealthy, not served|unhealthy:status|left out: unexpected HTTP status|42 s|"
              "unexpected HTTP status (HTTP 500), 12 ms|just now: &lt;b&gt;Tom &amp; &quot;Jerry&quot;&lt;/b&gt;|-|"
              "0 %|5|kept by the shrink guard|seen 3 s ago|");
    EXPECT_THAT(row_with(page, "10.0.3.12:9090"), HasSubstr("drained for 9 min"));
    EXPECT_THAT(row_with(page, "10.0.3.13:9090"), HasSubstr("ejected for 25 s; 5 failures reported"));
    EXPECT_THAT(page, HasSubstr("<b>40123</b>. First in the next ones:</p><ol data-mark=\"40123\">"
                                "<li>10.0.1.10:8080</li><li>10.0.1.11:8080</li>"));
    EXPECT_EQ(row_with(page, "10.0.0.2:53"), "|10.0.0.2:53|✓| answers|200|10 (5 %)|0.83 ms|4 s|-|");
}

TEST(StatusPage, TakesNoTextForMarkup) {
    const std::string evil = "\"'><script>alert(1)</script>@DETAIL@@NONCE@\xFF\x1B[31m";
    ServiceStatus service = impaired();
    service.last_error = service.last_poll->error = service.basis = service.source = service.rung = evil;
    service.aliases = {evil};
    service.zone = service.observe.state = service.observe.reason = evil;
    for (EndpointStatus& endpoint : service.endpoints) {
        endpoint.state = endpoint.reason = endpoint.presence = endpoint.zone = evil;
        endpoint.present = false;
        endpoint.last_check = LastCheck{now, evil, 1ms, 0, evil};
    }
    DaemonStatus daemon = example::daemon();
    daemon.version = daemon.identity = daemon.last_reload.outcome = daemon.last_reload.trigger = evil;
    daemon.task = TaskStatus{evil, evil, evil, evil, evil};
    daemon.upstream_from = evil;
    daemon.resolv_conf = ResolvConfStatus{evil, "failing", {}, {}, evil};
    daemon.configuration = daemon.last_reload.errors = {evil};
    daemon.upstream[0].state = daemon.upstream[0].last_error = evil;
    daemon.ready.missing = {{"", evil}};
    const std::string clean = status_page(example::daemon(), {impaired()}, "bm9uY2U=");
    const std::string page = status_page(daemon, {service}, "bm9uY2U=");
    EXPECT_EQ(count(page, "<script"), 1U);
    EXPECT_EQ(count(page, "bm9uY2U="), count(clean, "bm9uY2U=")) << "the nonce stands nowhere else";
    EXPECT_EQ(count(page, "id=\"detail\""), 1U);
    EXPECT_THAT(page,
                HasSubstr("&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;@DETAIL@@NONCE@\uFFFD\uFFFD[31m"));
}

TEST(StatusPage, IsSmall) {
    EXPECT_LT(status_page(daemon(), {well()}, "bm9uY2U=").size(), 60U * 1024);
    EXPECT_LT(status_page(daemon(), all_three, "bm9uY2U=").size(), 60U * 1024);
}

ServiceStatus large(const char* name, std::size_t endpoints) {
    ServiceStatus out = service(name);
    for (std::size_t i = 0; i < endpoints; ++i) {
        out.endpoints.push_back(healthy("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":80"));
    }
    out.endpoints.back() = endpoint("10.9.9.9:80", "unhealthy", "unhealthy:timeout", false);
    out.counts = {.total = endpoints, .healthy = endpoints - 1, .served = endpoints - 1};
    return out;
}

TEST(StatusPage, ShowsNoMoreThanItsLimits) {
    const std::vector<ServiceStatus> services{large("a.local", 1000), large("b.local", 1000), large("c.local", 1000)};
    const std::string page = status_fragment(daemon(), services);
    EXPECT_EQ(count(page, "class=\"shr\""), 2'000U);
    EXPECT_EQ(count(page, "<th scope=\"row\">10.9.9.9:80"), 3U) << "what is wrong is shown in all services";
    EXPECT_THAT(page, HasSubstr(">999 more endpoints, not shown here: <a href=\"/v1/services/c.local\">"));
    EXPECT_LT(page.size(), 2U * 1024 * 1024);

    const std::string small = status_fragment(daemon(), services, {.services = 2, .endpoints = 3});
    EXPECT_THAT(small, AllOf(HasSubstr("The worst first; 1 more, none of them worse"), Not(HasSubstr("o-c.local"))));
    EXPECT_EQ(count(small, "class=\"shr\""), 3U);
}

TEST(StatusPage, AsksForNoMoreEndpointsThanItShows) {
    int asked = 0;
    Model model;
    model.services = [] {
        std::vector<ServiceStatus> out(10, service("x.local"));
        for (ServiceStatus& service : out) service.counts = {.total = 100, .healthy = 100, .served = 100};
        out[7].name = "dark.local";
        out[7].rung = "no_endpoint";
        return out;
    };
    model.service = [&](std::string_view name) {
        ++asked;
        return std::optional(large(std::string(name).c_str(), 100));
    };
    const auto services = services_for_page(model, {.services = 500, .endpoints = 250});
    EXPECT_EQ(asked, 3);
    ASSERT_EQ(services.size(), 10U);
    EXPECT_EQ(services[0].name, "dark.local") << "the worst first";
    EXPECT_EQ(services[2].endpoints.size(), 100U);
    EXPECT_THAT(status_fragment(daemon(), services), HasSubstr(">100 endpoints, not shown here: "));
}

TEST(StatusPage, GivesTheScriptWhatThePageHas) {
    const std::string page = status_page(daemon(), all_three, "x");
    const std::string fragment = status_fragment(daemon(), all_three);
    const std::size_t end_of_summary = fragment.find("</section>\n") + 11;
    EXPECT_THAT(page, HasSubstr(fragment.substr(0, end_of_summary)));
    EXPECT_THAT(page, HasSubstr(fragment.substr(end_of_summary)));
    EXPECT_THAT(fragment, Not(HasSubstr("<script")));
    EXPECT_EQ(page.find('@'), page.find("@media")) << "every placeholder is filled";
}

TEST(StatusPage, AllowsOnlyItsOwn) {
    EXPECT_EQ(status_page_policy("bm9uY2U="),
              "default-src 'none'; style-src 'nonce-bm9uY2U='; script-src 'nonce-bm9uY2U='; connect-src 'self'; "
              "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    const std::string page = status_page(daemon(), {well()}, "bm9uY2U=");
    EXPECT_EQ(count(page, " nonce=\"bm9uY2U=\""), 2U);
    EXPECT_EQ(count(page, "style=\""), 0U) << "the policy forbids them";
    EXPECT_EQ(count(page, "://"), 1U) << "the name space of the icon";
}

TEST(DaemonJson, HasEveryField) {
    DaemonStatus daemon = example::daemon();
    daemon.ready = {false, {{"dark.local", "not polled yet"}, {"", "shutting down"}}};
    daemon.last_reload = {now, "file", "failed", {"a.yaml:1:1: no"}};
    daemon.upstream.push_back({address("[fd00::2]:53"), "not_asked", 0, 0, {}, std::nullopt, ""});
    EXPECT_EQ(daemon_json(daemon), R"({
  "version": "0.1.0",
  "identity": "task/abc",
  "task": {
    "id": "abc",
    "family": "client",
    "cluster": "default",
    "service": "client-service",
    "zone": "use1-az1"
  },
  "started": "2001-09-08T22:26:40.000Z",
  "now": "2001-09-09T01:46:40.000Z",
  "uptime_seconds": 12000,
  "ready": false,
  "missing": [
    {
      "service": "dark.local",
      "reason": "not polled yet"
    },
    {
      "service": null,
      "reason": "shutting down"
    }
  ],
  "configuration": ["/etc/taskdns/taskdns.yaml", "TASKDNS_SERVICES"],
  "last_reload": {
    "at": "2001-09-09T01:46:40.000Z",
    "trigger": "file",
    "outcome": "failed",
    "errors": ["a.yaml:1:1: no"]
  },
  "dns_listeners": ["127.0.0.1:53", "[::1]:53"],
  "http_listeners": ["127.0.0.1:8053"],
  "upstream": [
    {
      "address": "10.0.0.2",
      "port": 53,
      "state": "answers",
      "queries": 200,
      "failures": 10,
      "rtt_ms": 0.83,
      "last_answer": "2001-09-09T01:46:36.000Z",
      "last_error": null
    },
    {
      "address": "fd00::2",
      "port": 53,
      "state": "not_asked",
      "queries": 0,
      "failures": 0,
      "rtt_ms": null,
      "last_answer": null,
      "last_error": null
    }
  ],
  "upstream_from": "task_metadata",
  "resolv_conf": {
    "path": "/etc/resolv.conf",
    "state": "managed",
    "servers": ["127.0.0.1", "10.0.0.2"],
    "saved": ["10.0.0.2"],
    "last_error": null
  },
  "index": 17
}
)");
}

/// docs/http-api.md shows what the code writes, letter by letter.
TEST(DaemonJson, StandsInTheDocuments) {
    DaemonStatus daemon;
    daemon.version = "0.1.0";
    daemon.identity = "158d1c8083dd49d6b527399fd6414f5c";
    daemon.task = TaskStatus{daemon.identity, "client", "default", "client", "usw2-az4"};
    daemon.started = parse_wall_time("2026-11-22T14:10:11.123Z").value();
    daemon.now = daemon.started + 2h + 500ms;
    daemon.ready.ready = true;
    daemon.configuration = {"/etc/taskdns/taskdns.yaml", "TASKDNS_SERVICES"};
    daemon.last_reload = {daemon.started, "start", "applied", {}};
    daemon.dns_listeners = {address("127.0.0.1:53"), address("[::1]:53")};
    daemon.http_listeners = {address("127.0.0.1:8053")};
    daemon.upstream = {{address("10.0.0.2:53"), "answers", 1830, 2, 412us, daemon.now - 500ms, "timeout"}};
    daemon.upstream_from = "task_metadata";
    daemon.resolv_conf = ResolvConfStatus{
        "/etc/resolv.conf", "managed", {address("127.0.0.1:53").address}, {address("10.0.0.2:53").address}, ""};
    daemon.index = 1795356611140;
    std::ifstream file(TASKDNS_SOURCE_DIR "/docs/http-api.md");
    const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_THAT(page, HasSubstr("```json\n" + daemon_json(daemon) + "```\n"));
}

TEST(DaemonText, IsReadable) {
    EXPECT_EQ(daemon_text(daemon()),
              "taskdns 0.1.0, task task/abc, up 3 h 20 min, ready\n"
              "dns: 127.0.0.1:53\n"
              "dns: [::1]:53\n"
              "http: 127.0.0.1:8053\n"
              "configuration: /etc/taskdns/taskdns.yaml\n"
              "configuration: TASKDNS_SERVICES\n"
              "last reload: 2001-09-08T22:26:40.000Z applied (start)\n"
              "family: client\n"
              "ECS service: client-service\n"
              "cluster: default\n"
              "zone: use1-az1\n"
              "upstream: 10.0.0.2:53 answers, 200 queries, 10 failed, 0.83 ms\n"
              "upstream from: task_metadata\n"
              "resolv.conf: /etc/resolv.conf names 127.0.0.1, 10.0.0.2, and named 10.0.0.2 before\n");
}

}  // namespace
}  // namespace taskdns::http_server
