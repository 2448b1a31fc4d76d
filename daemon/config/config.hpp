// What the user decides, as plain values with their defaults. The only place where a default is stated.
// Layer: config (may include base, dns). Pure. Reading it: load.hpp; every key: docs/configuration.md.
//
// Only keys that do something are here: those of later parts of the design are added with those parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "dns/name.hpp"

namespace taskdns::config {

using namespace std::chrono_literals;

/// Where we serve. A listener that is not loopback needs `allow`.
struct Listen {
    /// UDP and TCP. The defaults may fail for IPv6 with a log line; what the user wrote must bind.
    std::vector<SocketAddress> dns;   ///< empty until parse() fills in 127.0.0.1:53 and [::1]:53
    std::vector<SocketAddress> http;  ///< empty until parse() fills in 127.0.0.1:8053
    bool dns_is_default = true;
    std::vector<Network> allow;      ///< who may ask where a listener is not loopback; loopback always may
    std::vector<std::string> hosts;  ///< further Host names the HTTP interface answers to, lower case
    bool allow_admin = false;        ///< all of HTTP on a listener that is not loopback

    bool operator==(const Listen&) const = default;
};

/// Whom we ask.
struct Upstream {
    std::vector<SocketAddress> servers;  ///< empty: `auto`
    std::vector<std::string> places;     ///< where each of them was written: "f.yaml:2:12: upstream.servers[0]"
    milliseconds timeout{1s};            ///< per try, then the next server
    unsigned attempts = 2;               ///< tries per server
    unsigned max_qps = 500;              ///< packets per second, of the 1,024 that an ENI has

    /// Whether a query goes out in the same way, whoever is asked.
    bool asks_like(const Upstream& other) const { return timeout == other.timeout && attempts == other.attempts; }
    /// Where the servers are written makes no difference.
    bool operator==(const Upstream& other) const {
        return servers == other.servers && timeout == other.timeout && attempts == other.attempts &&
               max_qps == other.max_qps;
    }
};

/// Every name that is not a service's.
struct Forward {
    bool enabled = true;
    std::size_t cache_bytes = std::size_t{1} << 20;  ///< 0: no cache
    unsigned max_in_flight = 256;  ///< questions that are being asked; four times as many clients wait
    seconds min_ttl{1s};           ///< what is cached lives at least so long, whatever its TTL
    seconds max_ttl{300s};
    seconds negative_ttl{5s};      ///< at most, for NXDOMAIN and NODATA; 0: these are not cached
    milliseconds serve_stale{1h};  ///< how long beyond its TTL an answer may stand in for one that fails; 0: never
    milliseconds stale_after{1800ms};  ///< without an answer, before a stale one is given

    bool operator==(const Forward&) const = default;
};

enum class SourceKind { dns, fixed };  ///< `dns` | `static`
enum class RecordKind { automatic, a, aaaa, srv };
enum class CheckKind { none, tcp, http, https };
enum class Order { round_robin, random, weighted, least_connections };
enum class Observe { automatic, off };  ///< `auto` | `off`
enum class WhenNoneHealthy { all, last_healthy, servfail };

struct Poll {
    milliseconds min{2s};
    milliseconds max{30s};

    bool operator==(const Poll&) const = default;
};

struct Answer {
    unsigned size = 8;  ///< records in one answer
    Order order = Order::round_robin;
    bool fair = true;  ///< no backup that a client's RFC 6724 sorting would put before the first
    seconds ttl{1s};
    WhenNoneHealthy when_none_healthy = WhenNoneHealthy::all;

    bool operator==(const Answer&) const = default;
};

/// One line of `zone.map`: the zone of the addresses in a network.
struct ZoneNetwork {
    Network network;
    std::string zone;

    bool operator==(const ZoneNetwork&) const = default;
};

struct Zone {
    bool prefer = false;
    std::vector<ZoneNetwork> map;  ///< the longest prefix decides

    bool operator==(const Zone&) const = default;
};

struct Panic {
    unsigned threshold = 50;  ///< per cent of the members that are unhealthy by doubtful evidence; 100: never
    unsigned min_members = 6;

    bool operator==(const Panic&) const = default;
};

struct StatusRange {
    unsigned first = 200;
    unsigned last = 399;

    bool operator==(const StatusRange&) const = default;
};

/// For check `https`.
struct Tls {
    bool verify = true;
    std::string ca_file;      ///< PEM; needed to verify: a scratch image has no CA bundle
    std::string server_name;  ///< SNI, and what the certificate must be for; empty: the host, else the service's name

