// Asks the upstream servers one question for a poll: next server on failure, TCP on TC, one query per question at a
// time, within the budget.
// Layer: upstream (may include base, dns, config, Asio). Threads: the control thread's executor.
#pragma once

#include <memory>
#include <vector>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "dns/message.hpp"
#include "upstream/query_budget.hpp"

namespace taskdns::upstream {

struct Counters {
    Counter udp_queries;
    Counter tcp_queries;
    Counter timeouts;
    Counter failures;      ///< any other failed exchange, SERVFAIL and REFUSED included
    Counter malformed;     ///< answers that ldns rejected, or that TCP brought for another question
    Counter ignored;       ///< messages that answered another query than ours: late, or forged
    Counter budget_waits;  ///< queries that had to wait for the budget
};

class Resolver {
public:
    /// `servers` is not empty. `budget` outlives the resolver.
    Resolver(asio::any_io_executor executor, std::vector<SocketAddress> servers, config::Upstream settings,
             QueryBudget& budget);
    ~Resolver();

    /// NOERROR and NXDOMAIN are answers; SERVFAIL, REFUSED, other rcodes, timeouts and garbage go to the next server,
    /// and after `attempts` rounds become an Error that names the last server and what happened.
    /// A question that is already being asked is not asked twice: both callers get the one answer.
    asio::awaitable<Result<dns::Response>> resolve(dns::Question question);

    const Counters& counters() const;
    const std::vector<SocketAddress>& servers() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::upstream
