// A daemon in trouble, made up: one service well, one that is served in part, one with nothing to serve.
#pragma once

#include "http_server/model.hpp"

namespace taskdns::http_server::example {

using namespace std::chrono_literals;

inline const WallTime now = WallTime{} + 1'000'000'000s;  // 2001-09-09T01:46:40Z

inline SocketAddress address(std::string_view text) { return SocketAddress::parse(text).value(); }

inline EndpointStatus endpoint(std::string_view text, const char* state, const char* reason, bool served) {
    EndpointStatus out;
    out.address = address(text);
    out.state = state;
    out.served = served;
    out.reason = reason;
    out.since = now - 200min;
    out.presence = "present";
    out.present = true;
    out.last_seen = now - 3s;
    return out;
}

inline EndpointStatus healthy(std::string_view text) {
    EndpointStatus out = endpoint(text, "healthy", "served", true);
    out.last_check = LastCheck{now - 1500ms, "connected", std::chrono::microseconds(412), 0, ""};
    out.share = 0.25;
    return out;
}

inline ServiceStatus service(const char* name) {
    ServiceStatus out;
    out.name = name;
    out.source = "dns";
    out.port = 8080;
    out.state = "serving";
    out.rung = "healthy";
    out.basis = "complete";
    out.coverage = 1;
    out.observe = {"on", ""};
    out.index = 17;
    out.last_poll = PollStatus{now - 4s, "records", 10s, "", now + 6s};
    return out;
}

inline ServiceStatus well() {
    ServiceStatus out = service("resource-server.local");
    out.aliases = {"resource-server"};
    for (const char* text : {"10.0.1.10:8080", "10.0.1.11:8080", "10.0.2.10:8080", "10.0.2.11:8080"}) {
        out.endpoints.push_back(healthy(text));
        out.rotation.next.push_back(address(text));
    }
    out.endpoints[0].connections = ConnectionStatus{4, std::chrono::microseconds(312), 1, 1205, 2, 3, now - 500ms};
    out.endpoints[0].zone = "use1-az1";
    out.rotation.answers = 40'123;
    out.counts = {.total = 4, .healthy = 4, .served = 4};
    return out;
}

inline ServiceStatus impaired() {
    ServiceStatus out = service("orders.local");
    out.required = false;
    out.stale = true;
    out.zone = "use1-az1";
    out.zone_preferred = true;
    out.observe = {"unavailable", "the kernel does not tell"};
    out.coverage = 0.75;
    out.endpoints = {healthy("10.0.3.10:9090"), endpoint("10.0.3.11:9090", "unhealthy", "unhealthy:status", false),
                     endpoint("10.0.3.12:9090", "healthy", "drained", false),
                     endpoint("10.0.3.13:9090", "healthy", "ejected:reports", false)};
    out.endpoints[1].since = now - 42s;
    out.endpoints[1].last_check = LastCheck{now - 300ms, "status", 12345us, 500, "<b>Tom & \"Jerry\"</b>"};
    out.endpoints[1].weight = 5;
    out.endpoints[1].presence = "held_guard";
    out.endpoints[1].present = false;
    out.endpoints[2].drained_until = now + 9min;
    out.endpoints[3].reports = ReportStatus{5, 1, now + 25s};
    out.counts = {.total = 4, .healthy = 3, .served = 1};
    return out;
}

inline ServiceStatus dark() {
    ServiceStatus out = service("dark.local");
    out.state = "no_endpoint";
    out.rung = "no_endpoint";
    out.basis = "failed";
    out.last_poll = PollStatus{now - 2s, "failed", std::nullopt, "10.0.0.2:53: timeout", now + 2s};
    out.last_error = "10.0.0.2:53: timeout";
    return out;
}

inline DaemonStatus daemon() {
    DaemonStatus out;
    out.version = "0.1.0";
    out.identity = "task/abc";
    out.task = TaskStatus{"abc", "client", "default", "client-service", "use1-az1"};
    out.started = now - 200min;
    out.now = now;
    out.ready.ready = true;
    out.configuration = {"/etc/taskdns/taskdns.yaml", "TASKDNS_SERVICES"};
    out.last_reload = {now - 200min, "start", "applied", {}};
    out.dns_listeners = {address("127.0.0.1:53"), address("[::1]:53")};
    out.http_listeners = {address("127.0.0.1:8053")};
    UpstreamServerStatus server;
    server.address = address("10.0.0.2:53");
    server.state = "answers";
    server.queries = 200;
    server.failures = 10;
    server.rtt = std::chrono::microseconds(830);
    server.last_answer = now - 4s;
    out.upstream = {server};
    out.upstream_from = "task_metadata";
    out.resolv_conf = ResolvConfStatus{"/etc/resolv.conf",
                                       "managed",
                                       {address("127.0.0.1:53").address, address("10.0.0.2:53").address},
                                       {address("10.0.0.2:53").address},
                                       ""};
    out.index = 17;
    return out;
}

}  // namespace taskdns::http_server::example
