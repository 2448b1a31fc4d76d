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
#include "view/publisher.hpp"

namespace taskdns::dns_server {

class Server {
public:
    /// `publisher` and `forwarding` outlive the server. `forwarding` null: names that are not ours get REFUSED.
    Server(asio::io_context& context, view::Publisher& publisher, Settings settings, Forwarding* forwarding);
    ~Server();

    /// Binds UDP and TCP on `address`; from any thread before the dns thread runs. Port 0 binds a free port, the same
    /// for both. Error: which address, what happened, and the mend (port 53 without the right: which sysctl or
    /// capability; in use: by whom it may be).
    taskdns::Result<SocketAddress> listen(const SocketAddress& address);
    /// Begins to answer on all listeners.
    void start();
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
