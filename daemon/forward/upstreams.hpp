// The upstream servers as the forwarder asks them: in the order of their health, again where one fails, over TCP
// where an answer was cut, and not at all where one brings our questions back. Layer: forward (may include base, dns,
// config, upstream, Asio). Threads: the dns thread's executor.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "forward/counters.hpp"
#include "forward/loop_probes.hpp"
#include "forward/upstream_answer.hpp"
#include "upstream/query_budget.hpp"
#include "upstream/server_counters.hpp"
#include "upstream/server_health.hpp"

namespace taskdns::forward {

struct Settings {
    config::Upstream upstream;
    config::Forward forward;
    TimePoint (*now)() = Clock::now;                       ///< tests have their own
    milliseconds probe_interval{std::chrono::minutes(1)};  ///< while a server loops, or has never answered
};

/// Why there is no answer.
enum class Failure : std::uint8_t {
    timeout,
    network,
    unusable,     ///< its records were not whole
    over_limit,   ///< max_qps
    local_fault,  ///< of this host: the server is not to blame
    loop,
    cancelled
};

struct Outcome {
    std::optional<UpstreamAnswer> answer;  ///< may be a failure of the upstream's own, such as SERVFAIL
    Failure failure = Failure::timeout;    ///< if there is none
    std::string detail;                    ///< for local_fault: what the host said
};

/// The outcome as an answer: the upstream's, or SERVFAIL with the reason. Only what the upstream is to blame for may
/// be cached (RFC 9520 section 3.2); a limit or fault of ours has a lifetime of 0.
UpstreamAnswer answer_of(Outcome outcome, const Question& question);

class Upstreams {
public:
    using Shared = std::shared_ptr<Upstreams>;
    using QuestionPtr = std::shared_ptr<const Question>;

    /// `servers` is not empty. `budget` and `counters` outlive it.
    Upstreams(std::vector<SocketAddress> servers, Settings settings, upstream::QueryBudget& budget,
              Counters& counters);

    /// Every server in each of `attempts` rounds. One that said no (any rcode but NOERROR and NXDOMAIN) is not asked
    /// again; the last such answer is the outcome if nothing better comes: the client may know what to make of it.
    static asio::awaitable<Outcome> ask(Shared self, QuestionPtr question);

    /// Probes one server for a loop, again while it loops or has not answered. Ends by cancellation, or when the
    /// server has answered and the probe has not come back for a whole interval.
    static asio::awaitable<void> watch_for_loop(Shared self, std::size_t server);
    /// HOT PATH. True if `name` is a probe of ours: the server that it was sent to brings it back.
    bool is_returned_probe(std::span<const std::uint8_t> name) {
        const auto server = probes_.find(name);
        if (!server) return false;
        if (probes_.came_back(*server)) report_loop(*server);
        return true;
    }
    bool may_ask(TimePoint now) const;  ///< the budget has room for one query
    std::size_t size() const { return servers_.size(); }
    const std::vector<SocketAddress>& servers() const { return servers_; }
    /// Those of each of servers(), probes for loops included.
    const std::vector<upstream::ServerCounters>& server_counters() const { return server_counters_; }

private:
    enum class Verdict : std::uint8_t { answered, negative, failed };
    struct Attempt {
        Verdict verdict = Verdict::failed;
        std::optional<UpstreamAnswer> answer;
        Failure failure = Failure::timeout;
        std::string detail;
    };

    static asio::awaitable<Attempt> ask_server(Shared self, QuestionPtr question, std::size_t server);
    static asio::awaitable<Attempt> exchange(Shared self, QuestionPtr question, std::size_t server, bool with_opt);
    std::vector<std::size_t> servers_to_ask();
    /// upstream.timeout less up to 10 %: the tries of questions that came together do not end together, which would
    /// make configured names wait while they are begun anew, and reach the server as one burst.
    milliseconds time_for_a_try();
    bool take(unsigned cost);
    /// A server whose TCP fails has just answered over UDP: it is not asked later for that.
    enum class Blame : std::uint8_t { server, nobody };
    Attempt failed(std::size_t server, const Error& error, Blame blame = Blame::server);
    Attempt read(std::size_t server, dns::Bytes message, const Question& question);
    void report_loop(std::size_t server);
    void answered(std::size_t server, Duration round_trip, TimePoint now);
    void unanswered(std::size_t server, const std::string& reason);
    void set_local_fault(bool is_fault, const std::string& reason);

    const std::vector<SocketAddress> servers_;
    const Settings settings_;
    upstream::QueryBudget& budget_;
    Counters& counters_;
    std::vector<upstream::ServerCounters> server_counters_;
    upstream::ServerHealth health_;
    LoopProbes probes_;
    std::minstd_rand random_{std::random_device{}()};  // spreads tries, keeps no secret
    bool has_local_fault_ = false;
};

}  // namespace taskdns::forward
