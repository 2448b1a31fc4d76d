// What the HTTP interface shows of a service: its state as plain values.
// Layer: app (may include all). Pure.
#pragma once

#include <functional>

#include "app/service_state.hpp"
#include "base/time.hpp"
#include "health/connection_ledger.hpp"
#include "http_server/model.hpp"

namespace taskdns::app {

/// Without its endpoints: how many there are, but not who.
http_server::ServiceStatus service_summary(const ServiceState& state, const WallAnchor& wall);
/// The connections towards an endpoint; null if none has been seen.
using FindConnections = std::function<const health::EndpointConnections*(const SocketAddress& endpoint)>;

/// `find_verdict` gives the newest verdicts: decisions hold those of their own time.
http_server::ServiceStatus service_status(const ServiceState& state, const FindVerdict& find_verdict,
                                          const FindConnections& find_connections, const WallAnchor& wall);

}  // namespace taskdns::app
