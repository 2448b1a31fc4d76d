// What the words of the interface mean, for people who have not read docs/http-api.md; times as people say them.
// Layer: http_server (may include base). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::http_server {

struct WordMeaning {
    std::string_view word;
    std::string_view meaning;
};

/// Every reason of the closed list, those with a second word (`unhealthy:refused`) by their first (`unhealthy:`).
std::span<const WordMeaning> reason_meanings();

/// Of an endpoint: "left out: connection refused". An unknown word is given back.
std::string explain_reason(std::string_view reason, bool served);
/// Of a check: "refused" -> "connection refused". An unknown word is given back, as by the following.
std::string_view explain_outcome(std::string_view outcome);
/// "all" -> "all that are named, although they fail"
std::string_view explain_rung(std::string_view rung);
/// Of ServiceStatus::basis.
std::string_view explain_registry(std::string_view basis);
/// Of EndpointStatus::presence.
std::string_view explain_presence(std::string_view presence);

/// What is known of the task: {"family", "client"}, {"zone", "use1-az1"}, ...
std::vector<std::pair<std::string_view, std::string>> describe(const TaskStatus& task);
/// "/etc/resolv.conf names 127.0.0.1, and named 10.0.0.2 before", or why it does not.
std::string describe(const ResolvConfStatus& file);
/// Of DaemonStatus::upstream_from: "task_metadata" -> "the task's metadata". An unknown word is given back.
std::string_view explain_origin(std::string_view upstream_from);

/// `now` - `then`: "now" below a second, "42 s", "5 min", "3 h 20 min", "2 d 4 h". "-" if `then` is not known.
std::string format_age(WallTime then, WallTime now);
/// The same behind an event: "just now", "42 s ago".
std::string format_ago(WallTime then, WallTime now);
/// "0.41 ms", "2.5 ms", "120 ms", "3.2 s"
std::string format_latency(std::chrono::microseconds time);
/// 0.254 -> "25 %"; "<1 %" for what is not nothing.
std::string format_percent(double share);

}  // namespace taskdns::http_server
