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
};

/// Whom we ask.
struct Upstream {
    std::vector<SocketAddress> servers;  ///< empty: `auto`
    milliseconds timeout{1s};            ///< per try, then the next server
    unsigned attempts = 2;               ///< tries per server
    unsigned max_qps = 500;              ///< packets per second, of the 1,024 that an ENI has
};

/// Every name that is not a service's.
struct Forward {
    bool enabled = true;
    unsigned max_in_flight = 256;
};

enum class SourceKind { dns, fixed };  ///< `dns` | `static`
enum class RecordKind { automatic, a, aaaa, srv };
enum class CheckKind { none, tcp, http };

struct Poll {
    milliseconds min{2s};
    milliseconds max{30s};
};

struct Answer {
    unsigned size = 8;  ///< records in one answer
    seconds ttl{1s};
};

struct StatusRange {
    unsigned first = 200;
    unsigned last = 399;

    bool operator==(const StatusRange&) const = default;
};

struct Health {
    CheckKind check = CheckKind::none;  ///< parse() decides `auto`: tcp where a port is known
    milliseconds interval{2s};
    milliseconds timeout{1s};
    unsigned rise = 2;  ///< successes in a row, unhealthy to healthy
    unsigned fall = 3;  ///< doubtful failures in a row, healthy to unhealthy
    milliseconds fast_interval{500ms};
    std::string path = "/";  ///< http: what is asked for
    std::string host;        ///< http: the Host header; empty: the service's name
    std::vector<StatusRange> expect_status{{200, 399}};

    bool operator==(const Health&) const = default;
};

struct Membership {
    milliseconds stale_max{24h};  ///< upstream fails: how long members are kept
    milliseconds stale_max_unchecked{1h};
    milliseconds empty_max{1h};  ///< upstream says there are none: how long those that pass are kept
    milliseconds empty_max_unchecked{10min};
    milliseconds reserve{60s};  ///< withdrawn members stay checked this long
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
    Health health;
    Membership membership;
};

struct Log {
    log::Level level = log::Level::info;
    log::Format format = log::Format::text;
};

struct Config {
    Listen listen;
    Upstream upstream;
    Forward forward;
    std::vector<Service> services;
    Log log;
    /// Where what was read came from (`/etc/taskdns/taskdns.yaml`, `TASKDNS_SERVICES`, ...), for the first log line.
    std::vector<std::string> origins;
    /// What is accepted but worth a log line, such as port 3306 that is not checked by default.
    std::vector<std::string> notes;
};

}  // namespace taskdns::config
