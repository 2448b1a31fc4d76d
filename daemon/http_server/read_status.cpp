// JSON back to the values of the model. Layer: http_server.
#include "http_server/read_status.hpp"

#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace taskdns::http_server {
namespace {

namespace json = boost::json;

/// An object's members, as far as they are of the type that is asked for.
class Fields {
public:
    explicit Fields(const json::value* value) : object_(value == nullptr ? nullptr : value->if_object()) {}

    explicit operator bool() const { return object_ != nullptr; }
    const json::value* find(std::string_view name) const {
        return object_ == nullptr ? nullptr : object_->if_contains(name);
    }
    Fields object(std::string_view name) const { return Fields(find(name)); }
    std::string text(std::string_view name) const {
        const json::value* value = find(name);
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    }
    bool boolean(std::string_view name) const {
        const json::value* value = find(name);
        return value != nullptr && value->is_bool() && value->get_bool();
    }
    std::optional<double> fraction(std::string_view name) const {
        const json::value* value = find(name);
        if (value == nullptr || !value->is_number()) return std::nullopt;
        return value->to_number<double>();
    }
    template <class Number>
    Number number(std::string_view name, Number otherwise = 0) const {
        const json::value* value = find(name);
        if (value == nullptr || !value->is_number()) return otherwise;
        json::error_code error;
        const auto out = value->to_number<Number>(error);
        return error ? otherwise : out;
    }
    std::chrono::microseconds milliseconds_of(std::string_view name) const {
        const double time = fraction(name).value_or(0);
        if (!(time >= 0 && time < 1e12)) return {};
        return std::chrono::microseconds(std::llround(time * 1000));
    }
    std::optional<WallTime> time(std::string_view name) const { return parse_wall_time(text(name)); }
    WallTime time_or_none(std::string_view name) const { return time(name).value_or(WallTime{}); }
    std::vector<std::string> texts(std::string_view name) const {
        std::vector<std::string> out;
        for (const json::value& value : array(name)) {
            if (value.is_string()) out.emplace_back(value.get_string());
        }
        return out;
    }
    const json::array& array(std::string_view name) const {
        static const json::array none;
        const json::value* value = find(name);
        return value != nullptr && value->is_array() ? value->get_array() : none;
    }
    SocketAddress address() const {
        return {IpAddress::parse(text("address")).value_or(IpAddress{}), number<std::uint16_t>("port")};
    }

private:
    const json::object* object_;
};

std::vector<SocketAddress> listeners(const Fields& fields, std::string_view name) {
    std::vector<SocketAddress> out;
    for (const std::string& text : fields.texts(name)) {
        if (const auto address = SocketAddress::parse(text)) out.push_back(*address);
    }
    return out;
}

std::vector<IpAddress> addresses(const Fields& fields, std::string_view name) {
    std::vector<IpAddress> out;
    for (const std::string& text : fields.texts(name)) {
        if (const auto address = IpAddress::parse(text)) out.push_back(*address);
    }
    return out;
}

std::optional<ResolvConfStatus> read_resolv_conf(const Fields& fields) {
    if (!fields) return std::nullopt;
    return ResolvConfStatus{.path = fields.text("path"),
                            .state = fields.text("state"),
                            .servers = addresses(fields, "servers"),
                            .saved = addresses(fields, "saved"),
                            .last_error = fields.text("last_error")};
}

UpstreamServerStatus read_server(const Fields& fields) {
    return {.address = fields.address(),
            .state = fields.text("state"),
            .queries = fields.number<std::uint64_t>("queries"),
            .failures = fields.number<std::uint64_t>("failures"),
            .rtt = fields.milliseconds_of("rtt_ms"),
            .last_answer = fields.time("last_answer"),
            .last_error = fields.text("last_error")};
}

std::optional<PollStatus> read_poll(const Fields& service) {
    const Fields fields = service.object("last_poll");
    if (!fields) return std::nullopt;
    PollStatus out{.at = fields.time_or_none("at"),
                   .outcome = fields.text("outcome"),
                   .ttl = std::nullopt,
                   .error = fields.text("error"),
                   .next = service.time_or_none("next_poll")};
    if (fields.fraction("ttl_seconds")) out.ttl = seconds(fields.number<std::uint32_t>("ttl_seconds"));
    return out;
}

std::optional<ConnectionStatus> read_connections(const Fields& fields) {
    if (!fields) return std::nullopt;
    return ConnectionStatus{.open = fields.number<unsigned>("open"),
                            .rtt = fields.milliseconds_of("rtt_ms"),
                            .retransmits = fields.number<std::uint64_t>("retransmits"),
                            .answered = fields.number<std::uint64_t>("answered"),
                            .refused = fields.number<std::uint64_t>("refused"),
                            .unanswered = fields.number<std::uint64_t>("unanswered"),
                            .last_seen = fields.time_or_none("last_seen")};
}

EndpointStatus read_endpoint(const Fields& fields) {
    EndpointStatus out;
    out.address = fields.address();
    out.state = fields.text("state");
    out.served = fields.boolean("served");
    out.reason = fields.text("reason");
    out.since = fields.time_or_none("since");
    if (const Fields check = fields.object("last_check")) {
        out.last_check =
            LastCheck{check.time_or_none("at"), check.text("outcome"), check.milliseconds_of("latency_ms"),
                      check.number<unsigned>("http_status"), check.text("detail")};
    }
    const Fields registry = fields.object("registry");
    out.presence = registry.text("presence");
    out.present = registry.boolean("present");
    out.last_seen = registry.time_or_none("last_seen");
    out.weight = fields.number<unsigned>("weight", 1);
    out.share = fields.fraction("share").value_or(0);
    out.zone = fields.text("zone");
    out.connections = read_connections(fields.object("connections"));
    if (const Fields reports = fields.object("reports")) {
        out.reports = ReportStatus{reports.number<unsigned>("failures"), reports.number<unsigned>("ejections"),
                                   reports.time("ejected_until")};
    }
    out.drained_until = fields.object("admin").time("until");
    return out;
}

ServiceStatus read_fields(const Fields& fields) {
    ServiceStatus out;
    out.name = fields.text("name");
    out.aliases = fields.texts("aliases");
    out.source = fields.text("source");
    out.port = fields.number<std::uint16_t>("port");
    out.required = fields.boolean("required");
    out.state = fields.text("state");
    out.rung = fields.text("rung");
    out.stale = fields.boolean("stale");
    out.panic = fields.boolean("panic");
    out.basis = fields.text("registry");
    out.coverage = fields.fraction("coverage");
    out.zone = fields.text("zone");
    out.zone_preferred = fields.boolean("zone_preferred");
    const Fields observe = fields.object("observe");
    out.observe = {observe.text("state"), observe.text("reason")};
    out.index = fields.number<std::uint64_t>("index");
    const Fields rotation = fields.object("rotation");
    out.rotation.answers = rotation.number<std::uint64_t>("answers");
    for (const json::value& next : rotation.array("next")) out.rotation.next.push_back(Fields(&next).address());
    out.last_poll = read_poll(fields);
    out.last_error = fields.text("last_error");
    const Fields counts = fields.object("endpoint_counts");
    out.counts = {counts.number<std::size_t>("total"), counts.number<std::size_t>("healthy"),
                  counts.number<std::size_t>("served")};
    for (const json::value& endpoint : fields.array("endpoints")) {
        out.endpoints.push_back(read_endpoint(Fields(&endpoint)));
    }
    return out;
}

Result<json::value> parse(std::string_view text) {
    json::error_code error;
    json::value value = json::parse(text, error);
    if (error) return Error{Errc::malformed, "not JSON: " + error.message()};
    if (!value.is_object()) return Error{Errc::malformed, "not a JSON object"};
    return value;
}

}  // namespace

