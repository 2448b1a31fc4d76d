// What a configuration means: every key, the defaults, and how sources and defaults combine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace taskdns::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::optional<std::string> empty_environment(const std::string&) { return std::nullopt; }

Config parsed(const std::string& yaml) {
    auto config = parse(yaml, "f.yaml", empty_environment);
    if (!config) {
        ADD_FAILURE() << config.error().message;
        return {};
    }
    return std::move(*config);
}

Service service_of(const std::string& yaml) {
    const Config config = parsed(yaml);
    EXPECT_EQ(config.services.size(), 1u);
    return config.services.empty() ? Service{} : config.services.front();
}

std::vector<std::string> texts(const std::vector<SocketAddress>& addresses) {
    std::vector<std::string> out;
    for (const auto& address : addresses) out.push_back(address.to_string());
    return out;
}

TEST(Parse, GivesTheDefaultsOfTheStructs) {
    const Config config = parsed("services: [{name: orders.local}]");
    EXPECT_THAT(texts(config.listen.dns), ElementsAre("127.0.0.1:53", "[::1]:53"));
    EXPECT_THAT(texts(config.listen.http), ElementsAre("127.0.0.1:8053"));
    EXPECT_TRUE(config.listen.dns_is_default);
    EXPECT_THAT(config.upstream.servers, IsEmpty());
    EXPECT_EQ(config.upstream.timeout, 1s);
    const Service& service = config.services.at(0);
    EXPECT_EQ(service.name.to_string(), "orders.local");
    EXPECT_EQ(service.health, Health{});
    EXPECT_EQ(service.poll.min, 2s);
    EXPECT_EQ(service.membership.empty_max_unchecked, 10min);
    EXPECT_THAT(config.origins, ElementsAre("f.yaml"));
    EXPECT_THAT(config.notes, IsEmpty());
}

constexpr const char* everything = R"(
listen:
  dns: [10.0.0.5, "[fd00::5]:5353"]
  http: [127.0.0.1]
  allow: [10.0.0.0/16, fd00::/64]
  hosts: [TaskDNS.internal.]
  allow_admin: true
upstream: {servers: [10.0.0.2, "[fd00::2]:54"], timeout: 250ms, attempts: 3, max_qps: 100}
forward: {enabled: false, cache_bytes: 512KiB, max_in_flight: 7, min_ttl: 2s, max_ttl: 60s, negative_ttl: 0s,
          serve_stale: 10m, stale_after: 500ms}
services:
  - name: Orders.local
    aliases: [orders]
    source: dns
    record: SRV
    port: 8080
    required: false
    poll: {min: 1s, max: 10s}
    answer: {size: 3, order: weighted, fair: false, ttl: 5s, when_none_healthy: last_healthy}
    subset: 20
    zone: {prefer: true, map: {10.0.1.0/24: use1-az1, "fd00:1::/64": use1-az2}}
    slow_start: 30s
    health: {check: https, interval: 4s, idle_interval: 20s, timeout: 3s, rise: 4, fall: 5, fast_interval: 1s,
             path: /healthz, host: "Orders.local:80", expect_status: [200, 301-302], expect_body: "I am orders",
             tls: {verify: true, ca_file: /etc/ca.pem, server_name: Orders.internal}}
    membership: {sample_limit: 4, absent_max: 20m, stale_max: 1h, stale_max_unchecked: 2h, empty_max: 3h,
                 empty_max_unchecked: 4h, shrink_guard: 30%, reserve: 5m, max_endpoints: 200}
    panic: {threshold: 40%, min_members: 3}
snapshot: /var/lib/taskdns/snapshot.json
resolv_conf: {manage: true, fallback: true, path: /run/task/resolv.conf}
shutdown: {linger: 90s, linger_ignore: [fluent*, log_router]}
sandbox: on
log: {level: debug, format: json}
metrics: {emf: true, emf_namespace: Shop/taskdns, emf_interval: 10s}
)";

