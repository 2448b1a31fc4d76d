// Who answers: one endpoint's state from the evidence about it (design.md, section 6).
// Layer: health (this header: pure; base and config only). No clock, no I/O, no logging.
//
// discovery -> membership -> [health] -> view -> dns_server, http_server
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "config/config.hpp"

namespace taskdns::health {

/// What one look at an endpoint is worth. Whoever looks (a probe; the application's own connections) says it so.
enum class Evidence : std::uint8_t {
    success,
    doubtful,  ///< needs `fall` in a row: timeout, reset, EHOSTUNREACH, TLS, an unexpected status or body
    certain,   ///< acts at once: ECONNREFUSED, HTTP 503
    none       ///< says nothing of the endpoint: no route, no descriptors, not permitted; nobody was here to look
};

/// The closed list of what was seen; to_string gives the words of docs/http-api.md.
enum class Observed : std::uint8_t {
    nothing,
    connected,
    answered,
    refused,
    timeout,
    reset,
    unreachable,
    bad_status,
    unavailable,
    bad_response,
    bad_body,
    bad_tls,
    late_timeout,  ///< noticed so late that the process stood still meanwhile: it may have answered
    local_fault    ///< could not be looked at from here
};

inline constexpr std::size_t observed_words = static_cast<std::size_t>(Observed::local_fault) + 1;

const char* to_string(Observed observed);

/// Who saw it.
enum class Witness : std::uint8_t {
    probe,      ///< a check of ours
    connection  ///< the application's own traffic (connection_ledger.hpp)
};

/// The outcome of one probe, or of one connection of the application's.
struct Outcome {
    Observed observed = Observed::nothing;
    Witness witness = Witness::probe;
    std::chrono::microseconds latency{0};
    unsigned http_status = 0;  ///< 0: not an HTTP answer
    /// For people, where the word leaves a question: `certificate has expired`, `Too many open files`. Mostly empty.
    std::string detail;
};

/// The evidence that an outcome is. Pure.
Evidence evidence(Observed observed);

enum class Status : std::uint8_t {
    pending,  ///< never yet a success or a conclusive failure
    healthy,
    unhealthy
};

const char* to_string(Status status);

/// How long an endpoint is out that a connection of the application's has shown to fail, and no probe can look at;
/// the first time (design.md, section 9, has the same for reports).
inline constexpr milliseconds unprobed_ejection{30'000};

/// Flap damping: the times of the last transitions from healthy to unhealthy.
struct Flaps {
    static constexpr unsigned counted = 3;  ///< so many within `window` double `rise`; the next so many, again
    static constexpr milliseconds window{10 * 60 * 1000};

    std::array<TimePoint, counted> at{};  ///< the newest last; the epoch: none
    unsigned uncounted = 0;               ///< those that no doubling has counted yet
    unsigned doublings = 0;

    void add(TimePoint now);
    /// Whether one happened lately: without one for `window`, all is forgiven.
    bool recent(TimePoint now) const;
};

/// What others decide by of a verdict: one that differs in none of this changes nothing that is served.
struct Standing {
    Status status = Status::pending;
    Evidence against = Evidence::none;
    Observed reason = Observed::nothing;
    Witness witness = Witness::probe;
    bool checked = false;
    bool local_fault = false;

    bool operator==(const Standing&) const = default;
};

/// The state machine of one endpoint under one service's policy.
///
/// The latest conclusive evidence stands. What is down by doubtful evidence and then refuses is down by certain
/// evidence; what refused and then times out is still down by certain evidence until `fall` timeouts in a row have
/// made it doubtful. A local fault changes neither a count nor the status: it is only noted until the next look.
/// Nor does a late timeout, but only `fall` times in a row: a process that is starved for good is to take out what
/// black-holes, too (docs/decisions/0033).
struct Verdict {
    Status status = Status::pending;
    Evidence against = Evidence::none;    ///< unhealthy: by certain or by doubtful evidence
    Observed reason = Observed::nothing;  ///< what made it what it is; pending: the failure that is in doubt
    Witness witness = Witness::probe;     ///< who saw that first
    unsigned successes = 0;               ///< in a row
    unsigned failures = 0;                ///< doubtful ones in a row
    unsigned excused = 0;                 ///< late timeouts in a row that were no evidence: `fall` at most
    TimePoint since{};                    ///< in this status
    TimePoint against_since{};            ///< unhealthy: by that kind of evidence
    TimePoint first_seen{};               ///< added to the checks; whoever makes a verdict sets it, and `since`
    TimePoint first_failed{};             ///< start of the present run of failures
    TimePoint last_healthy{};             ///< its last success while healthy; the epoch: never
    bool recovered = false;               ///< it came back from unhealthy: slow start applies from `since` on
    Flaps flaps;                          ///< how often it went from healthy to unhealthy lately
    bool checked = false;                 ///< at least one outcome that is evidence
    bool local_fault = false;             ///< the last attempt could not be made from here
    Outcome last;                         ///< the last probe's, of any kind
    TimePoint last_at{};
    TimePoint
        answered_since{};  ///< a connection that began no earlier has received data; the epoch: none is known of

    /// Takes in one probe's outcome; true if status, or what stands against it, changed.
    bool apply(const Outcome& outcome, const config::Health& policy, TimePoint now);
    /// Takes in what became of a connection of the application's; true as above. `from`: the endpoint was so at that
    /// time or later.
    ///
    /// A failure counts as a probe's does. A success ends a doubt that it did not begin before, but does not bring
    /// back what is down: the application hardly connects there, so `rise` is for probes, or for `unprobed_ejection`
    /// where those are local faults. Where a check asks for more than a connection (http, https) it says nothing at
    /// all: 503s are data, too.
    bool apply_connection(Observed observed, const config::Health& policy, TimePoint from, TimePoint now);
    /// What is down is pending again, without a probe: for those that none can look at. What was counted against it
    /// still is.
    void let_back(TimePoint now);
    /// How long after the last attempt, made at `now`, the next one is due: `fast_interval` while in doubt (failing,
    /// or timed out late, but not yet unhealthy; rising but not yet healthy), `interval` otherwise; a down endpoint
    /// backs off to 30 s once it has been down for 5 min.
    /// `idle`: nobody asks for the service, so what is not in doubt waits for `idle_interval` at least.
    milliseconds next_delay(const config::Health& policy, TimePoint now, bool idle = false) const;
    /// The successes in a row that make an unhealthy endpoint healthy: `rise`, doubled, up to 8 (or `rise` if that is
    /// more), by each run of 3 flaps within 10 min; back to `rise` once 10 min have passed without one.
    unsigned needed_successes(const config::Health& policy, TimePoint now) const;
    Standing standing() const { return {status, against, reason, witness, checked, local_fault}; }

private:
    bool succeed(const Outcome& outcome, const config::Health& policy, TimePoint now);
    bool fail(Evidence evidence, const Outcome& outcome, const config::Health& policy, TimePoint now);
    bool excuse(const config::Health& policy);
    bool let_back_in_time(TimePoint now);
    void move_to(Status next, TimePoint now);
};

}  // namespace taskdns::health
