// The HTTP listeners: Beast sessions around routes().
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
#pragma once

#include <memory>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

struct Limits {
    std::size_t header_bytes = 8 * 1024;
    std::size_t body_bytes = 64 * 1024;
    milliseconds request_time{10'000};  ///< to send one request (the first: from the connect), and to take its answer
    milliseconds idle_time{60'000};     ///< between two requests of one connection
    std::size_t connections = 512;      ///< beyond that: 503 and close
    std::size_t rejections = 64;        ///< connections that are being told 503 at a time; beyond that: close at once
};

struct Counters {
    Counter requests;              ///< whole ones, answered by respond()
    Counter connections;           ///< accepted, whether served or rejected
    Counter rejected_connections;  ///< over the limit, or from a peer that may not ask
    Counter bad_requests;          ///< malformed, over a limit, or too slow
    Counter broken_connections;    ///< ended by an error of the socket, or by a peer that did not take its answer
    Counter accept_errors;         ///< such as EMFILE; followed by a pause
};

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
    /// Closes everything; true when all sessions have ended within `limit`.
    asio::awaitable<bool> stop(milliseconds limit);

    const Counters& counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::http_server
