// The application's own connections as evidence for the services: observer, verdicts on the unprobed, and what people
// are told about it.
// Layer: app (may include all). Threads: the control thread, which runs `executor`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "base/task_group.hpp"
#include "config/config.hpp"
#include "health/connection_observer.hpp"
#include "health/suspicions.hpp"
#include "health/unprobed_verdicts.hpp"
#include "http_server/model.hpp"
#include "membership/claims.hpp"
#include "membership/member.hpp"

namespace taskdns::app {

class ConnectionWatch {
public:
    struct Callbacks {
        /// Null: nobody has this index.
        std::function<const config::Service*(health::ServiceIndex)> find_service;
        /// Appends the services that have this endpoint.
        std::function<void(const SocketAddress&, std::vector<health::ServiceIndex>&)> find_services;
        /// Appends the endpoints at this address, each with its service.
        std::function<void(const IpAddress&, std::vector<membership::Claims::Holding>&)> find_at;
        /// Whether the endpoint is unhealthy already, or not used at all.
        std::function<bool(health::ServiceIndex, const SocketAddress&)> is_down;
        /// For each observed service that has the endpoint.
        std::function<void(health::ServiceIndex, const health::ConnectionEvidence&)> on_evidence;
        std::function<void()> on_dump;
    };

    ConnectionWatch(asio::any_io_executor executor, std::shared_ptr<health::OwnSockets> own, Callbacks callbacks);

    /// Says in one log line when it cannot be had; then nothing is observed, and nothing else changes. Once it has
    /// begun, another call does nothing.
    void start();
    asio::awaitable<bool> stop(milliseconds limit);

    /// The members of `service` are others: their ports are what is looked at, and verdicts of former ones are
    /// forgotten.
    void set_members(health::ServiceIndex service, std::span<const membership::Member> members);
    /// Every few seconds: whether somebody has asked for an observed service lately, and whether one is in use at
    /// all.
    void note_demand(bool asked, bool in_use, TimePoint now);

    bool observes(health::ServiceIndex service) const;
    const health::EndpointConnections* find(const SocketAddress& endpoint) const { return observer_.find(endpoint); }
    void each(const std::function<void(const SocketAddress&, const health::EndpointConnections&)>& visit) const {
        observer_.each(visit);
    }
    health::UnprobedVerdicts& unprobed() { return unprobed_; }
    const health::UnprobedVerdicts& unprobed() const { return unprobed_; }
    const health::ConnectionObserver::Counters& counters() const { return observer_.counters(); }
    /// For `/v1/services/NAME`.
    http_server::ObserveStatus status(health::ServiceIndex service) const;

private:
    bool is_endpoint(const SocketAddress& endpoint);
    void on_evidence(const health::ConnectionEvidence& evidence);
    void suspect(const SocketAddress& suspected);
    bool may_not_be_tried(health::ServiceIndex service, const SocketAddress& endpoint) const;
    asio::awaitable<void> look_at(SocketAddress endpoint, bool is_counted);

    Callbacks callbacks_;
    health::ConnectionObserver observer_;
    health::UnprobedVerdicts unprobed_;
    health::Suspicions suspicions_;
    health::Probe probe_;
    std::vector<std::vector<std::uint16_t>> ports_;  // of each observed service's members: sorted, each once
    std::vector<health::ServiceIndex> found_;        // reused
    std::vector<membership::Claims::Holding> at_;    // reused
    bool started_ = false;
    bool running_ = false;
    std::string cannot_;  // why not
    TimePoint asked_since_ = never;
    bool said_that_nothing_is_seen_ = false;
    TaskGroup tasks_;  // last: what it runs uses everything above
};

}  // namespace taskdns::app
