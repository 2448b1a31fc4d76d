// Key figures for CloudWatch. Layer: app. Pure.
#include "app/emf.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace taskdns::app {
namespace {

void append_quoted(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.append(1, '\\').append(1, c);
        } else if (octet < 0x20) {
            out.append("\\u00").append(1, digits[octet >> 4]).append(1, digits[octet & 15]);
        } else {
            out += c;
        }
    }
    out += '"';
}

/// One document: what it measures is named twice, once as a metric with its unit, once as a member with its value.
class Document {
public:
    /// `dimension` empty: none.
    Document(const std::string& name_space, WallTime now, std::string_view dimension, std::string_view value) {
        const auto since_1970 = std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
        head_ = "{\"_aws\":{\"Timestamp\":" + std::to_string(since_1970.count()) +
                ",\"CloudWatchMetrics\":[{\"Namespace\":";
        append_quoted(head_, name_space);
        head_ += ",\"Dimensions\":[[";
        if (!dimension.empty()) {
            append_quoted(head_, dimension);
            append_quoted(values_ += ',', dimension);
            append_quoted(values_ += ':', value);
        }
        head_ += "]],\"Metrics\":[";
    }
    void count(const char* name, std::uint64_t value) { add(name, "Count", std::to_string(value)); }
    void add(const char* name, const char* unit, double value) {
        std::array<char, 32> room{};
        const auto result = std::to_chars(room.data(), room.data() + room.size(), value);
        add(name, unit, std::string(room.data(), result.ptr));
    }
    std::string line() && { return std::move(head_) + "]}]}" + values_ + '}'; }

private:
    void add(const char* name, const char* unit, const std::string& value) {
        if (!std::exchange(first_, false)) head_ += ',';
        head_.append("{\"Name\":\"").append(name).append("\",\"Unit\":\"").append(unit).append("\"}");
        values_.append(",\"").append(name).append("\":").append(value);
    }

    std::string head_;
    std::string values_;
    bool first_ = true;
};

double in_microseconds(std::chrono::nanoseconds duration) { return static_cast<double>(duration.count()) / 1e3; }

std::uint64_t dropped(const dns_server::Counters& counters) {
    return counters.dropped_unanswerable.value() + counters.dropped_source.value() +
           counters.dropped_too_long.value() + counters.dropped_no_memory.value();
}

/// `now`, of which `written` has been written before; a smaller one counts anew: whose it was has been replaced.
std::uint64_t since(std::uint64_t now, std::uint64_t& written) {
    const std::uint64_t before = std::exchange(written, now);
    return now < before ? now : now - before;
}

}  // namespace

std::string EmfLines::daemon_line(const Figures& figures) {
    Document out(namespace_, figures.wall_now, {}, {});
    if (figures.dns_server != nullptr) {
        const dns_server::Counters& dns = *figures.dns_server;
        out.count("queries", since(dns.udp_queries.value() + dns.tcp_queries.value(), written_.queries));
        out.count("servfail", since(dns.answers.of_rcode("SERVFAIL"), written_.servfails));
        out.count("dropped", since(dropped(dns), written_.dropped));
        Histogram::Reading reading = dns.answer_time.read();
        const Histogram::Reading lately = reading.since(written_.answer_time);
        if (lately.count > 0) {  // where nothing was answered there is no such thing as how long it took
            out.add("answer_time_p50", "Microseconds", in_microseconds(lately.quantile(0.5)));
            out.add("answer_time_p99", "Microseconds", in_microseconds(lately.quantile(0.99)));
        }
        written_.answer_time = std::move(reading);
    }
    std::uint64_t queries = 0;
    std::uint64_t failures = 0;
    for (const UpstreamFigures& upstream : figures.upstream) {
        for (const upstream::ServerCounters& server : *upstream.counters) {
            queries += server.queries();
            failures += server.failures();
        }
    }
    out.count("upstream_queries", since(queries, written_.upstream_queries));
    out.count("upstream_failures", since(failures, written_.upstream_failures));
    std::uint64_t without_endpoint = 0;
    for (const ServiceFigures& service : figures.services) without_endpoint += service.served == 0 ? 1 : 0;
    out.count("services_without_endpoint", without_endpoint);
    if (figures.process.resident_bytes) {
        out.add("resident_memory", "Bytes", static_cast<double>(*figures.process.resident_bytes));
    }
    return std::move(out).line();
}

std::string EmfLines::service_line(const ServiceFigures& service, WallTime now) {
    ServiceState::Tally& written = tallies_[service.name];
    Document out(namespace_, now, "service", service.name);
    std::size_t endpoints = 0;
    for (const std::size_t count : service.by_state) endpoints += count;
    out.count("endpoints", endpoints);
    out.count("healthy", service.by_state[0]);
    out.count("unhealthy", service.by_state[1]);
    out.count("served", service.served);
    out.count("panic", service.panic ? 1 : 0);
    out.count("stale", service.stale ? 1 : 0);
    const std::uint64_t failed = since(service.tally.failed, written.failed);
    out.count("polls",
              since(service.tally.records, written.records) + since(service.tally.empty, written.empty) + failed);
    out.count("polls_failed", failed);
    out.count("connections_refused", since(service.tally.refused, written.refused));
    out.count("connections_unanswered", since(service.tally.unanswered, written.unanswered));
    if (service.answer_age) {
        out.add("answer_age", "Seconds", std::chrono::duration<double>(*service.answer_age).count());
    }
    return std::move(out).line();
}

std::vector<std::string> EmfLines::next(const Figures& figures) {
    std::vector<std::string> lines{daemon_line(figures)};
    std::map<std::string, ServiceState::Tally> before;
    before.swap(tallies_);
    for (const ServiceFigures& service : figures.services) {
        const auto known = before.find(service.name);  // one that is not configured any more is forgotten
        if (known != before.end()) tallies_.insert(*known);
        lines.push_back(service_line(service, figures.wall_now));
    }
    return lines;
}

}  // namespace taskdns::app
