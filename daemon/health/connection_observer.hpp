// The eyes on the application's own connections: a netlink socket for the ends of connections, another for dumps of
// those that live (design.md, section 6a; docs/observed-health.md).
// Layer: health (may include base, Asio). Threads: the control thread's executor. Needs no privilege (sock_diag(7)).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "base/result.hpp"
#include "health/connection_ledger.hpp"

namespace taskdns::health {

class ConnectionObserver {
public:
    /// Called on the executor, never from within a call of ours, and not after stop() or the destructor.
    struct Callbacks {
        ConnectionLedger::IsEndpoint is_endpoint;
        std::function<void(const ConnectionEvidence&)> on_evidence;
        std::function<void()> on_dump;  ///< after each complete dump: counts are new
    };
    struct Counters {
        Counter events;       ///< ends of connections that passed the filter
        Counter events_lost;  ///< how often the kernel had to drop some (ENOBUFS)
        Counter dumps;
        Counter failed_dumps;
    };

    /// `own`: the sockets that are not the application's.
    ConnectionObserver(asio::any_io_executor executor, std::shared_ptr<OwnSockets> own, Callbacks callbacks);
    ~ConnectionObserver();

    /// Opens the sockets; an error says what the kernel does not give, and then nothing is ever observed. Once.
    Result<void> start();
    /// The remote ports that matter from now on, sorted, each once: the filter in the kernel. None until then.
    void set_ports(const std::vector<std::uint16_t>& ports);
    /// Dumps are made, about one a second, only while somebody needs them. Ends of connections are always seen.
    void set_in_use(bool in_use);

    /// See ConnectionLedger::count_refused().
    void count_refused(const SocketAddress& endpoint);
    /// Null if no connection towards it has been seen.
    const EndpointConnections* find(const SocketAddress& endpoint) const;
    /// Of every endpoint towards which one has been seen.
    void each(const std::function<void(const SocketAddress&, const EndpointConnections&)>& visit) const;
    /// Whether any connection to an endpoint has ever been seen.
    bool seen_any() const;
    /// Once started: whether the kernel still tells.
    bool works() const;
    const Counters& counters() const;
    /// Stops observing for good; true when all has ended within `limit`.
    asio::awaitable<bool> stop(milliseconds limit);

private:
    Result<void> try_dump();

    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::health
