// Reads one service, or `defaults`. Layer: config.
#include "config/read_service.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

namespace taskdns::config {
namespace {

constexpr milliseconds longest_kept = 24h * 30;  // members of a month ago help nobody

void read_poll(YamlMap map, Poll& out) {
    map.duration("min", 100ms, 1h, out.min);
    map.duration("max", 100ms, 24h, out.max);
    if (map.sound("min") && map.sound("max") && out.min > out.max) {
        map.mistake_at(map.has("min") ? "min" : "max",
                       fmt::format("poll.min {} is longer than poll.max {} (lower min or raise max)",
                                   format_duration(out.min), format_duration(out.max)));
    }
    map.finish();
}

void read_answer(YamlMap map, Answer& out) {
    map.integer("size", 1u, 64u, out.size);  // more would not fit 1,232 octets
    map.word<Order>("order",
                    {{"round_robin", Order::round_robin},
                     {"random", Order::random},
                     {"weighted", Order::weighted},
                     {"least_connections", Order::least_connections}},
                    out.order);
    map.boolean("fair", out.fair);
    map.whole_seconds("ttl", 0s, 1h, out.ttl);
    map.word<WhenNoneHealthy>("when_none_healthy",
                              {{"all", WhenNoneHealthy::all},
                               {"last_healthy", WhenNoneHealthy::last_healthy},
                               {"servfail", WhenNoneHealthy::servfail}},
                              out.when_none_healthy);
    map.finish();
}

constexpr std::size_t most_zone_networks = 1000;

void read_zone_map(YamlMap& map, Zone& out, Mistakes& mistakes) {
    const auto entries = map.entries("map", "a zone", "10.0.1.0/24: use1-az1");
    if (!entries) return;
    out.map.clear();
    if (entries->size() > most_zone_networks) {
        map.mistake_at("map", fmt::format("has {} networks (at most {})", entries->size(), most_zone_networks));
        return;
    }
    for (const YamlMap::Entry& entry : *entries) {
        const auto parsed_network = network.parse(entry.key);
        const auto parsed_zone = zone_name.parse(entry.text);
        if (!parsed_network) mistakes.add(entry.key_place, entry.path, parsed_network.error().message);
        if (!parsed_zone) mistakes.add(entry.place, entry.path, parsed_zone.error().message);
        if (parsed_network && parsed_zone) out.map.push_back({*parsed_network, *parsed_zone});
    }
}

void read_zone(YamlMap map, Zone& out, Mistakes& mistakes) {
    map.boolean("prefer", out.prefer);
    read_zone_map(map, out, mistakes);
    map.finish();
}

void read_panic(YamlMap map, Panic& out) {
    map.percent("threshold", 0, 100, out.threshold);
    map.integer("min_members", 1u, 1000u, out.min_members);
    map.finish();
}

// `shorter` must be less than `interval` (or no more than it). What comes from defaults alone was reported there.
void check_against_interval(YamlMap& map, const char* key, milliseconds shorter, milliseconds interval,
                            bool may_equal) {
    if (!map.sound(key) || !map.sound("interval")) return;
    if (shorter < interval || (may_equal && shorter == interval)) return;
    map.mistake_at(map.has(key) ? key : "interval",
                   fmt::format("{} {} is {} interval {} (lower {} or raise interval)", key, format_duration(shorter),
                               may_equal ? "longer than" : "not shorter than", format_duration(interval), key));
}

void read_tls(YamlMap map, Tls& out) {
    map.boolean("verify", out.verify);
    map.value("ca_file", file_path, out.ca_file);
    map.value("server_name", tls_name, out.server_name);
    map.finish();
}

void read_health(YamlMap& map, ServiceDraft& draft) {
    Health& out = draft.service.health;
    map.word<std::optional<CheckKind>>("check",
                                       {{"auto", std::nullopt},
                                        {"none", CheckKind::none},
                                        {"tcp", CheckKind::tcp},
                                        {"http", CheckKind::http},
                                        {"https", CheckKind::https}},
                                       draft.check);
    map.word<Observe>("observe", {{"auto", Observe::automatic}, {"off", Observe::off}}, out.observe);
    map.duration("interval", 100ms, 1h, out.interval);
    map.duration("idle_interval", 100ms, 1h, out.idle_interval);
    map.duration("timeout", 10ms, 1min, out.timeout);
    map.integer("rise", 1u, 100u, out.rise);
    map.integer("fall", 1u, 100u, out.fall);
    map.duration("fast_interval", 50ms, 1h, out.fast_interval);
    map.value("path", http_path, out.path);
    map.value("host", http_host, out.host);
    out.expect_status = values_of(map.list("expect_status", status_range, out.expect_status));
    if (map.has("expect_status") && map.sound("expect_status") && out.expect_status.empty()) {
        map.mistake_at("expect_status", "is empty, so that no answer would do (such as 200-399)");
    }
    map.value("expect_body", body_text, out.expect_body);
    read_tls(map.map("tls"), out.tls);
    if (map.has("idle_interval") && map.sound("idle_interval") && map.sound("interval") &&
        out.idle_interval < out.interval) {
        map.mistake_at("idle_interval",
                       fmt::format("idle_interval {} is shorter than interval {} (raise it, or lower interval)",
                                   format_duration(out.idle_interval), format_duration(out.interval)));
    }
    check_against_interval(map, "timeout", out.timeout, out.interval, false);
    check_against_interval(map, "fast_interval", out.fast_interval, out.interval, true);
    map.finish();
}

void read_membership(YamlMap map, Membership& out) {
    map.integer("sample_limit", 1u, 1000u, out.sample_limit);
    map.duration_or("absent_max", "auto", 0ms, 24h, out.absent_max);
    map.duration("stale_max", 0ms, longest_kept, out.stale_max);
    map.duration("stale_max_unchecked", 0ms, longest_kept, out.stale_max_unchecked);
    map.duration("empty_max", 0ms, longest_kept, out.empty_max);
    map.duration("empty_max_unchecked", 0ms, longest_kept, out.empty_max_unchecked);
    map.percent("shrink_guard", 0, 100, out.shrink_guard);
    map.duration("reserve", 0ms, 24h, out.reserve);
    map.integer("max_endpoints", 1u, 10'000u, out.max_endpoints);
    map.finish();
}

// What `defaults` may hold too. Returns the health map, whose rules need the rest of the service.
YamlMap read_common(YamlMap& map, ServiceDraft& draft, Mistakes& mistakes) {
    Service& out = draft.service;
    map.word<SourceKind>("source", {{"dns", SourceKind::dns}, {"static", SourceKind::fixed}}, out.source);
    map.word<RecordKind>(
        "record",
        {{"auto", RecordKind::automatic}, {"A", RecordKind::a}, {"AAAA", RecordKind::aaaa}, {"SRV", RecordKind::srv}},
        out.record);
    map.integer<std::uint16_t>("port", 1, 65535, out.port);
    map.boolean("required", out.required);
    read_poll(map.map("poll"), out.poll);
    read_answer(map.map("answer"), out.answer);
    map.integer("subset", 0u, 1000u, out.subset);
    read_zone(map.map("zone"), out.zone, mistakes);
    map.duration("slow_start", 0ms, 1h, out.slow_start);
    YamlMap health = map.map("health");
    read_health(health, draft);
    read_membership(map.map("membership"), out.membership);
    read_panic(map.map("panic"), out.panic);
    return health;
}

void check_addresses(YamlMap& map, const ServiceDraft& draft, Mistakes& mistakes) {
    const Service& service = draft.service;
    if (!map.sound("source") || !map.sound("addresses")) return;
    if (service.source == SourceKind::dns) {
        if (map.has("addresses"))
            map.mistake_at("addresses", "are only read with source: static (add it, or remove them)");
        return;
    }
    if (draft.addresses.empty()) {
        map.mistake_at("addresses", "source: static needs some (such as addresses: [10.0.1.10, 10.0.1.11])");
    }
    const auto has_port = [](const auto& item) { return item.value.port != 0; };
    const bool some_have = std::any_of(draft.addresses.begin(), draft.addresses.end(), has_port);
    std::unordered_map<SocketAddress, Place> seen;
    for (const auto& item : draft.addresses) {
        const auto [first, is_new] = seen.try_emplace(item.value, item.place);
        if (!is_new) {
            mistakes.add(item.place, item.path,
                         fmt::format("{} is given twice, first at {} (keep one)", item.value.to_string(),
                                     mistakes.place_text(first->second)));
        } else if (some_have && !has_port(item) && service.port == 0 && map.sound("port")) {
            mistakes.add(item.place, item.path,
                         fmt::format("{} has no port, though others have (add one here, or a port: for all)",
                                     item.value.to_string()));
        }
    }
}

struct Ports {
    bool known = false;  // for every endpoint
    std::uint16_t mysql = 0;
};

Ports ports_of(const ServiceDraft& draft) {
    const Service& service = draft.service;
    if (service.registry_names_ports()) return {.known = true};
    Ports ports{.known = service.port != 0 || !draft.addresses.empty(), .mysql = 0};
    if (is_mysql_port(service.port)) ports.mysql = service.port;
    for (const auto& item : draft.addresses) {
        const std::uint16_t port = item.value.port != 0 ? item.value.port : service.port;
        ports.known = ports.known && port != 0;
        if (is_mysql_port(port)) ports.mysql = port;
    }
    return ports;
}

CheckKind automatic_check(const Ports& ports, ServiceDraft& draft) {
    if (ports.mysql == 0) return ports.known ? CheckKind::tcp : CheckKind::none;
    draft.note = fmt::format(
        "{}: port {} is not checked by default, because MySQL blocks a host after 100 bare connects "
        "(health.check: tcp checks it all the same)",
        to_text(draft.service.name), ports.mysql);
    return CheckKind::none;
}

void check_only_used(YamlMap& health, std::initializer_list<const char*> keys, const char* check, bool used) {
    if (used) return;
    for (const char* key : keys) {
        if (health.has(key))
            health.mistake_at(key, fmt::format("is only used with check: {} (add it, or remove this)", check));
    }
}

void decide_check(YamlMap& map, YamlMap& health, ServiceDraft& draft) {
    const Ports ports = ports_of(draft);
    CheckKind& check = draft.service.health.check;
    check = draft.check ? *draft.check : automatic_check(ports, draft);
    const bool all_sound = health.sound("check") && map.sound("port") && map.sound("record") &&
                           map.sound("addresses") && map.sound("source");
    if (!all_sound) return;
    if (draft.check && check != CheckKind::none && !ports.known) {
        health.mistake_at(
            "check",
            fmt::format("{} needs a port (add port: 8080 or such to the service, or check: none)", to_text(check)));
    }
    check_only_used(health, {"path", "host", "expect_status", "expect_body"}, "http or https",
                    check == CheckKind::http || check == CheckKind::https);
    check_only_used(health, {"tls"}, "https", check == CheckKind::https);
    const Tls& tls = draft.service.health.tls;
    if (check == CheckKind::https && tls.verify && tls.ca_file.empty() && health.sound("tls")) {
        health.mistake_at(health.has("tls") ? "tls" : "check",
                          "https verifies certificates, and needs tls.ca_file for that (such as tls: {ca_file: "
                          "/etc/ssl/certs/ca-certificates.crt}, or tls: {verify: false})");
    }
}

}  // namespace

ServiceDraft read_defaults(YamlMap map, Mistakes& mistakes) {
    ServiceDraft draft;
    read_common(map, draft, mistakes);
    map.finish();
    return draft;
}

ServiceDraft read_service(YamlMap map, const ServiceDraft& base, Mistakes& mistakes) {
    map.inherits("defaults");
    ServiceDraft draft = base;
    Service& out = draft.service;
    map.value("name", service_name, out.name);
    map.required("name", "name: orders.local");
    if (map.has("name") && map.sound("name")) {
        draft.name = {out.name, map.place_of("name"), map.path_of("name")};
    }
    draft.aliases = map.list("aliases", service_name, out.aliases);
    draft.addresses = map.list("addresses", endpoint, out.addresses);
    out.aliases = values_of(draft.aliases);
    out.addresses = values_of(draft.addresses);
    YamlMap health = read_common(map, draft, mistakes);
    check_addresses(map, draft, mistakes);
    decide_check(map, health, draft);
    map.finish();
    return draft;
}

void check_names(const std::vector<ServiceDraft>& services, Mistakes& mistakes) {
    std::unordered_map<dns::Name, Place> seen;
    const auto take = [&](const Placed<dns::Name>& name) {
        const auto [first, is_new] = seen.try_emplace(name.value, name.place);
        if (is_new) return;
        mistakes.add(name.place, name.path,
                     fmt::format("{} is already a service's name or alias, at {} (keep one)",
                                 in_quotes(name.value.to_string()), mistakes.place_text(first->second)));
    };
    for (const ServiceDraft& draft : services) {
        if (draft.name) take(*draft.name);
        for (const Placed<dns::Name>& alias : draft.aliases) take(alias);
    }
}

}  // namespace taskdns::config
