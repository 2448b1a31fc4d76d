// Fuzz entry: any text as a configuration. Whatever a user writes, it comes back as a configuration that keeps its
// own rules, or as mistakes: each on a line of its own, with a place that the text has.
#include <set>
#include <string>

#include "config/load.hpp"
#include "fuzz/config_rules.hpp"
#include "fuzz/mutate.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;

constexpr const char* file_name = "fuzz.yaml";

Result<config::Config> parse(const std::string& text) {
    return config::parse(text, file_name, [](const std::string&) { return std::nullopt; });
}

constexpr std::string_view lines[]{"listen:",
                                   "upstream:",
                                   "forward:",
                                   "defaults:",
                                   "services:",
                                   "resolv_conf:",
                                   "shutdown:",
                                   "log:",
                                   "metrics:",
                                   "snapshot: /var/lib/taskdns/snapshot",
                                   "services: [{name: a.local, port: 80}]",
                                   "services: []",
                                   "- name: orders.local",
                                   "  - name: resource-server.local",
                                   "    port: 8080",
                                   "    source: static",
                                   "    addresses: [10.0.1.10, \"[fd00::1]:80\"]",
                                   "    aliases: [a, b]",
                                   "    record: SRV",
                                   "    poll: {min: 2s, max: 30s}",
                                   "    health:",
                                   "    health: {check: http, path: /x}",
                                   "      check: https",
                                   "      tls: {verify: false}",
                                   "      tls: {ca_file: /x}",
                                   "      interval: 2s",
                                   "      timeout: 1s",
                                   "      idle_interval: 10s",
                                   "      fast_interval: 500ms",
                                   "      expect_status: [200-399, 418]",
                                   "      expect_body: ok",
                                   "      host: x.local",
                                   "      observe: off",
                                   "    answer: {size: 8, order: weighted, fair: false, ttl: 1s}",
                                   "      when_none_healthy: servfail",
                                   "    membership: {sample_limit: 8, absent_max: auto, stale_max: 24h}",
                                   "    panic: {threshold: 50%, min_members: 6}",
                                   "    zone: {prefer: true, map: {10.0.1.0/24: use1-az1}}",
                                   "    subset: 3",
                                   "    slow_start: 30s",
                                   "    required: false",
                                   "  dns: [127.0.0.1:53, \"[::1]:53\"]",
                                   "  dns: 127.0.0.1:5353",
                                   "  http: [0.0.0.0:8053]",
                                   "  allow: [10.0.0.0/8]",
                                   "  hosts: [x.example]",
                                   "  allow_admin: true",
                                   "  servers: auto",
                                   "  servers: [10.0.0.2, 10.0.0.3:5353]",
                                   "  attempts: 2",
                                   "  max_qps: 500",
                                   "  cache_bytes: 1MiB",
                                   "  negative_ttl: 5s",
                                   "  serve_stale: 1h",
                                   "  stale_after: 1.8s",
                                   "  manage: true",
                                   "  fallback: true",
                                   "  path: /etc/resolv.conf",
                                   "  linger: auto",
                                   "  linger_ignore: [\"x*\"]",
                                   "  level: debug",
                                   "  format: json",
                                   "  emf: {enabled: true}",
                                   "---",
                                   "...",
                                   "# a comment",
                                   "&a x",
                                   "*a",
                                   "<<: *a",
                                   "? x",
                                   "!!str x",
                                   "%YAML 1.2",
                                   "|",
                                   ">-",
                                   "{",
                                   "}",
                                   "[",
                                   "]"};
constexpr std::string_view words[]{
    "${X}",        "${X:-2s}", "$${X}",    "${",   "auto",       "true",
    "off",         "null",     "~",        "''",   "0",          "-1",
    "1e3",         "0x10",     "5x",       "1s",   "0s",         "1h",
    "100ms",       "1.5s",     "999999h",  "50%",  "1MiB",       "99999999999999999999",
    "A",           "SRV",      "tcp",      "http", "https",      "none",
    "static",      "dns",      "10.0.0.1", "::1",  "0.0.0.0:53", "127.0.0.1:53",
    "10.0.0.0/33", "a.local",  "A.LOCAL.", "a..b", "\xC3\xA4",   "\xFF",
    "naem",        "prot",     "\\x00",    "&x",   "*x"};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_lines({data, size, max_size, seed}, lines, words);
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string text(data, data + size);
    const Result<config::Config> config = parse(text);
    const auto line_count = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    if (!config) {
        check_mistakes(config.error(), {file_name}, line_count);
        return 0;
    }
    check_config(*config);
    require(config->origins == std::vector<std::string>{file_name}, "it came from the file");
    // The same again; and what does not say anything changes nothing.
    require(parse(text).value() == *config, "the same text, the same configuration");
    if (text.find("\n...") == std::string::npos && !text.starts_with("...")) {
        const Result<config::Config> commented = parse(text + "\n# a comment\n");
        require(commented.has_value() && *commented == *config, "a comment changes nothing");
    }
    return 0;
}
