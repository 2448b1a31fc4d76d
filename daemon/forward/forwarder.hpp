// Every name that is not a service's: asked of the upstream for the client, and the answer relayed.
// Layer: forward (may include base, dns, config, upstream, Asio). Threads: the dns thread's executor.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "config/config.hpp"
#include "dns/message.hpp"
#include "dns/query.hpp"
#include "upstream/query_budget.hpp"

namespace taskdns::forward {

struct Counters {
    Counter queries;
    Counter answers;
    Counter failures;    ///< SERVFAIL of our own: every server failed
    Counter over_limit;  ///< SERVFAIL of our own: max_in_flight or max_qps
    Counter tcp;         ///< exchanges over TCP
};

class Forwarder {
public:
    /// Called exactly once per query, on the dns thread, possibly before forward() returns. The answer is complete:
    /// the client's ID, question octets and RD; to be sent as it is.
    using Reply = std::function<void(dns::Bytes answer)>;

    /// `servers` is not empty. `budget` outlives the forwarder.
    Forwarder(asio::any_io_executor executor, std::vector<SocketAddress> servers, config::Upstream upstream,
              config::Forward settings, upstream::QueryBudget& budget);
    ~Forwarder();

    /// HOT PATH. What can be said without asking: from the cache, or that a limit is reached. `buffer` holds the
    /// query, which parsed into `query`, and is overwritten by the answer. Returns its size; 0: nothing now, call
    /// forward().
    std::size_t answer_now(std::span<std::uint8_t> buffer, const dns::Query& query, bool over_tcp);
    /// `query`: a whole message that parsed (header, one question, at most one OPT); it is copied. `over_tcp`: the
    /// client asks over TCP, so an upstream answer that is truncated is asked for again over TCP.
    void forward(std::span<const std::uint8_t> query, bool over_tcp, Reply reply);
    /// Answers whatever is in flight with SERVFAIL and takes no more.
    asio::awaitable<bool> stop(milliseconds limit);

    const Counters& counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::forward