Result<DaemonStatus> read_daemon(std::string_view text) {
    const Result<json::value> value = parse(text);
    if (!value) return value.error();
    const Fields fields(&*value);
    DaemonStatus out;
    out.version = fields.text("version");
    out.identity = fields.text("identity");
    if (const Fields task = fields.object("task")) {
        out.task = {task.text("id"), task.text("family"), task.text("cluster"), task.text("service"),
                    task.text("zone")};
    }
    out.started = fields.time_or_none("started");
    out.now = fields.time_or_none("now");
    out.ready.ready = fields.boolean("ready");
    for (const json::value& one : fields.array("missing")) {
        out.ready.missing.push_back({Fields(&one).text("service"), Fields(&one).text("reason")});
    }
    out.configuration = fields.texts("configuration");
    const Fields reload = fields.object("last_reload");
    out.last_reload = {reload.time_or_none("at"), reload.text("trigger"), reload.text("outcome"),
                       reload.texts("errors")};
    out.dns_listeners = listeners(fields, "dns_listeners");
    out.http_listeners = listeners(fields, "http_listeners");
    for (const json::value& server : fields.array("upstream")) out.upstream.push_back(read_server(Fields(&server)));
    out.upstream_from = fields.text("upstream_from");
    out.resolv_conf = read_resolv_conf(fields.object("resolv_conf"));
    out.index = fields.number<std::uint64_t>("index");
    return out;
}

Result<std::vector<ServiceStatus>> read_services(std::string_view text) {
    const Result<json::value> value = parse(text);
    if (!value) return value.error();
    std::vector<ServiceStatus> out;
    for (const json::value& service : Fields(&*value).array("services")) out.push_back(read_fields(Fields(&service)));
    return out;
}

Result<ServiceStatus> read_service(std::string_view text) {
    const Result<json::value> value = parse(text);
    if (!value) return value.error();
    return read_fields(Fields(&*value));
}

}  // namespace taskdns::http_server
