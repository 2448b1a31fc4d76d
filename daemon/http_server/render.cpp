// The values of the model as JSON. Layer: http_server.
#include "http_server/render.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "http_server/json_text.hpp"
#include "http_server/json_values.hpp"

namespace taskdns::http_server {
namespace {

namespace json = boost::json;

json::value number_or_null(unsigned number) { return number == 0 ? json::value() : json::value(number); }

json::value rounded_or_null(const std::optional<double>& number) { return number ? rounded(*number) : json::value(); }

json::object counts(const EndpointCounts& counts) {
    return {{"total", counts.total}, {"healthy", counts.healthy}, {"served", counts.served}};
}

json::value last_poll(const std::optional<PollStatus>& poll) {
    if (!poll) return nullptr;
    json::object out{{"at", time_or_null(poll->at)}, {"outcome", poll->outcome}, {"ttl_seconds", nullptr}};
    if (poll->ttl) out["ttl_seconds"] = std::chrono::duration_cast<seconds>(*poll->ttl).count();
    out["error"] = text_or_null(poll->error);
    return out;
}

json::object address_object(const SocketAddress& address) {
    return {{"address", address.address.to_string()}, {"port", number_or_null(address.port)}};
}

json::object rotation(const RotationStatus& rotation) {
    json::array next;
    for (const SocketAddress& address : rotation.next) next.push_back(address_object(address));
    return {{"answers", rotation.answers}, {"next", std::move(next)}};
}

/// What a service is like in the list and alone.
json::object summary(const ServiceStatus& service) {
    return {
        {"name", service.name},
        {"aliases", json::array(service.aliases.begin(), service.aliases.end())},
        {"source", service.source},
        {"port", number_or_null(service.port)},
        {"required", service.required},
        {"state", service.state},
        {"rung", service.rung},
        {"stale", service.stale},
        {"panic", service.panic},
        {"registry", service.basis},
        {"coverage", rounded_or_null(service.coverage)},
        {"zone", text_or_null(service.zone)},
        {"zone_preferred", service.zone_preferred},
        {"observe", json::object{{"state", service.observe.state}, {"reason", text_or_null(service.observe.reason)}}},
        {"index", service.index},
        {"rotation", rotation(service.rotation)},
        {"last_poll", last_poll(service.last_poll)},
        {"next_poll", service.last_poll ? time_or_null(service.last_poll->next) : json::value()},
        {"last_error", text_or_null(service.last_error)},
        {"endpoint_counts", counts(service.counts)}};
}

json::value last_check(const std::optional<LastCheck>& check) {
    if (!check) return nullptr;
    return json::object{{"at", time_or_null(check->at)},
                        {"outcome", check->outcome},
                        {"latency_ms", rounded(static_cast<double>(check->latency.count()) / 1000)},
                        {"http_status", number_or_null(check->http_status)},
                        {"detail", text_or_null(check->detail)}};
}

json::value connections(const std::optional<ConnectionStatus>& status) {
    if (!status) return nullptr;
    const bool measured = status->rtt.count() != 0;
    return json::object{
        {"open", status->open},
        {"rtt_ms", measured ? rounded(static_cast<double>(status->rtt.count()) / 1000) : json::value()},
        {"retransmits", status->retransmits},
        {"answered", status->answered},
        {"refused", status->refused},
        {"unanswered", status->unanswered},
        {"last_seen", time_or_null(status->last_seen)}};
}

json::value reports(const std::optional<ReportStatus>& status) {
    if (!status) return nullptr;
    return json::object{{"failures", status->failures},
                        {"ejections", status->ejections},
                        {"ejected_until", time_or_null(status->ejected_until.value_or(WallTime{}))}};
}

json::value admin(const std::optional<WallTime>& drained_until) {
    if (!drained_until) return nullptr;
    return json::object{{"state", "drained"}, {"until", time_or_null(*drained_until)}};
}

json::object endpoint_object(const EndpointStatus& endpoint) {
    return {{"address", endpoint.address.address.to_string()},
            {"port", number_or_null(endpoint.address.port)},
            {"state", endpoint.state},
            {"served", endpoint.served},
            {"reason", endpoint.reason},
            {"since", time_or_null(endpoint.since)},
            {"last_check", last_check(endpoint.last_check)},
            {"registry", json::object{{"presence", endpoint.presence},
                                      {"present", endpoint.present},
                                      {"last_seen", time_or_null(endpoint.last_seen)}}},
            {"weight", endpoint.weight},
            {"share", rounded(endpoint.share)},
            {"zone", text_or_null(endpoint.zone)},
            {"connections", connections(endpoint.connections)},
            {"reports", reports(endpoint.reports)},
            {"admin", admin(endpoint.drained_until)}};
}

}  // namespace

std::string services_json(const std::vector<ServiceStatus>& services) {
    json::array list;
    for (const ServiceStatus& service : services) list.push_back(summary(service));
    return format_json(json::object{{"services", std::move(list)}});
}

std::string service_json(const ServiceStatus& service) {
    json::array endpoints;
    for (const EndpointStatus& endpoint : service.endpoints) endpoints.push_back(endpoint_object(endpoint));
    json::object out = summary(service);
    out["endpoints"] = std::move(endpoints);
    return format_json(out);
}

std::string endpoint_json(const EndpointStatus& endpoint) { return format_json(endpoint_object(endpoint)); }

std::string admin_json(const EndpointStatus& endpoint) {
    const json::value drained = admin(endpoint.drained_until);
    return format_json(drained.is_null() ? json::object{{"state", "active"}, {"until", nullptr}}
                                         : drained.as_object());
}

std::string endpoints_json(const ServiceStatus& service) {
    json::array endpoints;
    for (const EndpointStatus& endpoint : service.endpoints) {
        if (!endpoint.served) continue;
        json::object shown = address_object(endpoint.address);
        shown["weight"] = endpoint.weight;
        endpoints.push_back(std::move(shown));
    }
    return format_json(json::object{{"name", service.name},
                                    {"state", service.state},
                                    {"rung", service.rung},
                                    {"index", service.index},
                                    {"endpoints", std::move(endpoints)}});
}

std::string pick_json(const SocketAddress& address) { return format_json(address_object(address)); }

Response problem(unsigned status, std::string_view title, std::string_view detail) {
    Response response;
    response.status = status;
    response.content_type = "application/problem+json";
    response.body =
        format_json(json::object{{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}});
    return response;
}

Response not_ready_problem(const ReadyStatus& status) {
    json::array missing;
    for (const auto& [service, reason] : status.missing) {
        missing.push_back(json::object{{"service", text_or_null(service)}, {"reason", reason}});
    }
    Response response = problem(503, "", "");
    response.body = format_json(json::object{
        {"type", "about:blank"},
        {"title", "Service Unavailable"},
        {"status", 503},
        {"detail", "not ready: `missing` says what is waited for; GET /v1/services shows the last errors"},
        {"missing", std::move(missing)}});
    return response;
}

std::string present_event(const ServiceStatus& service) {
    return "event: service\ndata: " + format_json_line(summary(service)) + "\n\n";
}

std::string changed_event(const ServiceStatus& service) {
    return "id: " + std::to_string(service.index) + "\n" + present_event(service);
}

std::string removed_event(const std::string& name, std::uint64_t index) {
    return "id: " + std::to_string(index) +
           "\nevent: removed\ndata: " + format_json_line(json::object{{"name", name}, {"index", index}}) + "\n\n";
}

std::string reset_event(std::uint64_t index) {
    return "event: reset\ndata: " + format_json_line(json::object{{"index", index}}) + "\n\n";
}

std::string present_end(std::uint64_t index) { return "id: " + std::to_string(index) + "\n\n"; }

std::string reload_json(const ReloadStatus& status) {
    return format_json(
        json::object{{"trigger", status.trigger}, {"outcome", status.outcome}, {"at", time_or_null(status.at)}});
}

Response reload_problem(const ReloadStatus& status) {
    Response response = problem(422, "", "");
    response.body = format_json(
        json::object{{"type", "about:blank"},
                     {"title", "Unprocessable Content"},
                     {"status", 422},
                     {"detail", "the configuration before goes on: mend what `errors` names, and reload again"},
                     {"errors", json::array(status.errors.begin(), status.errors.end())}});
    return response;
}

}  // namespace taskdns::http_server
