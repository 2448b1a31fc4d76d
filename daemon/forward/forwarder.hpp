// Every name that is not a service's: from the cache, or asked of the upstream once for all who want to know.
// Layer: forward (may include base, dns, config, upstream, Asio). Threads: the dns thread's executor.
//
//   answer_now ──▶ cache ──▶ the answer in place, fresh or stale; or a limit's SERVFAIL
//   forward ─────▶ flight (one per question) ──▶ upstreams (by health) ──▶ cache ──▶ everybody who waits
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/asio.hpp"
#include "dns/query.hpp"
#include "forward/counters.hpp"
#include "forward/flights.hpp"
#include "forward/upstreams.hpp"

namespace taskdns::forward {

class Forwarder {
public:
    using Reply = forward::Reply;

    /// `servers` is not empty. `budget` outlives the forwarder.
    Forwarder(asio::any_io_executor executor, std::vector<SocketAddress> servers, Settings settings,
              upstream::QueryBudget& budget);
    ~Forwarder();

    /// Probes the servers for loops. Call once, on the executor's thread or before it runs.
    void start();
    /// HOT PATH. What can be said without asking: from the cache, or that a limit is reached. `buffer` holds the
    /// query, which parsed into `query`, and is overwritten by the answer; it has room for a failure (some 400
    /// octets). Returns the answer's size; 0: nothing now, or it does not fit: call forward(). A hit allocates
    /// nothing, but for the one in a TTL that starts a prefetch.
    std::size_t answer_now(std::span<std::uint8_t> buffer, const dns::Query& query, bool over_tcp);
    /// `message`: a whole query that parses; it is copied.
    void forward(std::span<const std::uint8_t> message, bool over_tcp, Reply reply);
    /// Until all that is in flight has its answer (each question's time is bounded), or stop(). For one to whom
    /// nothing is handed in any more.
    asio::awaitable<void> drain();
    /// Answers whatever is in flight with SERVFAIL and takes no more.
    asio::awaitable<bool> stop(milliseconds limit);

    const Counters& counters() const;
    /// Whom it asks, and what came of it.
    const std::vector<SocketAddress>& servers() const;
    const std::vector<upstream::ServerCounters>& server_counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::forward
