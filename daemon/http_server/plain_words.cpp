// What the words of the interface mean. Layer: http_server.
#include "http_server/plain_words.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace taskdns::http_server {
namespace {

constexpr std::array reasons{
    WordMeaning{"served", "in the answers, and the registry names it"},
    WordMeaning{"unhealthy:", "it fails its check, or a connection of the application's has failed"},
    WordMeaning{"panic:",
                "it fails, and is served all the same: too many fail, so the healthy must not carry everything"},
    WordMeaning{"withheld:first_check", "new: left out until its first check, while others pass"},
    WordMeaning{"withdrawn", "the registry names it no more; served only if nothing else is healthy"},
    WordMeaning{"held:upstream_failed", "in the answers although the registry cannot be asked now"},
    WordMeaning{"held:shrink_guard",
                "in the answers although the registry's last answer does not name it: that one leaves too few, and "
                "must be confirmed"},
    WordMeaning{"held:snapshot", "in the answers because the snapshot names it; the registry has not answered yet"},
    WordMeaning{"held:upstream_empty", "in the answers although the registry says that there is none"},
    WordMeaning{"outside_subset", "not used by this task: its subset has others"},
    WordMeaning{"drained", "somebody has drained it by the HTTP interface"},
    WordMeaning{"ejected:reports", "left out for a while: the application has reported failures"},
};

constexpr std::array outcomes{
    WordMeaning{"connected", "connected"},
    WordMeaning{"answered", "answered"},
    WordMeaning{"refused", "connection refused"},
    WordMeaning{"timeout", "no answer in time"},
    WordMeaning{"reset", "connection reset"},
    WordMeaning{"unreachable", "no route to it"},
    WordMeaning{"status", "unexpected HTTP status"},
    WordMeaning{"unavailable", "HTTP 503: it asks to be left out"},
    WordMeaning{"response", "no HTTP answer"},
    WordMeaning{"tls", "TLS failed"},
    WordMeaning{"body", "the body lacks the expected text"},
    WordMeaning{"late_timeout", "no answer seen, but taskdns itself stood still"},
    WordMeaning{"local_fault", "could not be checked from here"},
};

constexpr std::array rungs{
    WordMeaning{"not_ready", "not polled yet"},
    WordMeaning{"healthy", "healthy endpoints"},
    WordMeaning{"reserve", "only withdrawn endpoints that still pass"},
    WordMeaning{"unverified", "only new endpoints, not checked yet"},
    WordMeaning{"doubtful", "only endpoints that fail, though not for certain"},
    WordMeaning{"last_healthy", "only those that passed last; all fail now"},
    WordMeaning{"all", "all that are named, although they fail"},
    WordMeaning{"no_endpoint", "nothing to serve"},
};

constexpr std::array origins{
    WordMeaning{"configuration", "the configuration"},
    WordMeaning{"task_metadata", "the task's metadata"},
    WordMeaning{"resolv_conf", "resolv.conf"},
};

constexpr std::array registries{
    WordMeaning{"not_polled", "not asked yet"},
    WordMeaning{"loaded", "not asked yet; endpoints from the snapshot"},
    WordMeaning{"complete", "shows all there are"},
    WordMeaning{"sample", "shows some at a time; collected over many answers"},
    WordMeaning{"guarded", "shows far fewer than before; to be confirmed"},
    WordMeaning{"empty", "says that there is none"},
    WordMeaning{"failed", "cannot be asked"},
};

constexpr std::array presences{
    WordMeaning{"present", "named"},
    WordMeaning{"absent", "not in the last sample"},
    WordMeaning{"withdrawn", "named no more"},
    WordMeaning{"held_guard", "kept by the shrink guard"},
    WordMeaning{"held_failed", "kept: the registry cannot be asked"},
    WordMeaning{"held_empty", "kept: the registry says that there is none"},
    WordMeaning{"held_snapshot", "kept from the snapshot"},
};

std::string_view find(std::span<const WordMeaning> words, std::string_view word) {
    const auto found = std::find_if(words.begin(), words.end(), [&](const auto& row) { return row.word == word; });
    return found == words.end() ? word : found->meaning;
}

/// Of "unhealthy:refused (observed)".
std::string explain_failure(std::string_view what) {
    constexpr std::string_view observed = " (observed)";
    if (!what.ends_with(observed)) return std::string(explain_outcome(what));
    what.remove_suffix(observed.size());
    return std::string(explain_outcome(what)) + ", seen in the application's own connections";
}

}  // namespace