TEST(Parse, ReadsEverySettingOutsideServices) {
    const Config config = parsed(everything);
    EXPECT_THAT(texts(config.listen.dns), ElementsAre("10.0.0.5:53", "[fd00::5]:5353"));
    EXPECT_THAT(texts(config.listen.http), ElementsAre("127.0.0.1:8053"));
    EXPECT_FALSE(config.listen.dns_is_default);
    EXPECT_THAT(config.listen.allow, ElementsAre(*Network::parse("10.0.0.0/16"), *Network::parse("fd00::/64")));
    EXPECT_THAT(config.listen.hosts, ElementsAre("taskdns.internal"));
    EXPECT_TRUE(config.listen.allow_admin);
    EXPECT_THAT(texts(config.upstream.servers), ElementsAre("10.0.0.2:53", "[fd00::2]:54"));
    EXPECT_EQ(config.upstream.timeout, 250ms);
    EXPECT_EQ(config.upstream.attempts, 3u);
    EXPECT_EQ(config.upstream.max_qps, 100u);
    EXPECT_FALSE(config.forward.enabled);
    EXPECT_EQ(config.forward.cache_bytes, 524'288u);
    EXPECT_EQ(config.forward.max_in_flight, 7u);
    EXPECT_EQ(config.forward.min_ttl, 2s);
    EXPECT_EQ(config.forward.max_ttl, 60s);
    EXPECT_EQ(config.forward.negative_ttl, 0s);
    EXPECT_EQ(config.forward.serve_stale, 10min);
    EXPECT_EQ(config.forward.stale_after, 500ms);
    EXPECT_THAT(config.upstream.places,
                ElementsAre("f.yaml:8:22: upstream.servers[0]", "f.yaml:8:32: upstream.servers[1]"));
    EXPECT_EQ(config.snapshot, "/var/lib/taskdns/snapshot.json");
    EXPECT_TRUE(config.resolv_conf.manage);
    EXPECT_TRUE(config.resolv_conf.fallback);
    EXPECT_EQ(config.resolv_conf.path, "/run/task/resolv.conf");
    EXPECT_EQ(config.shutdown.linger, milliseconds(90s));
    EXPECT_THAT(config.shutdown.linger_ignore, ElementsAre("fluent*", "log_router"));
    EXPECT_TRUE(config.sandbox);
    EXPECT_EQ(config.log.level, log::Level::debug);
    EXPECT_EQ(config.log.format, log::Format::json);
    EXPECT_TRUE(config.metrics.emf);
    EXPECT_EQ(config.metrics.emf_namespace, "Shop/taskdns");
    EXPECT_EQ(config.metrics.emf_interval, 10s);
}

TEST(Parse, ReadsEverySettingOfAService) {
    const Service service = service_of(everything);
    EXPECT_EQ(service.name.to_string(), "orders.local");
    EXPECT_THAT(service.aliases, ElementsAre(*dns::Name::parse("orders")));
    EXPECT_EQ(service.source, SourceKind::dns);
    EXPECT_EQ(service.record, RecordKind::srv);
    EXPECT_EQ(service.port, 8080);
    EXPECT_FALSE(service.required);
    EXPECT_EQ(service.poll.min, 1s);
    EXPECT_EQ(service.poll.max, 10s);
    EXPECT_EQ(service.answer.size, 3u);
    EXPECT_EQ(service.answer.order, Order::weighted);
    EXPECT_FALSE(service.answer.fair);
    EXPECT_EQ(service.answer.ttl, 5s);
    EXPECT_EQ(service.answer.when_none_healthy, WhenNoneHealthy::last_healthy);
    EXPECT_EQ(service.subset, 20u);
    EXPECT_TRUE(service.zone.prefer);
    EXPECT_THAT(service.zone.map, ElementsAre(ZoneNetwork{*Network::parse("10.0.1.0/24"), "use1-az1"},
                                              ZoneNetwork{*Network::parse("fd00:1::/64"), "use1-az2"}));
    EXPECT_EQ(service.slow_start, 30s);
    EXPECT_EQ(service.health, (Health{.check = CheckKind::https,
                                      .interval = 4s,
                                      .idle_interval = 20s,
                                      .timeout = 3s,
                                      .rise = 4,
                                      .fall = 5,
                                      .fast_interval = 1s,
                                      .path = "/healthz",
                                      .host = "Orders.local:80",
                                      .expect_status = {{200, 200}, {301, 302}},
                                      .expect_body = "I am orders",
                                      .tls = {true, "/etc/ca.pem", "orders.internal"}}));
    EXPECT_EQ(service.membership.sample_limit, 4u);
    EXPECT_EQ(service.membership.absent_max, milliseconds(20min));
    EXPECT_EQ(service.membership.stale_max, 1h);
    EXPECT_EQ(service.membership.stale_max_unchecked, 2h);
    EXPECT_EQ(service.membership.empty_max, 3h);
    EXPECT_EQ(service.membership.empty_max_unchecked, 4h);
    EXPECT_EQ(service.membership.shrink_guard, 30u);
    EXPECT_EQ(service.membership.reserve, 5min);
    EXPECT_EQ(service.membership.max_endpoints, 200u);
    EXPECT_EQ(service.panic.threshold, 40u);
    EXPECT_EQ(service.panic.min_members, 3u);
}

TEST(Parse, AServiceReplacesSingleKeysOfTheDefaults) {
    const Service service = service_of(
        "defaults: {zone: {prefer: true}, membership: {absent_max: 20m}, panic: {threshold: 80%}}\n"
        "services: [{name: a.local, zone: {map: {10.0.0.0/8: z}}, membership: {absent_max: auto}}]");
    EXPECT_TRUE(service.zone.prefer);
    EXPECT_EQ(service.zone.map.size(), 1u);
    EXPECT_EQ(service.membership.absent_max, std::nullopt);
    EXPECT_EQ(service.panic.threshold, 80u);
}

TEST(Parse, ReadsStaticAddresses) {
    const Service service = service_of(
        "services: [{name: orders.local, source: static, port: 8080, addresses: [10.0.1.10, '10.0.1.11:81', "
        "'fd00::1']}]");
    EXPECT_EQ(service.source, SourceKind::fixed);
    EXPECT_THAT(texts(service.addresses), ElementsAre("10.0.1.10", "10.0.1.11:81", "fd00::1"));
    EXPECT_EQ(service.health.check, CheckKind::tcp);
}

TEST(Parse, TakesAListAsOneTextWithCommas) {
    const Config config = parsed(
        "upstream: {servers: '10.0.0.2, 10.0.0.3,'}\n"
        "services: [{name: a.local, port: 1, health: {check: http, expect_status: '200,204 , 300-302'}}]");
    EXPECT_THAT(texts(config.upstream.servers), ElementsAre("10.0.0.2:53", "10.0.0.3:53"));
    EXPECT_THAT(config.services.at(0).health.expect_status,
                ElementsAre(StatusRange{200, 200}, StatusRange{204, 204}, StatusRange{300, 302}));
}

TEST(Parse, TakesAutoForUpstreamServersAndEmptySections) {
    const Config config = parsed("upstream: {servers: auto}\ndefaults:\nlisten:\nservices: [{name: a.local}]");
    EXPECT_THAT(config.upstream.servers, IsEmpty());
    EXPECT_TRUE(config.listen.dns_is_default);
}

TEST(Parse, TakesAnEmptyListAsNoListener) {
    EXPECT_THAT(parsed("listen: {http: []}\nservices: [{name: a}]").listen.http, IsEmpty());
}

TEST(Parse, TakesPortZeroAsOftenAsOneLikes) {
    const Config config = parsed("listen: {dns: ['127.0.0.1:0'], http: ['127.0.0.1:0']}\nservices: [{name: a}]");
    EXPECT_EQ(config.listen.dns.at(0).port, 0);
    EXPECT_EQ(config.listen.http.at(0).port, 0);
}

TEST(Parse, TakesAFastIntervalAsLongAsTheInterval) {
    EXPECT_EQ(service_of("services: [{name: a, health: {interval: 500ms, timeout: 499ms}}]").health.interval, 500ms);
}

TEST(Parse, TakesTheLongestName) {
    const std::string label(63, 'a');
    const std::string name = label + "." + label + "." + label + "." + std::string(24, 'a');
    EXPECT_EQ(service_of("services: [{name: " + name + "}]").name.wire().size(), 218u);
}

TEST(Parse, TakesAliasesOfYaml) {
    const Config config =
        parsed("services:\n- {name: a.local, port: 1, poll: &slow {min: 20s}}\n- {name: b.local, poll: *slow}\n");
    EXPECT_EQ(config.services.at(1).poll.min, 20s);
}

// --- defaults

TEST(Defaults, ApplyToEveryServiceKeyByKey) {
    const Config config = parsed(R"(
defaults: {port: 8080, required: false, poll: {min: 3s}, health: {check: http, path: /up, interval: 5s}}
services:
  - name: a.local
  - {name: b.local, port: 81, health: {interval: 7s}, poll: {max: 9s}}
)");
    const Service& a = config.services.at(0);
    EXPECT_EQ(a.port, 8080);
    EXPECT_FALSE(a.required);
    EXPECT_EQ(a.health.check, CheckKind::http);
    const Service& b = config.services.at(1);
    EXPECT_EQ(b.port, 81);
    EXPECT_EQ(b.poll.min, 3s);
    EXPECT_EQ(b.poll.max, 9s);
    EXPECT_EQ(b.health.interval, 7s);
    EXPECT_EQ(b.health.path, "/up");
}

// --- zone.prefer without a map

struct ZoneCase {
    const char* name;
    const char* yaml;
    const char* noted;  // how the note begins; null: there is none
};

void PrintTo(const ZoneCase& c, std::ostream* out) { *out << c.name; }

class ZoneWithoutMap : public testing::TestWithParam<ZoneCase> {};

TEST_P(ZoneWithoutMap, IsNotedOnce) {
    const Config config = parsed(GetParam().yaml);
    ASSERT_EQ(config.notes.size(), GetParam().noted == nullptr ? 0u : 1u);
    if (GetParam().noted != nullptr) {
        EXPECT_THAT(config.notes[0], testing::StartsWith(GetParam().noted));
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Services, ZoneWithoutMap,
    testing::Values(
        ZoneCase{"Prefers", "services: [{name: a.local, zone: {prefer: true}}]", "a.local: zone.prefer without a map"},
        ZoneCase{"AllPrefer", "defaults: {zone: {prefer: true}}\nservices: [{name: a.local}, {name: b.local}, {name: c.local}]", "a.local and 2 others: zone.prefer without a map"},
        ZoneCase{"OneHasAMap", "services: [{name: a.local, zone: {prefer: true, map: {10.0.1.0/24: a}}}, {name: b.local, zone: {prefer: true}}]", "b.local: zone.prefer without a map"},
        ZoneCase{"HasAMap", "services: [{name: a.local, zone: {prefer: true, map: {10.0.1.0/24: a}}}]", nullptr},
        ZoneCase{"DoesNotPrefer", "services: [{name: a.local}]", nullptr}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

// --- health.check: auto

struct CheckCase {
    const char* name;
    const char* service;
    CheckKind check;
    bool noted;
};

void PrintTo(const CheckCase& c, std::ostream* out) { *out << c.name; }

class AutomaticCheck : public testing::TestWithParam<CheckCase> {};

TEST_P(AutomaticCheck, FollowsThePort) {
    const Config config = parsed("services: [{name: a.local, " + std::string(GetParam().service) + "}]");
    ASSERT_EQ(config.services.size(), 1u);
    EXPECT_EQ(config.services[0].health.check, GetParam().check);
    EXPECT_EQ(config.notes.size(), GetParam().noted ? 1u : 0u);
    if (GetParam().noted) {
        EXPECT_THAT(config.notes.at(0), HasSubstr("a.local"));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Auto, AutomaticCheck,
    testing::Values(CheckCase{"NoPort", "record: A", CheckKind::none, false},
                    CheckCase{"APort", "port: 80", CheckKind::tcp, false},
                    CheckCase{"WrittenAuto", "port: 80, health: {check: auto}", CheckKind::tcp, false},
                    CheckCase{"WrittenNone", "port: 80, health: {check: none}", CheckKind::none, false},
                    CheckCase{"Srv", "record: SRV", CheckKind::tcp, false},
                    CheckCase{"StaticWithPorts", "source: static, addresses: ['10.0.0.1:80']", CheckKind::tcp, false},
                    CheckCase{"StaticWithoutPorts", "source: static, addresses: [10.0.0.1]", CheckKind::none, false},
                    CheckCase{"MySql", "port: 3306", CheckKind::none, true},
                    CheckCase{"MySqlX", "port: 33060", CheckKind::none, true},
                    CheckCase{"MySqlStatic", "source: static, addresses: ['10.0.0.1:3306']", CheckKind::none, true},
                    CheckCase{"MySqlOnPurpose", "port: 3306, health: {check: tcp}", CheckKind::tcp, false},
                    CheckCase{"MySqlNone", "port: 3306, health: {check: none}", CheckKind::none, false}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace taskdns::config