    bool operator==(const Tls&) const = default;
};

/// MySQL's ports, which are not checked by default: it blocks a host after 100 connections that say nothing.
inline bool is_mysql_port(std::uint16_t port) { return port == 3306 || port == 33060; }

struct Health {
    CheckKind check = CheckKind::none;     ///< parse() decides `auto`: tcp where a port is known
    Observe observe = Observe::automatic;  ///< evidence from the application's own connections, where it can be had
    milliseconds interval{2s};
    milliseconds idle_interval{10s};  ///< for a service that nobody asked for in a minute; never below `interval`
    milliseconds timeout{1s};
    unsigned rise = 2;  ///< successes in a row, unhealthy to healthy
    unsigned fall = 3;  ///< doubtful failures in a row, healthy to unhealthy
    milliseconds fast_interval{500ms};
    std::string path = "/";  ///< http: what is asked for
    std::string host;        ///< http: the Host header; empty: the service's name
    std::vector<StatusRange> expect_status{{200, 399}};
    std::string expect_body;  ///< http, https: must occur in the first 64 KiB of the body; empty: not looked at
    Tls tls;

    bool operator==(const Health&) const = default;
};

struct Membership {
    unsigned sample_limit = 8;  ///< an answer with exactly so many records may be a sample; 1: WEIGHTED routing
    std::optional<milliseconds> absent_max;  ///< of samples: how long absence is nothing; null: `auto`, the formula
    milliseconds stale_max{24h};             ///< upstream fails: how long members are kept
    milliseconds stale_max_unchecked{1h};
    milliseconds empty_max{1h};  ///< upstream says there are none: how long those that pass are kept
    milliseconds empty_max_unchecked{10min};
    unsigned shrink_guard = 50;  ///< per cent: a complete answer that leaves less must be confirmed; 0: never
    milliseconds reserve{60s};   ///< withdrawn members stay checked this long
    unsigned max_endpoints = 1000;

    bool operator==(const Membership&) const = default;
};

struct Service {
    dns::Name name;
    std::vector<dns::Name> aliases;
    SourceKind source = SourceKind::dns;
    std::vector<SocketAddress> addresses;  ///< source `static`; port 0: `port`
    RecordKind record = RecordKind::automatic;
    std::uint16_t port = 0;  ///< 0: not known
    bool required = true;
    Poll poll;
    Answer answer;
    unsigned subset = 0;  ///< > 0: use only so many endpoints, chosen by rendezvous hash per task
    Zone zone;
    milliseconds slow_start{0};  ///< a newly healthy endpoint's share grows over this time
    Health health;
    Membership membership;
    Panic panic;

    /// Its registry names ports (SRV): several of its endpoints may share an address, and `port` is none of theirs.
    bool registry_names_ports() const { return source == SourceKind::dns && record == RecordKind::srv; }
    bool operator==(const Service&) const = default;
};

/// The file that the stub resolvers of all the task's containers read (resolv.conf(5)).
struct ResolvConf {
    bool manage = false;    ///< while we run, its name server is our listener on port 53
    bool fallback = false;  ///< behind it, what was there before: who uses it goes on without us
    std::string path = "/etc/resolv.conf";

    bool operator==(const ResolvConf&) const = default;
};

/// Between SIGTERM and the end.
struct Shutdown {
    /// How long answers go on, at most: in ECS while other containers of the task run. Null: `auto`, 25 s, and
    /// 0 outside ECS.
    std::optional<milliseconds> linger;
    /// Names of containers that are not waited for; `*` stands for any characters.
    std::vector<std::string> linger_ignore{"aws-guardduty-agent*"};

    bool operator==(const Shutdown&) const = default;
};

struct Log {
    log::Level level = log::Level::info;
    log::Format format = log::Format::text;

    bool operator==(const Log&) const = default;
};

/// Beside /metrics, which is always there.
struct Metrics {
    bool emf = false;  ///< key figures on standard output, for CloudWatch (Embedded Metric Format)
    std::string emf_namespace = "taskdns";
    milliseconds emf_interval{60'000};

    bool operator==(const Metrics&) const = default;
};

struct Config {
    Listen listen;
    Upstream upstream;
    Forward forward;
    std::vector<Service> services;
    std::string snapshot;  ///< a file's path: last known members, for a warm restart; empty: none
    ResolvConf resolv_conf;
    Shutdown shutdown;
    bool sandbox = false;  ///< `on`: system calls that the daemon has no use for are refused, and counted
    Log log;
    Metrics metrics;
    /// Where what was read came from (`/etc/taskdns/taskdns.yaml`, `TASKDNS_SERVICES`, ...), for the first log line.
    std::vector<std::string> origins;
    /// What is accepted but worth a log line, such as port 3306 that is not checked by default.
    std::vector<std::string> notes;

    bool operator==(const Config&) const = default;
};

}  // namespace taskdns::config
