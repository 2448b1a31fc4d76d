// The values of the model as text: lines for scripts, tables for people. Layer: http_server.
#include <algorithm>

#include "http_server/render.hpp"

namespace taskdns::http_server {
namespace {

using Row = std::vector<std::string>;

/// Columns are as wide as their widest cell, two spaces apart; the last one is not padded.
std::string format_table(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size(), 0);
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
        }
        out.push_back('\n');
    }
    return out;
}

std::string format_poll(const std::optional<PollStatus>& poll) {
    if (!poll) return "never";
    std::string out = format_wall_time(poll->at) + " " + poll->outcome;
    if (poll->ttl) out += ", ttl " + format_duration(*poll->ttl);
    if (!poll->error.empty()) out += ": " + poll->error;
    return out;
}

std::string format_milliseconds(std::chrono::microseconds time) {
    const auto tenths = (time.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "ms";
}

std::string format_check(const std::optional<LastCheck>& check) {
    if (!check) return "-";
    std::string out = format_wall_time(check->at) + " " + check->outcome;
    if (check->http_status != 0) out += " " + std::to_string(check->http_status);
    if (!check->detail.empty()) out += " (" + check->detail + ")";
    return out + ", " + format_milliseconds(check->latency);
}

}  // namespace

std::string services_text(const std::vector<ServiceStatus>& services) {
    std::vector<Row> rows{{"NAME", "STATE", "RUNG", "ENDPOINTS", "HEALTHY", "SERVED", "INDEX", "LAST POLL"}};
    for (const ServiceStatus& service : services) {
        rows.push_back({service.name, service.state, service.rung, std::to_string(service.counts.total),
                        std::to_string(service.counts.healthy), std::to_string(service.counts.served),
                        std::to_string(service.index), format_poll(service.last_poll)});
    }
    return format_table(rows);
}

std::string service_text(const ServiceStatus& service) {
    std::string out = service.name + " (" + service.source + "): " + service.state + ", rung " + service.rung;
    if (service.stale) out += ", stale";
    if (service.panic) out += ", panic";
    if (service.zone_preferred) out += ", zone " + service.zone + " first";
    out += ", index " + std::to_string(service.index) + "\n";
    for (const std::string& alias : service.aliases) out += "alias: " + alias + "\n";
    out += "last poll: " + format_poll(service.last_poll) + "\n";
    if (!service.last_error.empty()) out += "last error: " + service.last_error + "\n";
    std::vector<Row> rows{{"ENDPOINT", "STATE", "SERVED", "REASON", "SINCE", "LAST CHECK"}};
    for (const EndpointStatus& endpoint : service.endpoints) {
        rows.push_back({endpoint.address.to_string(), endpoint.state, endpoint.served ? "yes" : "no", endpoint.reason,
                        format_wall_time(endpoint.since), format_check(endpoint.last_check)});
    }
    return out + format_table(rows);
}

std::string endpoints_text(const ServiceStatus& service) {
    std::string out;
    for (const EndpointStatus& endpoint : service.endpoints) {
        if (endpoint.served) out += endpoint.address.to_string() + "\n";
    }
    return out;
}

std::string pick_text(const SocketAddress& address) { return address.to_string() + "\n"; }

std::string missing_text(const ReadyStatus& status) {
    std::string out = "not ready\n";
    for (const auto& [service, reason] : status.missing) {
        if (!service.empty()) out.append(service).append(": ");
        out.append(reason).append("\n");
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 255;  // no name is longer
    std::string out = "'";
    for (const char c : text.substr(0, longest)) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x20 && octet < 0x7F) {
            out.push_back(c);
            continue;
        }
        const std::string digits = std::to_string(octet);
        out += "\\" + std::string(3 - digits.size(), '0') + digits;
    }
    return out + (text.size() > longest ? "...'" : "'");
}

}  // namespace taskdns::http_server
