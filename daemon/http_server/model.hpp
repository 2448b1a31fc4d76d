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

/// What the application has reported of an endpoint.
struct ReportStatus {
    unsigned failures = 0;                  ///< in the last 30 s, since its last success
    unsigned ejections = 0;                 ///< lately: they grow longer with each
    std::optional<WallTime> ejected_until;  ///< null: not ejected
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
    std::optional<ReportStatus> reports;          ///< null: none that counts
    std::optional<WallTime> drained_until;        ///< null: not drained
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

/// The rotation as it happens: that of the service's own name, A, else AAAA, else SRV.
struct RotationStatus {
    std::uint64_t answers = 0;        ///< given for the service over DNS, all names and types, since the start
    std::vector<SocketAddress> next;  ///< which endpoints come first in the next answers, in order; at most 8
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
    /// That of its last change. All services count together, across reloads too, so the largest is the last change of
    /// any; it never goes back while the daemon lives.
    std::uint64_t index = 0;
    RotationStatus rotation;
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

/// One upstream server, as the polls see it.
struct UpstreamServerStatus {
    SocketAddress address;
    std::string state;  ///< "answers" | "failing" | "not_asked"
    std::uint64_t queries = 0;
    std::uint64_t failures = 0;           ///< timeouts, errors, SERVFAIL and REFUSED included
    std::chrono::microseconds rtt{0};     ///< of the last answer; 0: none yet
    std::optional<WallTime> last_answer;  ///< null: none yet
    std::string last_error;               ///< the last, even if a later query went well; empty: none yet
};

/// How the configuration was last read.
struct ReloadStatus {
    WallTime at;
    std::string trigger;  ///< "start" | "signal" | "http" | "file"
    std::string outcome;  ///< "applied" | "unchanged" | "failed"
    /// If it failed, every mistake, each with its place; then the configuration before goes on.
    std::vector<std::string> errors;
};

/// What ECS says of the task; what it does not say is empty.
struct TaskStatus {
    std::string id;  ///< of its ARN
    std::string family;
    std::string cluster;
    std::string service;  ///< of ECS, not one of ours
    std::string zone;     ///< by its ID, else by its name
};

/// The file that names us to the task's containers (resolv_conf.manage).
struct ResolvConfStatus {
    std::string path;
    std::string state;               ///< "managed" | "pending" | "failing"
    std::vector<IpAddress> servers;  ///< whom it names
    std::vector<IpAddress> saved;    ///< whom it named before taskdns
    std::string last_error;          ///< of "failing", with its mend
};

/// What does not belong to one service.
struct DaemonStatus {
    std::string version;
    std::string identity;            ///< the task's
    std::optional<TaskStatus> task;  ///< null: its metadata have not been read
    WallTime started;
    WallTime now;
    ReadyStatus ready;
    std::vector<std::string> configuration;  ///< where it came from: a file, TASKDNS_SERVICES, ...
    ReloadStatus last_reload;
    std::vector<SocketAddress> dns_listeners;
    std::vector<SocketAddress> http_listeners;
    std::vector<UpstreamServerStatus> upstream;
    std::string upstream_from;                    ///< "configuration" | "task_metadata" | "resolv_conf"
    std::optional<ResolvConfStatus> resolv_conf;  ///< null: not to be managed
    std::uint64_t index = 0;                      ///< the last change of any service
};

/// What the application says of an endpoint that it has used.
enum class Report { success, failure };

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

    std::function<DaemonStatus()> daemon;
    /// The metrics as Prometheus text (version 0.0.4).
    std::function<std::string()> metrics;
    /// The index of the last change of any service; a service's own is cheaper here than by service().
    std::function<std::uint64_t()> index;
    std::function<std::optional<std::uint64_t>(std::string_view name)> service_index;

    // Changes. Only called for an endpoint that service() has shown. What they change has been decided when they
    // return, index included.
    std::function<void(std::string_view name, const SocketAddress& endpoint, Report report)> report;
    std::function<void(std::string_view name, const SocketAddress& endpoint, milliseconds how_long)> drain;
    std::function<void(std::string_view name, const SocketAddress& endpoint)> undrain;
    /// Reads the configuration again. `done` is called once, later, on the control thread; the files are read
    /// elsewhere, so it may be late where a file system hangs.
    std::function<void(std::function<void(const ReloadStatus& status)> done)> reload;
};

}  // namespace taskdns::http_server