std::span<const WordMeaning> reason_meanings() { return reasons; }

std::string explain_reason(std::string_view reason, bool served) {
    for (const std::string_view kind : {"unhealthy:", "panic:"}) {
        if (!reason.starts_with(kind)) continue;
        const std::string failure = explain_failure(reason.substr(kind.size()));
        if (!served) return "left out: " + failure;
        return failure + "; served all the same, since " +
               (kind == "panic:" ? "too many fail at once" : "there is none better");
    }
    return std::string(find(reasons, reason));
}

std::string_view explain_outcome(std::string_view outcome) { return find(outcomes, outcome); }
std::string_view explain_rung(std::string_view rung) { return find(rungs, rung); }
std::string_view explain_registry(std::string_view basis) { return find(registries, basis); }
std::string_view explain_presence(std::string_view presence) { return find(presences, presence); }

std::string_view explain_origin(std::string_view upstream_from) { return find(origins, upstream_from); }

std::vector<std::pair<std::string_view, std::string>> describe(const TaskStatus& task) {
    std::vector<std::pair<std::string_view, std::string>> out;
    const auto add = [&out](std::string_view name, const std::string& text) {
        if (!text.empty()) out.emplace_back(name, text);
    };
    add("family", task.family);
    add("ECS service", task.service);
    add("cluster", task.cluster);
    add("zone", task.zone);
    return out;
}

std::string describe(const ResolvConfStatus& file) {
    const auto join = [](const std::vector<IpAddress>& addresses) {
        std::string out;
        for (const IpAddress& address : addresses) out += (out.empty() ? "" : ", ") + address.to_string();
        return out.empty() ? std::string("nobody") : out;
    };
    if (file.state == "failing") return "not managed: " + file.last_error;
    if (file.state != "managed") return file.path + " is being written";
    return file.path + " names " + join(file.servers) + ", and named " + join(file.saved) + " before";
}

std::string format_age(WallTime then, WallTime now) {
    if (then == WallTime{} || then == WallTime::max()) return "-";
    const auto age = std::chrono::duration_cast<seconds>(now - then).count();
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 60 * minute;
    constexpr std::int64_t day = 24 * hour;
    if (age < 1) return "now";  // or the wall clock has been set back
    if (age < 2 * minute) return fmt::format("{} s", age);
    if (age < hour) return fmt::format("{} min", age / minute);
    if (age < day) return fmt::format("{} h {} min", age / hour, age % hour / minute);
    return fmt::format("{} d {} h", age / day, age % day / hour);
}

std::string format_ago(WallTime then, WallTime now) {
    const std::string age = format_age(then, now);
    if (age == "now") return "just now";
    return age == "-" ? age : age + " ago";
}

std::string format_latency(std::chrono::microseconds time) {
    const double thousandths = static_cast<double>(time.count()) / 1000;
    if (thousandths >= 1000) return fmt::format("{:.1f} s", thousandths / 1000);
    if (thousandths < 0.995) return fmt::format("{:.2f} ms", thousandths);
    if (thousandths < 9.95) return fmt::format("{:.1f} ms", thousandths);
    return fmt::format("{:.0f} ms", thousandths);
}

std::string format_percent(double share) {
    if (share > 0 && share < 0.005) return "<1 %";
    return fmt::format("{:.0f} %", share * 100);
}

}  // namespace taskdns::http_server
