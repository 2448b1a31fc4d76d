// What the HTTP interface shows: plain values that the composition root fills from the stages.
// Layer: http_server (this header: base only).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace taskdns::http_server {

struct LastCheck {
    WallTime at;
    std::string outcome;  ///< "connected", "refused", "timeout", ...
    std::chrono::microseconds latency{0};
    unsigned http_status = 0;  ///< 0: no HTTP answer
    std::string detail;        ///< where the word leaves a question: "certificate has expired"; else empty
};

/// The application's own connections towards an endpoint, as the kernel tells of them.
struct ConnectionStatus {
    unsigned open = 0;  ///< being opened or established, about a second ago
    std::chrono::microseconds rtt{0};
    std::uint64_t retransmits = 0;  ///< the following are counts since the start
    std::uint64_t answered = 0;     ///< closed after data had come
    std::uint64_t refused = 0;
    std::uint64_t unanswered = 0;
    WallTime last_seen;
};

/// Whether the application's connections are evidence for a service.
struct ObserveStatus {
    std::string state = "off";  ///< "on" | "off" | "unavailable" | "nothing_seen"
    std::string reason;         ///< empty: on
};

struct EndpointStatus {
    SocketAddress address;
    std::string state;  ///< "healthy" | "unhealthy" | "pending" | "unchecked"
    bool served = false;
    std::string reason;  ///< from the closed list of docs/http-api.md
    WallTime since;      ///< in this state
    std::optional<LastCheck> last_check;
    std::string presence;  ///< membership::Presence: "present", "absent", "withdrawn", "held_failed", ...
    bool present = false;  ///< in the registry's last answer
    WallTime last_seen;
    unsigned weight = 1;                          ///< of its SRV record
    double share = 0;                             ///< of the answers, how many it comes first in; 0 to 1
    std::string zone;                             ///< empty: not known
    std::optional<ConnectionStatus> connections;  ///< null: none seen
};

/// Of the endpoints of a service.
struct EndpointCounts {
    std::size_t total = 0;
    std::size_t healthy = 0;
    std::size_t served = 0;
};

struct PollStatus {
    WallTime at;
    std::string outcome;              ///< "records" | "empty" | "failed"
    std::optional<milliseconds> ttl;  ///< of the answer
    std::string error;                ///< empty unless it failed or was empty
    WallTime next;
};

struct ServiceStatus {
    std::string name;
    std::vector<std::string> aliases;
    std::string source;  ///< "dns" | "static"
    std::uint16_t port = 0;
    bool required = true;
    std::string state;  ///< "not_ready" | "serving" | "no_endpoint"
    std::string rung;   ///< view::Rung
    bool stale = false;
    bool panic = false;
    std::string basis;               ///< membership::Basis: how the last answer is read
    std::optional<double> coverage;  ///< of a sampled service: the estimated share of its endpoints that is known
    std::string zone;                ///< our own; empty: not known
    bool zone_preferred = false;
    ObserveStatus observe;
    std::uint64_t index = 0;
    std::optional<PollStatus> last_poll;
    std::string last_error;  ///< of the last poll that failed, even if a later one did not; empty: none yet
    EndpointCounts counts;
    std::vector<EndpointStatus> endpoints;  ///< empty in a list of services: there may be a hundred thousand
};

struct ReadyStatus {
    bool ready = false;
    struct Missing {
        std::string service;  ///< empty: not because of one service
        std::string reason;   ///< "not polled yet" | "2 of 4 endpoints not checked yet" | "shutting down"
    };
    std::vector<Missing> missing;
};

/// What routes() may ask for. Called on the control thread. Names: as in a URL path, any case, alias or name, with or
/// without a trailing dot.
struct Model {
    std::function<ReadyStatus()> ready;
    std::function<std::vector<ServiceStatus>()> services;  ///< without their endpoints
    std::function<std::optional<ServiceStatus>(std::string_view name)> service;
    /// Moves the service's rotation; null if it serves no endpoint. Only called for a name that service() knows.
    std::function<std::optional<SocketAddress>(std::string_view name)> pick;
    /// Somebody asks for the service's endpoints: it is in use. May be empty.
    std::function<void(std::string_view name)> asked;
};

}  // namespace taskdns::http_server
