// Asks the upstream servers one question for a poll: next server on failure, TCP on TC, one query per question at a
// time, within the budget.
// Layer: upstream (may include base, dns, config, Asio). Threads: the control thread's executor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "dns/message.hpp"
#include "upstream/exchange.hpp"
#include "upstream/query_budget.hpp"
#include "upstream/server_counters.hpp"

namespace taskdns::upstream {

struct Counters {
    Ignored ignored;
    Counter budget_waits;  ///< queries that had to wait for the budget
};

/// One server, as the polls have found it.
struct ServerStatus {
    SocketAddress address;
    std::uint64_t queries = 0;
    std::uint64_t failures = 0;     ///< timeouts, errors, unreadable answers, SERVFAIL and REFUSED included
    bool failing = false;           ///< the last query failed
    Duration round_trip{0};         ///< of the last answer, whatever it said; zero: none yet
    TimePoint last_answer = never;  ///< whatever it said; `never`: none yet
    std::string last_error;         ///< the last, even if a later query went well; empty: none yet
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
    /// Those of each of servers(), in that order.
    const std::vector<ServerCounters>& server_counters() const;
    /// In the order of servers().
    std::vector<ServerStatus> server_status() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::upstream
