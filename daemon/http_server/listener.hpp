// The HTTP listeners: Beast sessions around routes().
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
#pragma once

#include <memory>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "http_server/counters.hpp"
#include "http_server/limits.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

/// What every listener shares besides its Access.
struct ServerSettings {
    std::vector<std::string> hosts;
    std::vector<Network> allow;  ///< peers of a listener that is not loopback; loopback always may
    bool allow_admin = false;
    Limits limits;
};

/// May a peer ask at all? Everybody who reaches a loopback listener may; elsewhere loopback and `allow`. Pure.
bool may_ask(const IpAddress& peer, bool loopback_listener, const std::vector<Network>& allow);

class Server {
public:
    Server(asio::any_io_executor executor, Model model, ServerSettings settings);
    ~Server();

    /// Binds, and answers once start() is called; port 0 takes a free one. Error: which address, what happened, and
    /// the mend.
    Result<SocketAddress> listen(const SocketAddress& address);
    /// Begins to answer on the listeners that do not yet.
    void start();
    /// What every listener shares, from now on.
    void set(ServerSettings settings);
    /// Takes no more connections on `address`, as listen() has given it; those that are open go on.
    void close(const SocketAddress& address);
    /// A service has changed, as `summary` (without endpoints) says: who waits for it hears of it.
    void changed(const ServiceStatus& summary);
    /// A service is configured no more; `index` is that change's.
    void removed(const std::string& name, std::uint64_t index);
    /// Answers who waits with the present state, and closes everything; true when all sessions have ended within
    /// `limit`.
    asio::awaitable<bool> stop(milliseconds limit);

    const Counters& counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::http_server
