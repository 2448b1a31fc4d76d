// What a running daemon says by HTTP of the application's own connections (docs/observed-health.md), and the asking
// that goes with it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/service_report.hpp"

namespace taskdns::testing_support {

struct ObservedConnections {
    unsigned open = 0;
    double rtt_ms = 0;
    unsigned retransmits = 0;
    unsigned answered = 0;
    unsigned refused = 0;
    unsigned unanswered = 0;
};

inline boost::json::value service_json(const DaemonUnderTest& daemon, const std::string& service) {
    return boost::json::parse(daemon.get("/v1/services/" + service).body);
}

/// "on", "off", "unavailable" or "nothing_seen".
inline std::string observe_state(const DaemonUnderTest& daemon, const std::string& service) {
    return text_of(service_json(daemon, service).at("observe").at("state"));
}

/// Why it is not "on"; empty: null.
inline std::string observe_reason(const DaemonUnderTest& daemon, const std::string& service) {
    return text_of(service_json(daemon, service).at("observe").at("reason"));
}

/// Nothing: null, or no such member.
inline std::optional<ObservedConnections> observed_connections(const DaemonUnderTest& daemon,
                                                               const std::string& service,
                                                               const std::string& address) {
    const boost::json::value json = service_json(daemon, service);
    for (const boost::json::value& endpoint : json.at("endpoints").as_array()) {
        const boost::json::value& seen = endpoint.at("connections");
        if (text_of(endpoint.at("address")) != address || seen.is_null()) continue;
        const auto number = [&seen](const char* key) { return seen.at(key).to_number<unsigned>(); };
        const boost::json::value& rtt = seen.at("rtt_ms");
        return ObservedConnections{.open = number("open"),
                                   .rtt_ms = rtt.is_null() ? 0 : rtt.to_number<double>(),
                                   .retransmits = number("retransmits"),
                                   .answered = number("answered"),
                                   .refused = number("refused"),
                                   .unanswered = number("unanswered")};
    }
    return std::nullopt;
}

inline bool names(const DaemonUnderTest& daemon, const std::string& service, const std::string& address) {
    const std::vector<std::string> answer = daemon.ask_a(service);
    return std::ranges::find(answer, address) != answer.end();
}

/// Asks about 2,000 times a second until no answer has named `address` for `quiet`, or for `limit` at most; when the
/// last one that did arrived. Nothing: none has.
inline std::optional<std::chrono::steady_clock::time_point> last_answer_that_names(const DaemonUnderTest& daemon,
                                                                                   const std::string& service,
                                                                                   const std::string& address,
                                                                                   std::chrono::milliseconds quiet,
                                                                                   std::chrono::milliseconds limit) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + limit;
    std::optional<Clock::time_point> last;
    for (auto quiet_since = Clock::now(); Clock::now() < end && Clock::now() - quiet_since < quiet;) {
        if (names(daemon, service, address)) last = quiet_since = Clock::now();
        std::this_thread::sleep_for(std::chrono::microseconds(400));
    }
    return last;
}

/// A service of static endpoints; `health` is the inner part of the mapping, such as "check: none".
inline std::string static_service(const std::string& name, const std::vector<std::string>& addresses,
                                  std::uint16_t port, const std::string& health) {
    std::string yaml = "  - {name: " + name + ", source: static, port: " + std::to_string(port) + ", addresses: [";
    for (const std::string& address : addresses) yaml += (&address == &addresses.front() ? "" : ", ") + address;
    return yaml + "], health: {" + health + "}}\n";
}

/// The upstream is never asked: nothing here is looked up.
inline DaemonOptions with_services(const std::string& yaml) {
    return {.yaml = "upstream: {servers: [192.0.2.1]}\nservices:\n" + yaml};
}

/// min, median, p90 and max of some times, in milliseconds.
inline std::string quantiles(std::vector<double> times) {
    std::ranges::sort(times);
    std::string out;
    for (const std::size_t tenths : {0U, 5U, 9U, 10U}) {
        char text[32];
        std::snprintf(text, sizeof text, "%9.1f", times[(times.size() - 1) * tenths / 10]);
        out += text;
    }
    return out;
}

}  // namespace taskdns::testing_support
