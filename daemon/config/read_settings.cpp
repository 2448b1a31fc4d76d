// Reads every section but services. Layer: config.
#include "config/read_settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/local_listener.hpp"
#include "base/reaches.hpp"
#include "config/size.hpp"

namespace taskdns::config {
namespace {

// The kernel would refuse the second: the same address, or one of all addresses of its family.
bool collide(const SocketAddress& a, const SocketAddress& b) {
    if (a.port == 0 || a.port != b.port || a.address.is_v4() != b.address.is_v4()) return false;
    return a.address == b.address || a.address.is_unspecified() || b.address.is_unspecified();
}

constexpr const char* defaults_path = "the defaults";

bool is_default(const Placed<SocketAddress>& listener) { return listener.path == defaults_path; }

void check_no_listener_twice(const SettingsDraft& draft, Mistakes& mistakes) {
    std::vector<Placed<SocketAddress>> seen;
    for (const auto* listeners : {&draft.dns, &draft.http}) {
        for (const auto& listener : *listeners) {
            const auto collides = [&](const auto& earlier) { return collide(earlier.value, listener.value); };
            const auto first = std::find_if(seen.begin(), seen.end(), collides);
            if (first != seen.end()) {
                // Where only one of the two was written, that is the one to mend.
                const auto& [wrong, other] =
                    is_default(listener) ? std::pair(*first, listener) : std::pair(listener, *first);
                mistakes.add(wrong.place, wrong.path,
                             fmt::format("{} is taken by {} of {} (choose another port, or remove one)",
                                         wrong.value.to_string(), other.value.to_string(), other.path));
            }
            seen.push_back(listener);
        }
    }
}

void check_who_may_ask(const SettingsDraft& draft, Mistakes& mistakes) {
    if (!draft.listen.allow.empty() || !mistakes.none_at("listen.allow")) return;
    for (const auto* listeners : {&draft.dns, &draft.http}) {
        for (const auto& listener : *listeners) {
            if (listener.value.address.is_loopback()) continue;
            mistakes.add(listener.place, listener.path,
                         listener.value.to_string() +
                             " is not a loopback address, and listen.allow is empty (say who may ask, such as "
                             "listen.allow: [10.0.0.0/16])");
        }
    }
}

void check_upstream_is_another(const SettingsDraft& draft, Mistakes& mistakes) {
    for (const auto& server : draft.servers) {
        for (const auto& listener : draft.dns) {
            if (!reaches(server.value, listener.value)) continue;
            mistakes.add(server.place, server.path,
                         fmt::format("{} is our own listener ({}): a loop (name the VPC resolver, or write auto)",
                                     server.value.to_string(), listener.path));
            break;
        }
    }
}

/// Asking a server twice is what upstream.attempts says.
void check_upstreams_differ(const SettingsDraft& draft, Mistakes& mistakes) {
    for (std::size_t i = 0; i < draft.servers.size(); ++i) {
        const auto& server = draft.servers[i];
        for (std::size_t j = 0; j < i; ++j) {
            if (draft.servers[j].value != server.value) continue;
            mistakes.add(server.place, server.path,
                         fmt::format("{} is given twice, first at {} (keep one)", server.value.to_string(),
                                     mistakes.place_text(draft.servers[j].place)));
            break;
        }
    }
}

// One answer may have 64 KiB: it must not be the only one.
constexpr std::size_t smallest_cache = std::size_t{64} << 10;

// Nobody has more, and the rules below compare all of them with each other.
constexpr std::size_t most_addresses = 64;

void limit(YamlMap& map, const char* key, std::vector<Placed<SocketAddress>>& addresses) {
    if (addresses.size() <= most_addresses) return;
    map.mistake_at(key, fmt::format("has {} addresses (at most {})", addresses.size(), most_addresses));
    addresses.resize(most_addresses);
}

/// resolv.conf names addresses without a port, and who reads it has the address that it asks, unless that is
/// loopback.
void check_resolv_conf_can_name_us(const SettingsDraft& draft, Mistakes& mistakes) {
    if (!draft.resolv_conf.manage || !mistakes.none_at("listen.dns")) return;
    const auto named = find_local_listener(values_of(draft.dns));
    if (!named) {
        mistakes.add(
            draft.resolv_conf_place, "resolv_conf.manage",
            "needs a listener on port 53, since resolv.conf has no ports (such as listen: {dns: [127.0.0.1:53]}, "
            "or manage: false)");
        return;
    }
    const std::vector<Network>& allow = draft.listen.allow;  // empty: a mistake by itself
    if (allow.empty() || !mistakes.none_at("listen.allow") || answers_its_own_host(*named, allow)) return;
    mistakes.add(
        draft.resolv_conf_place, "resolv_conf.manage",
        fmt::format("would name {0}, from where this host's own queries to it come, and which is not in "
                    "listen.allow: nobody here would be answered (add {0} to listen.allow, or 127.0.0.1:53 to "
                    "listen.dns)",
                    named->to_string()));
}

void check_somebody_listens(const SettingsDraft& draft, Mistakes& mistakes) {
    if (!draft.dns.empty() || !draft.http.empty() || !mistakes.none_at("listen")) return;
    mistakes.add(draft.listen_place, "listen",
                 "dns and http are both empty, so that nobody could ask (such as dns: [127.0.0.1:53])");
}

void check_forward(YamlMap& map, const Forward& out) {
    if (out.cache_bytes != 0 && out.cache_bytes < smallest_cache && map.sound("cache_bytes")) {
        map.mistake_at("cache_bytes", fmt::format("{} is too small for a cache ({} or more, or 0 for none)",
                                                  format_size(out.cache_bytes), format_size(smallest_cache)));
    }
    if (out.min_ttl > out.max_ttl && map.sound("min_ttl") && map.sound("max_ttl")) {
        map.mistake_at(map.has("min_ttl") ? "min_ttl" : "max_ttl",
                       fmt::format("min_ttl {} is longer than max_ttl {} (lower min_ttl or raise max_ttl)",
                                   format_duration(out.min_ttl), format_duration(out.max_ttl)));
    }
}

}  // namespace

std::vector<Placed<SocketAddress>> SettingsDraft::default_listeners(std::initializer_list<const char*> texts) {
    std::vector<Placed<SocketAddress>> out;
    for (const char* text : texts) out.push_back({*SocketAddress::parse(text), {}, defaults_path});
    return out;
}

void read_listen(YamlMap map, SettingsDraft& draft) {
    Listen& out = draft.listen;
    if (map.has("dns") || map.has("http")) draft.listen_place = map.place();
    const bool dns_is_written = map.has("dns");
    auto dns = map.list("dns", dns_listener, values_of(draft.dns));
    auto http = map.list("http", http_listener, values_of(draft.http));
    limit(map, "dns", dns);
    limit(map, "http", http);
    if (dns_is_written) draft.dns = std::move(dns);
    if (map.has("http")) draft.http = std::move(http);
    out.dns_is_default = out.dns_is_default && !dns_is_written;
    out.allow = values_of(map.list("allow", network, out.allow));
    out.hosts = values_of(map.list("hosts", host_name, out.hosts));
    map.boolean("allow_admin", out.allow_admin);
    map.finish();
}

void read_upstream(YamlMap map, SettingsDraft& draft) {
    Upstream& out = draft.upstream;
    auto servers = map.list("servers", upstream_server, values_of(draft.servers), "auto");
    limit(map, "servers", servers);
    if (map.has("servers")) draft.servers = std::move(servers);
    map.duration("timeout", 10ms, 30s, out.timeout);
    map.integer("attempts", 1u, 10u, out.attempts);
    // Below 10 not even one service could be polled over TCP; above, a task has no packets left (1,024/s per ENI).
    map.integer("max_qps", 10u, 10'000u, out.max_qps);
    map.finish();
}

void read_forward(YamlMap map, Forward& out) {
    map.boolean("enabled", out.enabled);
    map.size("cache_bytes", 0, std::size_t{64} << 20, out.cache_bytes);
    map.integer("max_in_flight", 1u, 4096u, out.max_in_flight);  // a socket each
    map.whole_seconds("min_ttl", 0s, 1h, out.min_ttl);
    map.whole_seconds("max_ttl", 1s, 24h, out.max_ttl);
    map.whole_seconds("negative_ttl", 0s, 1h, out.negative_ttl);
    map.duration("serve_stale", 0s, 72h, out.serve_stale);
    map.duration("stale_after", 0s, 30s, out.stale_after);
    check_forward(map, out);
    map.finish();
}

void read_resolv_conf(YamlMap map, SettingsDraft& draft) {
    ResolvConf& out = draft.resolv_conf;
    if (map.has("manage")) draft.resolv_conf_place = map.place();
    map.boolean("manage", out.manage);
    map.boolean("fallback", out.fallback);
    map.value("path", file_path, out.path);
    if (out.path.empty() && map.sound("path")) {
        map.mistake_at("path", "is empty (such as /etc/resolv.conf; manage: false leaves it alone)");
    }
    map.finish();
}

void read_shutdown(YamlMap map, Shutdown& out) {
    map.duration_or("linger", "auto", 0s, 115s, out.linger);  // Fargate kills 120 s after SIGTERM at the latest
    out.linger_ignore = values_of(map.list("linger_ignore", container_pattern, out.linger_ignore));
    map.finish();
}

void read_log(YamlMap map, Log& out) {
    using log::Format;
    using log::Level;
    map.word<Level>(
        "level",
        {{"debug", Level::debug}, {"info", Level::info}, {"warning", Level::warning}, {"error", Level::error}},
        out.level);
    map.word<Format>("format", {{"text", Format::text}, {"json", Format::json}}, out.format);
    map.finish();
}

void read_metrics(YamlMap map, Metrics& out) {
    map.boolean("emf", out.emf);
    map.value("emf_namespace", metrics_namespace, out.emf_namespace);
    map.duration("emf_interval", 1s, 1h, out.emf_interval);
    map.finish();
}

void check_settings(const SettingsDraft& draft, Mistakes& mistakes) {
    check_no_listener_twice(draft, mistakes);
    check_who_may_ask(draft, mistakes);
    check_somebody_listens(draft, mistakes);
    check_upstream_is_another(draft, mistakes);
    check_upstreams_differ(draft, mistakes);
    check_resolv_conf_can_name_us(draft, mistakes);
}

}  // namespace taskdns::config
