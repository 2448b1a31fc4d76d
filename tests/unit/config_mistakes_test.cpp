// Mistakes of the user: each found, all at once, at its place, with the mend. A new setting gets a row here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace taskdns::config {
namespace {

using testing::HasSubstr;

std::optional<std::string> empty_environment(const std::string&) { return std::nullopt; }

std::string mistakes_in(const std::string& yaml) {
    const auto config = parse(yaml, "f.yaml", empty_environment);
    if (config) return "";
    EXPECT_EQ(config.error().code, Errc::invalid_config);
    return config.error().message;
}

struct MistakeCase {
    const char* name;
    std::string yaml;
    std::string says;  // the whole text, without `f.yaml:`
};

void PrintTo(const MistakeCase& c, std::ostream* out) { *out << c.name; }

class OneMistake : public testing::TestWithParam<MistakeCase> {};

TEST_P(OneMistake, IsReportedAloneWithPlaceAndMend) {
    EXPECT_EQ(mistakes_in(GetParam().yaml), "f.yaml:" + GetParam().says);
}

const auto case_name = [](const auto& instance) { return instance.param.name; };

// Service a with further keys, from line 2 on; a health key begins at column 12.
std::string service(const std::string& keys) { return "services:\n- name: a.local\n" + keys; }
std::string health(const std::string& key) { return service("  port: 80\n  health: {" + key + "}"); }
std::string long_name(
    std::size_t last) {  // 194 + last octets in wire form, less one: three labels of 63, and one more
    const std::string label(63, 'a');
    return label + "." + label + "." + label + "." + std::string(last - 1, 'a');
}
std::string with_service(const std::string& sections) { return sections + "\nservices: [{name: a.local}]"; }

// clang-format off
INSTANTIATE_TEST_SUITE_P(Scalars, OneMistake, testing::Values(
    MistakeCase{"UnknownUnit", health("interval: 5x"), "4:22: services[0].health.interval: '5x' is not a duration (try 5s)"},
    MistakeCase{"NoUnit", health("interval: 5"), "4:22: services[0].health.interval: '5' is not a duration (try 5s)"},
    MistakeCase{"LongUnit", health("interval: 2min"), "4:22: services[0].health.interval: '2min' is not a duration (try 2m)"},
    MistakeCase{"Days", service("  membership: {reserve: 1d}"), "3:25: services[0].membership.reserve: '1d' is not a duration (try 24h)"},
    MistakeCase{"SpaceBeforeUnit", health("interval: 5 S"), "4:22: services[0].health.interval: '5 S' is not a duration (try 5s)"},
    MistakeCase{"TwoUnits", health("interval: 1m30s"), "4:22: services[0].health.interval: '1m30s' is not a duration (one number and one unit, such as 90s)"},
    MistakeCase{"NoNumber", health("interval: soon"), "4:22: services[0].health.interval: 'soon' is not a duration (such as 500ms or 5s)"},
    MistakeCase{"NegativeDuration", health("interval: -5s"), "4:22: services[0].health.interval: '-5s' is not a duration (such as 500ms or 5s)"},
    MistakeCase{"DurationTooShort", health("interval: 10ms"), "4:22: services[0].health.interval: '10ms' is out of range (100ms to 1h)"},
    MistakeCase{"DurationTooLong", health("interval: 2h"), "4:22: services[0].health.interval: '2h' is out of range (100ms to 1h)"},
    MistakeCase{"DurationBeyondAll", health("interval: 99999999h"), "4:22: services[0].health.interval: '99999999h' is out of range (100ms to 1h)"},
    MistakeCase{"TtlNotWhole", service("  answer: {ttl: 1500ms}"), "3:17: services[0].answer.ttl: '1.5s' is not a whole number of seconds (try 1s)"},
    MistakeCase{"NotANumber", service("  port: http"), "3:9: services[0].port: 'http' is not a whole number (1 to 65535)"},
    MistakeCase{"Fraction", health("rise: 1.5"), "4:18: services[0].health.rise: '1.5' is not a whole number (1 to 100)"},
    MistakeCase{"NumberTooLarge", service("  port: 65536"), "3:9: services[0].port: '65536' is out of range (1 to 65535)"},
    MistakeCase{"NumberBeyondAll", service("  port: 99999999999999999999"), "3:9: services[0].port: '99999999999999999999' is out of range (1 to 65535)"},
    MistakeCase{"NumberTooSmall", service("  port: 0"), "3:9: services[0].port: '0' is out of range (1 to 65535)"},
    MistakeCase{"NegativeNumber", service("  port: -1"), "3:9: services[0].port: '-1' is out of range (1 to 65535)"},
    MistakeCase{"NotABoolean", service("  required: yes"), "3:13: services[0].required: 'yes' is neither true nor false (write one of them)"},
    MistakeCase{"NotAWord", with_service("log: {level: inf}"), "1:14: log.level: 'inf' is not one of debug, info, warning, error (did you mean info?)"},
    MistakeCase{"FarFromAnyWord", with_service("log: {format: protobuf}"), "1:15: log.format: 'protobuf' is not one of text, json (write one of them)"},
    MistakeCase{"WordInLowerCase", service("  record: srv"), "3:11: services[0].record: 'srv' is not one of auto, A, AAAA, SRV (did you mean SRV?)"},
    MistakeCase{"WordOfOneLetter", service("  record: B"), "3:11: services[0].record: 'B' is not one of auto, A, AAAA, SRV (write one of them)"},
    MistakeCase{"AListForANumber", service("  port: [80]"), "3:9: services[0].port: is a list, not a number (such as 1)"},
    MistakeCase{"AMapForADuration", health("interval: {s: 5}"), "4:22: services[0].health.interval: is a map of keys, not a duration (such as 5s)"},
    MistakeCase{"NothingBehindTheColon", service("  port:"), "3:3: services[0].port: is nothing, not a number (such as 1)"},
    MistakeCase{"AListForASection", with_service("listen: [a]"), "1:9: listen: is a list, not a map of keys (write `key: value` lines below it)"},
    MistakeCase{"AMapForAList", with_service("upstream: {servers: {a: b}}"), "1:21: upstream.servers: is a map of keys, not a list (such as [10.0.0.2])"},
    MistakeCase{"AListInAList", with_service("upstream: {servers: [[10.0.0.2]]}"), "1:22: upstream.servers[0]: is a list, not the address of a resolver (such as 10.0.0.2)"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Sizes, OneMistake, testing::Values(
    MistakeCase{"SizeWithoutUnit", with_service("forward: {cache_bytes: 1048576}"), "1:24: forward.cache_bytes: '1048576' is not a size (try 1048576B)"},
    MistakeCase{"SizeInThousands", with_service("forward: {cache_bytes: 1MB}"), "1:24: forward.cache_bytes: '1MB' is not a size (try 1MiB)"},
    MistakeCase{"SizeInLowerCase", with_service("forward: {cache_bytes: 512 kib}"), "1:24: forward.cache_bytes: '512 kib' is not a size (try 512KiB)"},
    MistakeCase{"SizeWithAFraction", with_service("forward: {cache_bytes: 1.5MiB}"), "1:24: forward.cache_bytes: '1.5MiB' is not a size (such as 512KiB or 1MiB)"},
    MistakeCase{"SizeWithoutNumber", with_service("forward: {cache_bytes: much}"), "1:24: forward.cache_bytes: 'much' is not a size (such as 512KiB or 1MiB)"},
    MistakeCase{"SizeBelowZero", with_service("forward: {cache_bytes: -1MiB}"), "1:24: forward.cache_bytes: '-1MiB' is not a size (such as 512KiB or 1MiB)"},
    MistakeCase{"SizeTooLarge", with_service("forward: {cache_bytes: 1GiB}"), "1:24: forward.cache_bytes: '1GiB' is out of range (0 to 64MiB)"},
    MistakeCase{"SizeBeyondAll", with_service("forward: {cache_bytes: 99999999999GiB}"), "1:24: forward.cache_bytes: '99999999999GiB' is not a size (such as 512KiB or 1MiB)"},
    MistakeCase{"CacheTooSmall", with_service("forward: {cache_bytes: 1KiB}"), "1:24: forward.cache_bytes: 1KiB is too small for a cache (64KiB or more, or 0 for none)"},
    MistakeCase{"MinTtlAboveMaxTtl", with_service("forward: {min_ttl: 20s, max_ttl: 10s}"), "1:20: forward.min_ttl: min_ttl 20s is longer than max_ttl 10s (lower min_ttl or raise max_ttl)"},
    MistakeCase{"MinTtlAboveDefaultMaxTtl", with_service("forward: {min_ttl: 10m}"), "1:20: forward.min_ttl: min_ttl 10m is longer than max_ttl 5m (lower min_ttl or raise max_ttl)"},
    MistakeCase{"MaxTtlZero", with_service("forward: {max_ttl: 0s}"), "1:20: forward.max_ttl: '0s' is out of range (1s to 24h)"},
    MistakeCase{"NegativeTtlNotWhole", with_service("forward: {negative_ttl: 1500ms}"), "1:25: forward.negative_ttl: '1.5s' is not a whole number of seconds (try 1s)"},
    MistakeCase{"ServeStaleTooLong", with_service("forward: {serve_stale: 73h}"), "1:24: forward.serve_stale: '73h' is out of range (0s to 72h)"},
    MistakeCase{"StaleAfterWithoutUnit", with_service("forward: {stale_after: 2}"), "1:24: forward.stale_after: '2' is not a duration (try 2s)"},
    MistakeCase{"UnknownKeyOfForward", with_service("forward: {cache_byte: 1MiB}"), "1:11: forward.cache_byte: unknown key (did you mean cache_bytes?)"}
), case_name);

INSTANTIATE_TEST_SUITE_P(Percentages, OneMistake, testing::Values(
    MistakeCase{"NoSign", service("  panic: {threshold: 50}"), "3:22: services[0].panic.threshold: '50' is not a whole percentage (try 50%)"},
    MistakeCase{"AFraction", service("  panic: {threshold: 0.5}"), "3:22: services[0].panic.threshold: '0.5' is not a whole percentage (such as 50%)"},
    MistakeCase{"OnlyTheSign", service("  panic: {threshold: '%'}"), "3:22: services[0].panic.threshold: '%' is not a whole percentage (such as 50%)"},
    MistakeCase{"TwoSigns", service("  panic: {threshold: 5%%}"), "3:22: services[0].panic.threshold: '5%%' is not a whole percentage (try 5%)"},
    MistakeCase{"TooMuch", service("  membership: {shrink_guard: 101%}"), "3:30: services[0].membership.shrink_guard: '101%' is out of range (0% to 100%)"},
    MistakeCase{"NegativePercentage", service("  membership: {shrink_guard: -1%}"), "3:30: services[0].membership.shrink_guard: '-1%' is not a whole percentage (such as 50%)"},
    MistakeCase{"NeitherWordNorDuration", service("  membership: {absent_max: never}"), "3:28: services[0].membership.absent_max: 'never' is not a duration (such as 500ms or 5s)"},
    MistakeCase{"AbsentTooLong", service("  membership: {absent_max: 25h}"), "3:28: services[0].membership.absent_max: '25h' is out of range (0s to 24h)"}
), case_name);

INSTANTIATE_TEST_SUITE_P(Keys, OneMistake, testing::Values(
    MistakeCase{"UnknownNear", health("intervall: 5s"), "4:12: services[0].health.intervall: unknown key (did you mean interval?)"},
    MistakeCase{"UnknownWithHyphen", health("fast-interval: 400ms"), "4:12: services[0].health.fast-interval: unknown key (did you mean fast_interval?)"},
    MistakeCase{"UnknownFar", with_service("log: {colour: red}"), "1:7: log.colour: unknown key (known here: level, format)"},
    MistakeCase{"UnknownSection", with_service("sevices: []"), "1:1: sevices: unknown key (did you mean services?)"},
    MistakeCase{"Twice", health("rise: 2, rise: 3"), "4:21: services[0].health.rise: key given twice, first at f.yaml:4:12 (keep one)"},
    MistakeCase{"SectionTwice", with_service("log: {}\nlog: {}"), "2:1: log: key given twice, first at f.yaml:1:1 (keep one)"},
    MistakeCase{"UnknownAndTwice", with_service("log: {colour: red, colour: blue}"), "1:7: log.colour: unknown key (known here: level, format)\nf.yaml:1:20: log.colour: key given twice, first at f.yaml:1:7 (keep one)"},
    MistakeCase{"MergeKey", service("  <<: {port: 80}"), "3:3: services[0].<<: merge keys are not read (put what services share under defaults:)"},
    MistakeCase{"ControlCharacterInKey", with_service("\"a\\nb\": 1"), "1:1: a\\x0ab: unknown key (known here: listen, upstream, forward, snapshot, resolv_conf, shutdown, sandbox, log, metrics, defaults, services)"},
    MistakeCase{"NameInDefaults", with_service("defaults: {name: b.local}"), "1:12: defaults.name: unknown key (known here: source, record, port, required, poll, answer, subset, zone, slow_start, health, membership, panic)"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Addresses, OneMistake, testing::Values(
    MistakeCase{"AName", with_service("listen: {dns: ['localhost:53']}"), "1:16: listen.dns[0]: 'localhost:53' is not an address and port (such as 127.0.0.1:53 or [::1]:53)"},
    MistakeCase{"HttpOnlyAPort", with_service("listen: {http: [8053]}"), "1:17: listen.http[0]: '8053' is not an address and port (such as 127.0.0.1:8053 or [::1]:8053)"},
    MistakeCase{"OpenWithoutAllow", with_service("listen: {dns: [127.0.0.1, 10.0.0.5]}"), "1:27: listen.dns[1]: 10.0.0.5:53 is not a loopback address, and listen.allow is empty (say who may ask, such as listen.allow: [10.0.0.0/16])"},
    MistakeCase{"HttpOpenWithoutAllow", with_service("listen: {http: ['10.0.0.5:80']}"), "1:17: listen.http[0]: 10.0.0.5:80 is not a loopback address, and listen.allow is empty (say who may ask, such as listen.allow: [10.0.0.0/16])"},
    MistakeCase{"AllowMistakenHidesNothingElse", with_service("listen: {dns: [0.0.0.0], allow: [10.0.0.0/33]}"), "1:34: listen.allow[0]: '10.0.0.0/33' is not a network (such as 10.0.0.0/16 or fd00::/64)"},
    MistakeCase{"HostBits", with_service("listen: {allow: [10.0.1.7/16]}"), "1:18: listen.allow[0]: '10.0.1.7/16' has bits set behind its prefix (try 10.0.0.0/16)"},
    MistakeCase{"HostBitsV6", with_service("listen: {allow: ['fd00::1:2/64']}"), "1:18: listen.allow[0]: 'fd00::1:2/64' has bits set behind its prefix (try fd00::/64)"},
    MistakeCase{"ListenerTwice", with_service("listen: {dns: ['127.0.0.1:53', '[::1]:53', '127.0.0.1']}"), "1:44: listen.dns[2]: 127.0.0.1:53 is taken by 127.0.0.1:53 of listen.dns[0] (choose another port, or remove one)"},
    MistakeCase{"HttpOnADnsListener", with_service("listen: {dns: ['127.0.0.1:8000'], http: ['127.0.0.1:8000']}"), "1:42: listen.http[0]: 127.0.0.1:8000 is taken by 127.0.0.1:8000 of listen.dns[0] (choose another port, or remove one)"},
    MistakeCase{"HttpOnTheDefaultDnsListener", with_service("listen: {http: ['127.0.0.1:53']}"), "1:17: listen.http[0]: 127.0.0.1:53 is taken by 127.0.0.1:53 of the defaults (choose another port, or remove one)"},
    MistakeCase{"DnsOnTheDefaultHttpListener", with_service("listen: {dns: ['127.0.0.1:8053']}"), "1:16: listen.dns[0]: 127.0.0.1:8053 is taken by 127.0.0.1:8053 of the defaults (choose another port, or remove one)"},
    MistakeCase{"CoveredByAll", with_service("listen: {dns: [0.0.0.0, 127.0.0.1], allow: [10.0.0.0/8]}"), "1:25: listen.dns[1]: 127.0.0.1:53 is taken by 0.0.0.0:53 of listen.dns[0] (choose another port, or remove one)"},
    MistakeCase{"HostWithPort", with_service("listen: {hosts: ['me:80']}"), "1:18: listen.hosts[0]: 'me:80' is not a host name (such as taskdns.internal, without a port)"},
    MistakeCase{"UpstreamName", with_service("upstream: {servers: [dns.local]}"), "1:22: upstream.servers[0]: 'dns.local' is not the address of a resolver (write auto, or such as 10.0.0.2 or [fd00::2]:53)"},
    MistakeCase{"UpstreamNoOne", with_service("upstream: {servers: [0.0.0.0]}"), "1:22: upstream.servers[0]: '0.0.0.0' is no one's address (such as 10.0.0.2)"},
    MistakeCase{"UpstreamPortZero", with_service("upstream: {servers: ['10.0.0.2:0']}"), "1:22: upstream.servers[0]: '10.0.0.2:0' has port 0, where nobody answers (leave :0 out for port 53)"},
    MistakeCase{"UpstreamEmpty", with_service("upstream: {servers: []}"), "1:21: upstream.servers: is an empty list (write auto, or such as [10.0.0.2])"},
    MistakeCase{"UpstreamTwice", with_service("upstream: {servers: [10.0.0.2, 10.0.0.3, '10.0.0.2:53']}"), "1:42: upstream.servers[2]: 10.0.0.2:53 is given twice, first at f.yaml:1:22 (keep one)"},
    MistakeCase{"UpstreamIsOurselves", with_service("upstream: {servers: ['127.0.0.1']}"), "1:22: upstream.servers[0]: 127.0.0.1:53 is our own listener (the defaults): a loop (name the VPC resolver, or write auto)"},
    MistakeCase{"UpstreamIsOurWildcard", with_service("listen: {dns: [0.0.0.0], allow: [10.0.0.0/8]}\nupstream: {servers: [127.0.0.1]}"), "2:22: upstream.servers[0]: 127.0.0.1:53 is our own listener (listen.dns[0]): a loop (name the VPC resolver, or write auto)"},
    MistakeCase{"NobodyListens", with_service("listen: {dns: [], http: []}"), "1:9: listen: dns and http are both empty, so that nobody could ask (such as dns: [127.0.0.1:53])"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Services, OneMistake, testing::Values(
    MistakeCase{"None", "log: {}", " services: there are none (write services: [{name: orders.local, port: 8080}], or set TASKDNS_SERVICES=orders.local:8080)"},
    MistakeCase{"NothingAtAll", "", " services: there are none (write services: [{name: orders.local, port: 8080}], or set TASKDNS_SERVICES=orders.local:8080)"},
    MistakeCase{"NullList", "services:", " services: there are none (write services: [{name: orders.local, port: 8080}], or set TASKDNS_SERVICES=orders.local:8080)"},
    MistakeCase{"AMap", "services: {a: b}", "1:11: services: is a map of keys, not a list (write `- ` in front of each item)"},
    MistakeCase{"OnlyAName", "services: [a.local]", "1:12: services[0]: is a single value, not a map of keys (such as - name: orders.local)"},
    MistakeCase{"NoName", "services:\n- port: 80", "2:3: services[0].name: is missing (such as name: orders.local)"},
    MistakeCase{"NameIsAList", "services:\n- name: [a]", "2:9: services[0].name: is a list, not a domain name (such as orders.local)"},
    MistakeCase{"BadName", "services: [{name: 'a b'}]", "1:19: services[0].name: 'a b' has ' ' in its label 'a b' (letters, digits, - and _ only) (a name is such as orders.local)"},
    MistakeCase{"Root", "services: [{name: .}]", "1:19: services[0].name: '.' is the root, not a service (such as orders.local)"},
    MistakeCase{"AnAddressAsName", "services: [{name: 10.0.1.10}]", "1:19: services[0].name: '10.0.1.10' is an address, not a name (give it a name, and addresses: with source: static)"},
    MistakeCase{"Localhost", "services: [{name: localhost}]", "1:19: services[0].name: 'localhost' is always this task itself, RFC 6761 (choose another name)"},
    MistakeCase{"BelowLocalhost", "services: [{name: db.LocalHost}]", "1:19: services[0].name: 'db.LocalHost' is always this task itself, RFC 6761 (choose another name)"},
    MistakeCase{"ReverseV4", "services: [{name: 1.0.0.10.in-addr.arpa}]", "1:19: services[0].name: '1.0.0.10.in-addr.arpa' is in the tree of addresses, not of services (choose another name)"},
    MistakeCase{"ReverseV6", "services: [{name: a.local, aliases: [1.ip6.arpa]}]", "1:38: services[0].aliases[0]: '1.ip6.arpa' is in the tree of addresses, not of services (choose another name)"},
    MistakeCase{"NameTooLongForTargets", "services: [{name: " + long_name(26) + "}]", "1:19: services[0].name: '" + std::string(60, 'a') + "...' has 219 octets (at most 218, so that SRV targets fit below it)"},
    MistakeCase{"SameName", "services:\n- name: a.local\n- name: A.LOCAL.", "3:9: services[1].name: 'a.local' is already a service's name or alias, at f.yaml:2:9 (keep one)"},
    MistakeCase{"NameIsAnAlias", "services:\n- {name: a.local, aliases: [b.local]}\n- name: b.local", "3:9: services[1].name: 'b.local' is already a service's name or alias, at f.yaml:2:29 (keep one)"},
    MistakeCase{"AliasIsTheName", "services:\n- {name: a.local, aliases: [a.local]}", "2:29: services[0].aliases[0]: 'a.local' is already a service's name or alias, at f.yaml:2:10 (keep one)"},
    MistakeCase{"AddressesWithoutStatic", service("  addresses: [10.0.0.1]"), "3:14: services[0].addresses: are only read with source: static (add it, or remove them)"},
    MistakeCase{"StaticWithoutAddresses", service("  source: static"), "2:3: services[0].addresses: source: static needs some (such as addresses: [10.0.1.10, 10.0.1.11])"},
    MistakeCase{"NotAnAddress", service("  source: static\n  addresses: [10.0.0]"), "4:15: services[0].addresses[0]: '10.0.0' is not an address (such as 10.0.1.10, 10.0.1.10:8080 or [fd00::10]:8080)"},
    MistakeCase{"AddressTwice", service("  source: static\n  addresses: [10.0.0.1, 10.0.0.1]"), "4:25: services[0].addresses[1]: 10.0.0.1 is given twice, first at f.yaml:4:15 (keep one)"},
    MistakeCase{"SomePortsMissing", service("  source: static\n  addresses: ['10.0.0.1:80', 10.0.0.2]"), "4:30: services[0].addresses[1]: 10.0.0.2 has no port, though others have (add one here, or a port: for all)"},
    MistakeCase{"TcpWithoutPort", service("  health: {check: tcp}"), "3:19: services[0].health.check: tcp needs a port (add port: 8080 or such to the service, or check: none)"},
    MistakeCase{"HttpWithoutPort", service("  health: {check: http, path: /up}"), "3:19: services[0].health.check: http needs a port (add port: 8080 or such to the service, or check: none)"},
    MistakeCase{"PathWithoutHttp", health("path: /up"), "4:18: services[0].health.path: is only used with check: http or https (add it, or remove this)"},
    MistakeCase{"StatusWithTcp", health("check: tcp, expect_status: 200"), "4:39: services[0].health.expect_status: is only used with check: http or https (add it, or remove this)"},
    MistakeCase{"BodyWithTcp", health("check: tcp, expect_body: ok"), "4:37: services[0].health.expect_body: is only used with check: http or https (add it, or remove this)"},
    MistakeCase{"BodyTooLong", health("check: http, expect_body: " + std::string(1025, 'a')), "4:38: services[0].health.expect_body: '" + std::string(60, 'a') + "...' is longer than 1024 octets (a few words that only a healthy answer has)"},
    MistakeCase{"TlsWithHttp", health("check: http, tls: {verify: false}"), "4:30: services[0].health.tls: is only used with check: https (add it, or remove this)"},
    MistakeCase{"HttpsWithoutCaFile", health("check: https"), "4:19: services[0].health.check: https verifies certificates, and needs tls.ca_file for that (such as tls: {ca_file: /etc/ssl/certs/ca-certificates.crt}, or tls: {verify: false})"},
    MistakeCase{"CaFileRelative", health("check: https, tls: {ca_file: ca.pem}"), "4:41: services[0].health.tls.ca_file: 'ca.pem' is not an absolute path (such as /var/lib/taskdns/ca.pem)"},
    MistakeCase{"ServerNameIsAddress", health("check: https, tls: {verify: false, server_name: 10.0.0.1}"), "4:60: services[0].health.tls.server_name: '10.0.0.1' is not a host name (such as orders.internal, without a port; addresses have no SNI)"},
    MistakeCase{"ZoneMapIsAList", service("  zone: {map: [a]}"), "3:15: services[0].zone.map: is a list, not a map (such as {10.0.1.0/24: use1-az1})"},
    MistakeCase{"ZoneOfNoNetwork", service("  zone: {map: {10.0.1.7/24: a}}"), "3:16: services[0].zone.map[10.0.1.7/24]: '10.0.1.7/24' has bits set behind its prefix (try 10.0.1.0/24)"},
    MistakeCase{"ZoneIsAList", service("  zone: {map: {10.0.1.0/24: [a]}}"), "3:16: services[0].zone.map[10.0.1.0/24]: is a list, not a zone (such as 10.0.1.0/24: use1-az1)"},
    MistakeCase{"ZoneWithSpace", service("  zone: {map: {10.0.1.0/24: a b}}"), "3:29: services[0].zone.map[10.0.1.0/24]: 'a b' is not the name of a zone (such as use1-az1)"},
    MistakeCase{"NamespaceOfAws", with_service("metrics: {emf_namespace: AWS/ECS}"), "1:26: metrics.emf_namespace: 'AWS/ECS' is not a namespace of CloudWatch (letters, digits and . - _ / # :, such as taskdns)"},
    MistakeCase{"NamespaceWithASpace", with_service("metrics: {emf_namespace: my tasks}"), "1:26: metrics.emf_namespace: 'my tasks' is not a namespace of CloudWatch (letters, digits and . - _ / # :, such as taskdns)"},
    MistakeCase{"LingerTooLong", with_service("shutdown: {linger: 2m}"), "1:20: shutdown.linger: '2m' is out of range (0s to 115s)"},
    MistakeCase{"LingerIsNoDuration", with_service("shutdown: {linger: off}"), "1:20: shutdown.linger: 'off' is not a duration (such as 500ms or 5s)"},
    MistakeCase{"SandboxIsNoWord", with_service("sandbox: yes"), "1:10: sandbox: 'yes' is not one of off, on (write one of them)"},
    MistakeCase{"IgnoredContainerWithASpace", with_service("shutdown: {linger_ignore: [my agent]}"), "1:28: shutdown.linger_ignore[0]: 'my agent' is not the name of a container (letters, digits, - and _, and * for any of them)"},
    MistakeCase{"ResolvConfRelative", with_service("resolv_conf: {path: resolv.conf}"), "1:21: resolv_conf.path: 'resolv.conf' is not an absolute path (such as /var/lib/taskdns/resolv.conf)"},
    MistakeCase{"ResolvConfNowhere", with_service("resolv_conf: {path: ''}"), "1:21: resolv_conf.path: is empty (such as /etc/resolv.conf; manage: false leaves it alone)"},
    MistakeCase{"ResolvConfWithoutPort53", with_service("listen: {dns: ['127.0.0.1:5353']}\nresolv_conf: {manage: true}"), "2:14: resolv_conf.manage: needs a listener on port 53, since resolv.conf has no ports (such as listen: {dns: [127.0.0.1:53]}, or manage: false)"},
    MistakeCase{"ResolvConfWhereTheHostMayNotAsk", with_service("listen: {dns: ['10.0.1.2:53'], allow: [10.9.0.0/16]}\nresolv_conf: {manage: true}"), "2:14: resolv_conf.manage: would name 10.0.1.2, from where this host's own queries to it come, and which is not in listen.allow: nobody here would be answered (add 10.0.1.2 to listen.allow, or 127.0.0.1:53 to listen.dns)"},
    MistakeCase{"SnapshotRelative", with_service("snapshot: s.json"), "1:11: snapshot: 's.json' is not an absolute path (such as /var/lib/taskdns/s.json)"},
    MistakeCase{"RelativePath", health("check: http, path: up"), "4:31: services[0].health.path: 'up' does not begin with / (try '/up')"},
    MistakeCase{"PathWithSpace", health("check: http, path: /a b"), "4:31: services[0].health.path: '/a b' has a space, a # or a character that is not ASCII (write it as %20, %23, ...)"},
    MistakeCase{"PathTooLong", health("check: http, path: /" + std::string(1024, 'a')), "4:31: services[0].health.path: '/" + std::string(59, 'a') + "...' is longer than 1024 characters (a check should ask a short path)"},
    MistakeCase{"BadHost", health("check: http, host: a/b"), "4:31: services[0].health.host: 'a/b' cannot stand in a Host header (such as orders.local or orders.local:8080)"},
    MistakeCase{"BadStatus", health("check: http, expect_status: [200, 2xx]"), "4:46: services[0].health.expect_status[1]: '2xx' is not an HTTP status or a range of them, 100 to 599 (such as 200 or 200-399)"},
    MistakeCase{"StatusTooLarge", health("check: http, expect_status: 600"), "4:40: services[0].health.expect_status[0]: '600' is not an HTTP status or a range of them, 100 to 599 (such as 200 or 200-399)"},
    MistakeCase{"StatusBackwards", health("check: http, expect_status: 399-200"), "4:40: services[0].health.expect_status[0]: '399-200' runs backwards (try 200-399)"},
    MistakeCase{"NoStatus", health("check: http, expect_status: []"), "4:40: services[0].health.expect_status: is empty, so that no answer would do (such as 200-399)"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Together, OneMistake, testing::Values(
    MistakeCase{"TimeoutAsLongAsInterval", health("interval: 1s"), "4:22: services[0].health.interval: timeout 1s is not shorter than interval 1s (lower timeout or raise interval)"},
    MistakeCase{"TimeoutTooLong", health("timeout: 2s"), "4:21: services[0].health.timeout: timeout 2s is not shorter than interval 2s (lower timeout or raise interval)"},
    MistakeCase{"FastIsSlow", health("fast_interval: 3s"), "4:27: services[0].health.fast_interval: fast_interval 3s is longer than interval 2s (lower fast_interval or raise interval)"},
    MistakeCase{"IdleIsFast", health("idle_interval: 1s"), "4:27: services[0].health.idle_interval: idle_interval 1s is shorter than interval 2s (raise it, or lower interval)"},
    MistakeCase{"MinAboveMax", service("  poll: {min: 3s, max: 2s}"), "3:15: services[0].poll.min: poll.min 3s is longer than poll.max 2s (lower min or raise max)"},
    MistakeCase{"MinAboveDefaultMax", service("  poll: {min: 1m}"), "3:15: services[0].poll.min: poll.min 1m is longer than poll.max 30s (lower min or raise max)"},
    MistakeCase{"MaxBelowDefaultMin", service("  poll: {max: 1s}"), "3:15: services[0].poll.max: poll.min 2s is longer than poll.max 1s (lower min or raise max)"},
    MistakeCase{"InDefaultsOnlyOnce", "defaults: {poll: {min: 5x}}\nservices: [{name: a.local}, {name: b.local, poll: {max: 1s}}]", "1:24: defaults.poll.min: '5x' is not a duration (try 5s)"},
    MistakeCase{"AcrossDefaultsOnlyOnce", "defaults: {poll: {min: 1m}}\nservices: [{name: a.local}, {name: b.local}]", "1:24: defaults.poll.min: poll.min 1m is longer than poll.max 30s (lower min or raise max)"},
    MistakeCase{"DefaultCheckWithoutPort", "defaults: {health: {check: tcp}}\nservices:\n- name: a.local", "3:3: services[0].health.check: tcp needs a port (add port: 8080 or such to the service, or check: none)"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Expansion, OneMistake, testing::Values(
    MistakeCase{"NotSet", "services: [{name: '${NAME}'}]", "1:19: services[0].name: variable NAME is not set (set it, or write ${NAME:-default})"},
    MistakeCase{"NotClosed", "services: [{name: '${NAME'}]", "1:19: services[0].name: a ${ is not closed (write ${NAME}; $${ is a literal ${)"},
    MistakeCase{"NotAVariable", "services: [{name: '${1}'}]", "1:19: services[0].name: '1' is not the name of a variable (write ${NAME} or ${NAME:-default}; $${ is a literal ${)"},
    MistakeCase{"Nested", "services: [{name: '${A:-${B}}'}]", "1:19: services[0].name: ${A} has another ${ inside (give a plain default)"},
    MistakeCase{"InAnItem", with_service("upstream: {servers: ['${R}']}"), "1:22: upstream.servers[0]: variable R is not set (set it, or write ${R:-default})"},
    MistakeCase{"BelowAnUnknownKey", with_service("defaults: {port: '${PORT}'}"), "1:18: defaults.port: variable PORT is not set (set it, or write ${PORT:-default})"}),
    case_name);
// clang-format on

TEST(Mistakes, AreAllReportedAtOnce) {
    const char* ten = R"(listen:
  dns: [0.0.0.0:53]
upstream: {timout: 1s}
services:
  - name: orders.local
    port: 80800
    health: {interval: 5x, rise: 2, rise: 3}
  - name: orders.local
    source: statc
    poll: {min: 10s, max: 5s}
  - nam: stock.local
log: [debug]
)";
    EXPECT_EQ(
        mistakes_in(ten),
        R"(f.yaml:2:9: listen.dns[0]: 0.0.0.0:53 is not a loopback address, and listen.allow is empty (say who may ask, such as listen.allow: [10.0.0.0/16])
f.yaml:3:12: upstream.timout: unknown key (did you mean timeout?)
f.yaml:6:11: services[0].port: '80800' is out of range (1 to 65535)
f.yaml:7:24: services[0].health.interval: '5x' is not a duration (try 5s)
f.yaml:7:37: services[0].health.rise: key given twice, first at f.yaml:7:28 (keep one)
f.yaml:8:11: services[1].name: 'orders.local' is already a service's name or alias, at f.yaml:5:11 (keep one)
f.yaml:9:13: services[1].source: 'statc' is not one of dns, static (did you mean static?)
f.yaml:10:17: services[1].poll.min: poll.min 10s is longer than poll.max 5s (lower min or raise max)
f.yaml:11:5: services[2].nam: unknown key (did you mean name?)
f.yaml:12:6: log: is a list, not a map of keys (write `key: value` lines below it))");
}

TEST(Mistakes, NameTooManyListenersAndServers) {
    std::string list = "[";
    for (int i = 0; i < 65; ++i) list += "127.0.1." + std::to_string(i) + ",";
    EXPECT_EQ(mistakes_in(with_service("listen: {dns: " + list + "]}")),
              "f.yaml:1:15: listen.dns: has 65 addresses (at most 64)");
    EXPECT_EQ(mistakes_in(with_service("upstream: {servers: " + list + "]}")),
              "f.yaml:1:21: upstream.servers: has 65 addresses (at most 64)");
}

TEST(Mistakes, CountColumnsInOctets) {
    EXPECT_EQ(mistakes_in("log: {\"\xc3\xa9\": 1, colour: 1}\nservices: [{name: a.local}]"),
              "f.yaml:1:7: log.\xc3\xa9: unknown key (known here: level, format)\n"
              "f.yaml:1:16: log.colour: unknown key (known here: level, format)");
    EXPECT_EQ(mistakes_in("# \xc3\xa9 \xff"), "f.yaml:1:6: octet 0xff is not UTF-8 (save it as UTF-8 text)");
}

TEST(Mistakes, AreCountedBeyondAHundred) {
    std::string yaml = "services: [{name: a.local}]\n";
    for (int i = 0; i < 150; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
    const std::string text = mistakes_in(yaml);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
    EXPECT_THAT(text, testing::EndsWith("(and 50 more)"));
}

// --- what is not YAML, or not only

std::string nested(std::size_t depth) { return "a: " + std::string(depth, '[') + std::string(depth, ']'); }

std::string laughs() {
    std::string yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 10; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
        for (int j = 0; j < 9; ++j) yaml += "," + last;
        yaml += "]\n";
    }
    return yaml;
}

TEST(BadText, NamesThePlaceOfASyntaxError) {
    for (const std::string open : {"'a", "\"a", "'a''", "\"a\\\"", "'"}) {
        EXPECT_EQ(mistakes_in("services:\n- name: 'b.local'\n- name: " + open + "\n"),
                  "f.yaml:3:9: not YAML: a quote opens here and does not close (add the other one)");
    }
    EXPECT_THAT(mistakes_in("services: [\n"), HasSubstr("f.yaml:2:1: not YAML: "));
    EXPECT_THAT(mistakes_in("a: b: c\n"), HasSubstr("f.yaml:1:5: not YAML: "));
    EXPECT_THAT(mistakes_in("a: *nobody\n"), HasSubstr("f.yaml:1:4: not YAML: "));
}

TEST(BadText, IsToldApartFromYaml) {
    EXPECT_EQ(mistakes_in("a: \xff\xfe\n"), "f.yaml:1:4: octet 0xff is not UTF-8 (save it as UTF-8 text)");
    EXPECT_EQ(mistakes_in("# \xc3\xa9\n\xc0\x80"), "f.yaml:2:1: octet 0xc0 is not UTF-8 (save it as UTF-8 text)");
    EXPECT_EQ(mistakes_in("\xed\xa0\x80"), "f.yaml:1:1: octet 0xed is not UTF-8 (save it as UTF-8 text)");
    EXPECT_EQ(mistakes_in("# \xc3"), "f.yaml:1:3: octet 0xc3 is not UTF-8 (save it as UTF-8 text)");
    EXPECT_EQ(mistakes_in(std::string("\x7f"
                                      "ELF\2\1\0",
                                      7)),
              "f.yaml:1:1: octet 0x7f is not text (is this a YAML file?)");
    EXPECT_EQ(mistakes_in(std::string("a\0b", 3)), "f.yaml:1:2: octet 0x00 is not text (is this a YAML file?)");
}

TEST(BadText, OfOtherShapesIsRefused) {
    EXPECT_EQ(mistakes_in("just words"),
              "f.yaml:1:1: is a single value, not a map of keys (write `key: value` lines below it)");
    EXPECT_EQ(mistakes_in("- a\n"), "f.yaml:1:1: is a list, not a map of keys (write `key: value` lines below it)");
    EXPECT_EQ(mistakes_in("a: 1\n---\nb: 2\n"),
              "f.yaml:2:1: a second document begins here (only one is read: remove it)");
    EXPECT_EQ(mistakes_in("log: !Ref Other\n"), "f.yaml:1:6: tag '!Ref' is not known (remove it)");
    EXPECT_EQ(mistakes_in("? [a]\n: b\n"), "f.yaml:1:3: a list cannot be a key (quote what begins with [ or {)");
    EXPECT_EQ(mistakes_in("a: &x [*x]\n"), "f.yaml:1:8: an alias inside what it stands for (write it out)");
}

TEST(BadText, BeyondTheLimitsIsRefused) {
    EXPECT_THAT(mistakes_in(nested(32)), HasSubstr("nested more than 32 deep (is a bracket missing?)"));
    EXPECT_THAT(mistakes_in(nested(100'000)), HasSubstr("nested more than 32 deep"));
    EXPECT_THAT(mistakes_in(nested(31)), HasSubstr("a: unknown key"));
    EXPECT_THAT(mistakes_in(laughs()), HasSubstr("more than 500000 values, aliases included (make it smaller)"));
    std::string anchors = "a: ";
    for (int i = 0; i < 6; ++i) anchors += "&x" + std::to_string(i) + " [";
    for (int i = 0; i < 100'000; ++i) anchors += "x,";
    EXPECT_THAT(mistakes_in(anchors + "]]]]]]"), HasSubstr("more than 500000 values"));
    EXPECT_EQ(mistakes_in(std::string(4 * 1024 * 1024 + 1, '#')),
              "f.yaml: is larger than 4 MiB (is this a configuration?)");
    EXPECT_THAT(mistakes_in(std::string(4 * 1024 * 1024, '#')), HasSubstr("services: there are none"));
}

TEST(GoodText, MayHaveAByteOrderMarkCommentsAndWindowsLineEnds) {
    EXPECT_EQ(mistakes_in("\xef\xbb\xbf# caf\xc3\xa9\r\nservices:\r\n- name: a.local\r\n"), "");
}

}  // namespace
}  // namespace taskdns::config
