// Every name that is not a service's: asked of the upstream for the client. Layer: forward.
#include "forward/forwarder.hpp"

#include "base/task_group.hpp"
#include "forward/client_query.hpp"
#include "upstream/exchange.hpp"

namespace taskdns::forward {
namespace {

using QueryPtr = std::shared_ptr<const ClientQuery>;

/// What came of one question put to one server.
enum class Outcome {
    answered,
    no_answer,   ///< timeout or a broken connection: worth another try
    negative,    ///< SERVFAIL or REFUSED: the same again if asked again
    over_limit,  ///< not asked: the budget is used up
    cancelled
};

struct Attempt {
    Outcome outcome = Outcome::no_answer;
    dns::Bytes message;  ///< for `answered` and `negative`, as the client gets it
    Errc error = Errc::timeout;
};

Attempt failed(Errc error) { return {error == Errc::cancelled ? Outcome::cancelled : Outcome::no_answer, {}, error}; }

dns::Bytes over_limit(const ClientQuery& query) {
    return failure(query, dns::Ede::other, "too many queries to the upstream");
}

dns::Bytes no_answer(const ClientQuery& query, Errc last_error) {
    if (last_error == Errc::timeout) {
        return failure(query, dns::Ede::no_reachable_authority, "the upstream did not answer");
    }
    return failure(query, dns::Ede::network_error, "the upstream could not be reached");
}

}  // namespace

struct Forwarder::State {
    State(asio::any_io_executor executor, std::vector<SocketAddress> s, config::Upstream u, config::Forward f,
          upstream::QueryBudget& b)
        : servers(std::move(s)), upstream(std::move(u)), settings(f), budget(b), tasks(std::move(executor)) {}

    std::vector<SocketAddress> servers;
    config::Upstream upstream;
    config::Forward settings;
    upstream::QueryBudget& budget;
    Counters counters;
    bool stopping = false;
    TaskGroup tasks;

    bool take(unsigned cost) { return budget.take(upstream::Purpose::forward, cost, Clock::now()); }

    static asio::awaitable<Attempt> ask_server(std::shared_ptr<State> self, QueryPtr query, SocketAddress server);
    static asio::awaitable<dns::Bytes> ask(std::shared_ptr<State> self, QueryPtr query);
    static asio::awaitable<void> relay(std::shared_ptr<State> self, QueryPtr query, Reply reply);
};

/// UDP first; over TCP again where the client is on TCP and the answer was cut.
asio::awaitable<Attempt> Forwarder::State::ask_server(std::shared_ptr<State> self, QueryPtr query,
                                                      SocketAddress server) {
    const std::uint16_t id = upstream::random_id();
    const dns::Bytes message = upstream_query(*query, id);
    const upstream::Accepts accepts = [query, id](std::span<const std::uint8_t> answer) {
        return answers(*query, id, answer);
    };
    if (!self->take(upstream::QueryBudget::udp_cost)) co_return Attempt{Outcome::over_limit, {}, Errc::over_limit};
    Result<dns::Bytes> answer = co_await upstream::exchange_udp(server, message, accepts, self->upstream.timeout);
    if (answer && query->over_tcp && dns::truncated(*answer)) {
        if (!self->take(upstream::QueryBudget::tcp_cost))
            co_return Attempt{Outcome::over_limit, {}, Errc::over_limit};
        self->counters.tcp.add();
        answer = co_await upstream::exchange_tcp(server, message, accepts, self->upstream.timeout);
    }
    if (!answer) co_return failed(answer.error().code);

    const dns::Rcode rcode = rcode_of(*answer);
    auto for_client = client_answer(*query, std::move(*answer));
    if (!for_client) co_return failed(Errc::malformed);
    const bool negative = rcode == dns::Rcode::servfail || rcode == dns::Rcode::refused;
    co_return Attempt{negative ? Outcome::negative : Outcome::answered, std::move(*for_client), Errc::bad_rcode};
}

/// The servers in order, `attempts` times; one that said SERVFAIL or REFUSED is not asked again. The last such answer
/// is relayed if nothing better comes: the client may know what to make of it.
asio::awaitable<dns::Bytes> Forwarder::State::ask(std::shared_ptr<State> self, QueryPtr query) {
    std::vector<bool> is_spent(self->servers.size());
    dns::Bytes negative;
    Errc last_error = Errc::timeout;
    const std::size_t tries = self->servers.size() * self->upstream.attempts;
    for (std::size_t i = 0; i < tries; ++i) {
        const std::size_t server = i % self->servers.size();
        if (is_spent[server]) continue;
        Attempt attempt = co_await ask_server(self, query, self->servers[server]);
        switch (attempt.outcome) {
            case Outcome::answered:
                self->counters.answers.add();
                co_return std::move(attempt.message);
            case Outcome::negative:
                negative = std::move(attempt.message);
                is_spent[server] = true;
                break;
            case Outcome::no_answer:
                last_error = attempt.error;
                break;
            case Outcome::over_limit:
                self->counters.over_limit.add();
                co_return over_limit(*query);
            case Outcome::cancelled:
                self->counters.failures.add();
                co_return failure(*query, dns::Ede::not_ready, "stopping");
        }
    }
    if (!negative.empty()) {
        self->counters.answers.add();
        co_return negative;
    }
    self->counters.failures.add();
    co_return no_answer(*query, last_error);
}

asio::awaitable<void> Forwarder::State::relay(std::shared_ptr<State> self, QueryPtr query, Reply reply) {
    co_await asio::this_coro::throw_if_cancelled(false);
    dns::Bytes answer = co_await ask(self, query);
    reply(std::move(answer));
}

Forwarder::Forwarder(asio::any_io_executor executor, std::vector<SocketAddress> servers, config::Upstream upstream,
                     config::Forward settings, upstream::QueryBudget& budget)
    : state_(
          std::make_shared<State>(std::move(executor), std::move(servers), std::move(upstream), settings, budget)) {}

Forwarder::~Forwarder() { state_->tasks.cancel_all(); }

std::size_t Forwarder::answer_now(std::span<std::uint8_t>, const dns::Query&, bool) { return 0; }

void Forwarder::forward(std::span<const std::uint8_t> message, bool over_tcp, Reply reply) {
    auto query = parse_client_query(message, over_tcp);
    state_->counters.queries.add();
    if (!query) {  // the caller parsed it, so this does not happen; an answer is owed all the same
        query.emplace();
        if (message.size() >= 2) query->id = static_cast<std::uint16_t>(message[0] << 8 | message[1]);
        state_->counters.failures.add();
        reply(failure(*query, dns::Ede::other, "not a query"));
        return;
    }
    if (state_->stopping) {
        state_->counters.failures.add();
        reply(failure(*query, dns::Ede::not_ready, "stopping"));
        return;
    }
    if (state_->tasks.running() >= state_->settings.max_in_flight) {
        state_->counters.over_limit.add();
        reply(over_limit(*query));
        return;
    }
    auto shared = std::make_shared<const ClientQuery>(std::move(*query));
    state_->tasks.spawn("forward", State::relay(state_, std::move(shared), std::move(reply)));
}

asio::awaitable<bool> Forwarder::stop(milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    state->stopping = true;
    state->tasks.cancel_all();
    const bool ended = co_await state->tasks.join(limit);
    co_return ended;
}

const Counters& Forwarder::counters() const { return state_->counters; }

}  // namespace taskdns::forward
