// What a request that changes something says, and whether it may.
// Layer: http_server (may include base, Boost.JSON). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

/// Null: it may. Otherwise 403 (a web page of another origin asks: a port-forward shows localhost to every page of
/// the browser), or 415 (a POST or PUT that is not JSON). `host` as the request names us.
std::optional<Response> refuse_change(const Request& request, std::string_view host);

/// What an endpoint's admin state is to be; null: active.
struct AdminChange {
    std::optional<milliseconds> drained_for;
};

/// Otherwise the 400 (no JSON) or 422 (JSON that says nothing to us) that names the mistake, its place and the mend.
std::variant<Report, Response> parse_report(std::string_view body);
std::variant<AdminChange, Response> parse_admin_change(std::string_view body);
/// A reload says nothing further: its body is empty, or `{}`.
std::optional<Response> refuse_reload_body(std::string_view body);

/// The place in `service.endpoints` of the endpoint that `text` names: `10.0.1.10:8080`, `[fd00::1]:8080`, or without
/// the port where only one endpoint has the address. Otherwise 404, or 409 where several have it.
std::variant<std::size_t, Response> find_endpoint(const ServiceStatus& service, std::string_view text);

}  // namespace taskdns::http_server
