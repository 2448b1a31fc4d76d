// What a request that changes something says, and whether it may. Layer: http_server.
#include "http_server/change.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/stream_parser.hpp>

#include "base/nearest.hpp"
#include "http_server/render.hpp"

namespace taskdns::http_server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr milliseconds shortest_drain = 1s;
constexpr milliseconds longest_drain = 24h;
constexpr milliseconds usual_drain = 1h;
constexpr std::size_t most_candidates = 20;  // names in one message

Response unprocessable(const std::string& detail) { return problem(422, "Unprocessable Content", detail); }

bool is_json(std::string_view content_type) {
    std::string type(content_type.substr(0, content_type.find(';')));
    while (type.ends_with(' ') || type.ends_with('\t')) type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return type == "application/json";
}

/// `line 2, column 5`: the first octet that cannot be read, counted from 1.
std::string place(std::string_view body, std::size_t offset) {
    const std::string_view before = body.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t line_start = before.rfind('\n') + 1;  // 0 where there is none: npos + 1
    return "line " + std::to_string(line) + ", column " + std::to_string(before.size() - line_start + 1);
}

using Parsed = std::variant<json::object, Response>;

/// A JSON object that has no other fields than `known`.
Parsed parse_object(std::string_view body, const std::vector<std::string>& known, const char* example) {
    json::stream_parser parser;
    boost::system::error_code error;
    std::size_t offset = parser.write_some(body.data(), body.size(), error);
    // What may follow a value is only white space; write_some stops before anything else.
    if (!error && offset < body.size()) error = json::make_error_code(json::error::extra_data);
    if (!error) parser.finish(error);
    if (error) {
        offset = std::min(offset, body.size());
        return problem(
            400, "Bad Request",
            "the body is not JSON: " + error.message() + " at " + place(body, offset) + "; expected " + example);
    }
    json::value value = parser.release();
    if (!value.is_object()) return unprocessable(std::string("the body is no JSON object; expected ") + example);
    for (const auto& [key, member] : value.as_object()) {
        const std::string name(key);
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        return unprocessable("unknown field " + in_quotes(name) + " " +
                             (known.empty() ? "(none is known here)" : suggestion(name, known)));
    }
    return std::move(value.as_object());
}

/// The text of a field; empty if it is no text or not there.
std::string_view text_of(const json::object& object, std::string_view name) {
    const json::value* field = object.if_contains(name);
    if (field == nullptr || !field->is_string()) return {};
    return field->get_string();
}

std::string list_addresses(const std::vector<const EndpointStatus*>& endpoints) {
    std::string out;
    for (std::size_t i = 0; i < std::min(endpoints.size(), most_candidates); ++i) {
        out += (i == 0 ? "" : ", ") + endpoints[i]->address.to_string();
    }
    if (endpoints.size() > most_candidates) {
        out += " and " + std::to_string(endpoints.size() - most_candidates) + " more";
    }
    return out.empty() ? "none" : out;
}

}  // namespace

std::optional<Response> refuse_change(const Request& request, std::string_view host) {
    const bool foreign_origin = request.origin && *request.origin != "http://" + std::string(host);
    const bool foreign_site =
        !request.fetch_site.empty() && request.fetch_site != "same-origin" && request.fetch_site != "none";
    if (foreign_origin || foreign_site) {
        return problem(403, "Forbidden",
                       "a page of another origin may change nothing here: Origin must be absent or http://" +
                           std::string(host) + ", Sec-Fetch-Site absent, same-origin or none");
    }
    if (request.method != "DELETE" && !is_json(request.content_type)) {
        return problem(415, "Unsupported Media Type",
                       "a change is sent as JSON: set Content-Type: application/json" +
                           (request.content_type.empty() ? "" : ", not " + in_quotes(request.content_type)));
    }
    return std::nullopt;
}

std::variant<Report, Response> parse_report(std::string_view body) {
    Parsed parsed = parse_object(body, {"outcome"}, R"({"outcome": "failure"})");
    if (auto* response = std::get_if<Response>(&parsed)) return std::move(*response);
    const std::string_view outcome = text_of(std::get<json::object>(parsed), "outcome");
    if (outcome == "failure") return Report::failure;
    if (outcome == "success") return Report::success;
    return unprocessable(R"(the field outcome must be "failure" or "success")");
}

std::variant<AdminChange, Response> parse_admin_change(std::string_view body) {
    Parsed parsed = parse_object(body, {"state", "for"}, R"({"state": "drained", "for": "10m"})");
    if (auto* response = std::get_if<Response>(&parsed)) return std::move(*response);
    const json::object& object = std::get<json::object>(parsed);
    const std::string_view state = text_of(object, "state");
    if (state != "drained" && state != "active") {
        return unprocessable(R"(the field state must be "drained" or "active")");
    }
    if (!object.contains("for")) return AdminChange{state == "drained" ? std::optional(usual_drain) : std::nullopt};
    if (state == "active") return unprocessable(R"(the field for belongs to "drained"; leave it out)");
    const auto how_long = parse_duration(text_of(object, "for"));
    if (!how_long || *how_long < shortest_drain || *how_long > longest_drain) {
        return unprocessable(R"(the field for must be a duration from 1s to 24h in quotes, such as "10m")");
    }
    return AdminChange{how_long};
}

std::optional<Response> refuse_reload_body(std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return std::nullopt;
    Parsed parsed = parse_object(body, {}, "no body, or {}");
    if (auto* response = std::get_if<Response>(&parsed)) return std::move(*response);
    return std::nullopt;
}

std::variant<std::size_t, Response> find_endpoint(const ServiceStatus& service, std::string_view text) {
    const auto wanted = SocketAddress::parse(text);
    std::vector<const EndpointStatus*> same_address;
    std::vector<const EndpointStatus*> all;
    for (const EndpointStatus& endpoint : service.endpoints) {
        if (wanted && endpoint.address == *wanted) {
            return static_cast<std::size_t>(&endpoint - service.endpoints.data());
        }
        if (wanted && endpoint.address.address == wanted->address) same_address.push_back(&endpoint);
        all.push_back(&endpoint);
    }
    if (!wanted) {
        return problem(404, "Not Found",
                       in_quotes(text) + " is no address such as 10.0.1.10:8080 or [fd00::1]:8080; " + service.name +
                           " has " + list_addresses(all));
    }
    if (wanted->port == 0 && same_address.size() == 1) {
        return static_cast<std::size_t>(same_address.front() - service.endpoints.data());
    }
    if (wanted->port == 0 && same_address.size() > 1) {
        return problem(409, "Conflict",
                       in_quotes(text) + " has several ports in " + service.name + ": say which of " +
                           list_addresses(same_address));
    }
    return problem(404, "Not Found",
                   service.name + " has no endpoint " + in_quotes(text) + "; it has " +
                       list_addresses(same_address.empty() ? all : same_address));
}

}  // namespace taskdns::http_server
