// The DNS listeners of the daemon, UDP and TCP, with the queries that wait for a first view.
// Layer: dns_server (may include base, view, Asio). Threads: the dns thread, except where a member says otherwise.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dns_server/answer.hpp"
#include "dns_server/settings.hpp"
#include "dns_server/sockets.hpp"
#include "view/publisher.hpp"

namespace taskdns::dns_server {

class Server {
public:
    /// `publisher` outlives the server. `forwarding`: as set_forwarding().
    Server(asio::io_context& context, view::Publisher& publisher, Settings settings, Forwarding* forwarding);
    ~Server();

    // From the dns thread, or before it runs.
    /// What bind_sockets() has bound is answered on once start() is called.
    void add(BoundSockets sockets);
    /// Begins to answer on the listeners that do not yet.
    void start();
    /// Answers what has come to this listener, then closes it. Connections that are open go on.
    void remove(const SocketAddress& address);
    void set_allow(std::vector<Network> allow);
    void set_identity(std::string identity);
    /// Outlives the server, or the next call; null: names that are not ours get REFUSED.
    void set_forwarding(Forwarding* forwarding);
    /// A view was published: the held queries are tried again. From the dns thread.
    void on_published();
    /// Closes the listeners and connections. From the dns thread.
    void stop();

    /// From any thread.
    const Counters& counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::dns_server
