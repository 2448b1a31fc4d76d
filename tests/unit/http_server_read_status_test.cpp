// What is written is read back to the same, and what is no answer of ours breaks nothing.
#include <gtest/gtest.h>

#include "http_server/read_status.hpp"
#include "http_server/render.hpp"
#include "http_server/status_page.hpp"
#include "http_server_example.hpp"

namespace taskdns::http_server {
namespace {

using namespace example;

TEST(ReadStatus, GivesBackWhatWasWritten) {
    DaemonStatus daemon = example::daemon();
    daemon.ready = {false, {{"dark.local", "not polled yet"}}};
    daemon.last_reload.errors = {"one", "two"};
    const auto read = read_daemon(daemon_json(daemon));
    ASSERT_TRUE(read);
    EXPECT_EQ(daemon_json(*read), daemon_json(daemon));
    for (const ServiceStatus& service : {well(), impaired(), dark()}) {
        const auto again = read_service(service_json(service));
        ASSERT_TRUE(again);
        EXPECT_EQ(service_json(*again), service_json(service));
        EXPECT_EQ(status_fragment(daemon, {*again}), status_fragment(daemon, {service}));
    }
    const std::vector<ServiceStatus> all{well(), impaired(), dark()};
    const auto list = read_services(services_json(all));
    ASSERT_TRUE(list);
    EXPECT_EQ(services_json(*list), services_json(all));
}

TEST(ReadStatus, LeavesOutWhatItCannotUse) {
    const auto service = read_service(
        R"({"name": 5, "port": 70000, "aliases": ["a", 1], "last_poll": [], "coverage": "x", "endpoint_counts": 3,
            "endpoints": [1, {"address": "no", "last_check": {"latency_ms": -1, "at": "yesterday"}}], "new": {}})");
    ASSERT_TRUE(service);
    EXPECT_EQ(service->name, "");
    EXPECT_EQ(service->port, 0);
    EXPECT_EQ(service->aliases, std::vector<std::string>{"a"});
    EXPECT_FALSE(service->last_poll);
    ASSERT_EQ(service->endpoints.size(), 2U);
    EXPECT_EQ(service->endpoints[1].last_check->latency.count(), 0);
    EXPECT_EQ(service->endpoints[1].last_check->at, WallTime{});
}

TEST(ReadStatus, RefusesWhatIsNoObject) {
    for (const char* text : {"", "[]", "{", "<html>", "null"}) {
        EXPECT_FALSE(read_daemon(text)) << text;
        EXPECT_FALSE(read_services(text)) << text;
        EXPECT_FALSE(read_service(text)) << text;
    }
}

}  // namespace
}  // namespace taskdns::http_server
