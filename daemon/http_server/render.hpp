// The values of the model as JSON and as text for people (docs/http-api.md has every field).
// Layer: http_server (may include base). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http_server/model.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

std::string services_json(const std::vector<ServiceStatus>& services);
std::string services_text(const std::vector<ServiceStatus>& services);

std::string service_json(const ServiceStatus& service);
std::string service_text(const ServiceStatus& service);

/// One endpoint, as it stands in its service.
std::string endpoint_json(const EndpointStatus& endpoint);
/// What an operator wants of it: `{"state": "active", "until": null}`.
std::string admin_json(const EndpointStatus& endpoint);

/// Only the served ones.
std::string endpoints_json(const ServiceStatus& service);
std::string endpoints_text(const ServiceStatus& service);

std::string pick_json(const SocketAddress& address);
std::string pick_text(const SocketAddress& address);

std::string missing_text(const ReadyStatus& status);

/// A 503 with the further member `missing`.
Response not_ready_problem(const ReadyStatus& status);

/// One event of a stream (HTML Living Standard, section 9.2): a service's summary, or that it is configured no more.
std::string changed_event(const ServiceStatus& service);
std::string removed_event(const std::string& name, std::uint64_t index);
/// The present state of all services begins, and what was heard before counts no more; `present_event` without an id,
/// then `present_end`, from which a reader may go on.
std::string reset_event(std::uint64_t index);
std::string present_event(const ServiceStatus& service);
std::string present_end(std::uint64_t index);

std::string reload_json(const ReloadStatus& status);
/// A 422 with the further member `errors`.
Response reload_problem(const ReloadStatus& status);

/// `text` from a request so that it can stand in a message: in quotes, shortened, only printable ASCII (others as
/// \ddd).
std::string in_quotes(std::string_view text);

}  // namespace taskdns::http_server
