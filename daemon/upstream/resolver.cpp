// Asks the upstream servers one question for a poll. Layer: upstream (may include base, dns, config, Asio).
// Threads: the control thread's executor.
#include "upstream/resolver.hpp"

#include <map>
#include <optional>
#include <tuple>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace taskdns::upstream {
namespace {

struct Before {
    bool operator()(const dns::Question& left, const dns::Question& right) const {
        return std::tie(left.name, left.type) < std::tie(right.name, right.type);
    }
};

/// A question that is being asked, and those who wait for its answer.
struct Flight {
    explicit Flight(const asio::any_io_executor& executor) : landed(executor, never) {}

    std::optional<Result<dns::Response>> outcome;
    asio::steady_timer landed;  // never expires; cancelled when there is an outcome
    asio::cancellation_signal cancellation;
    unsigned waiting = 0;
};

/// What server_status() says beyond the counters.
struct ServerHistory {
    bool failing = false;
    Duration round_trip{0};
    TimePoint last_answer = never;
    std::string last_error;
};

const Error cancelled{Errc::cancelled, "cancelled"};

Accepts only_answers(std::uint16_t id, const dns::Question& question) {
    return [id, question](std::span<const std::uint8_t> message) { return dns::answers(message, id, question); };
}

}  // namespace

struct Resolver::State {
    State(asio::any_io_executor e, std::vector<SocketAddress> s, config::Upstream u, QueryBudget& b)
        : executor(std::move(e)),
          servers(std::move(s)),
          settings(std::move(u)),
          budget(b),
          server_counters(servers.size()),
          histories(servers.size()) {}

    using Shared = std::shared_ptr<State>;
    class Landing;

    static asio::awaitable<Result<dns::Response>> resolve(Shared state, dns::Question question);
    static asio::awaitable<Result<dns::Response>> join(Shared state, dns::Question question);
    static std::shared_ptr<Flight> depart(const Shared& state, const dns::Question& question);
    static asio::awaitable<Result<dns::Response>> ask_in_turn(Shared state, dns::Question question);
    static asio::awaitable<Result<dns::Response>> ask(Shared state, std::size_t server, dns::Question question);
    static asio::awaitable<Result<dns::Bytes>> exchange(Shared state, std::size_t server, dns::Question question);
    static asio::awaitable<bool> take_budget(Shared state, unsigned cost);
    void note_answer(std::size_t server, TimePoint sent);
    void note_failure(std::size_t server, const Error& error, bool is_rcode);
    Result<dns::Response> read(std::size_t server, const dns::Bytes& message);

    asio::any_io_executor executor;
    std::vector<SocketAddress> servers;
    config::Upstream settings;
    QueryBudget& budget;
    Counters counters;
    std::vector<ServerCounters> server_counters;
    std::vector<ServerHistory> histories;
    std::map<dns::Question, std::shared_ptr<Flight>, Before> in_flight;
};

/// Keeps the caller's setting of what cancellation does (see exchange.cpp).
asio::awaitable<Result<dns::Response>> Resolver::State::resolve(Shared state, dns::Question question) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    Result<dns::Response> result = co_await join(std::move(state), std::move(question));
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return result;
}

/// Waits for the question's one flight. Who is cancelled leaves alone; the last to leave takes the flight down.
asio::awaitable<Result<dns::Response>> Resolver::State::join(Shared state, dns::Question question) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return cancelled;
    const auto found = state->in_flight.find(question);
    const auto flight = found != state->in_flight.end() ? found->second : depart(state, question);
    ++flight->waiting;
    if (!flight->outcome) co_await flight->landed.async_wait(as_result);
    --flight->waiting;
    if (flight->outcome) co_return *flight->outcome;
    if (flight->waiting == 0) {
        state->in_flight.erase(question);  // whoever asks from now on asks anew
        flight->cancellation.emit(asio::cancellation_type::terminal);
    }
    co_return cancelled;
}

/// Called when the flight's coroutine has ended. Destroyed with it, the flight has failed for want of memory: in any
/// case it lands, and nobody waits for ever.
class Resolver::State::Landing {
public:
    Landing(Shared state, std::shared_ptr<Flight> flight, dns::Question question)
        : state_(std::move(state)), flight_(std::move(flight)), question_(std::move(question)) {}
    Landing(Landing&&) = default;
    Landing& operator=(Landing&&) = delete;
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    ~Landing() {
        if (state_) land(no_memory());
    }
    void operator()(const std::exception_ptr& exception, Result<dns::Response> outcome) {
        land(exception ? no_memory() : std::move(outcome));
    }

private:
    /// Short enough for a string that needs none.
    static Result<dns::Response> no_memory() { return Error{Errc::internal, "no memory"}; }

    void land(Result<dns::Response> outcome) {
        const Shared state = std::move(state_);
        flight_->outcome = std::move(outcome);
        const auto entry = state->in_flight.find(question_);
        if (entry != state->in_flight.end() && entry->second == flight_) state->in_flight.erase(entry);
        flight_->landed.cancel();
    }

    Shared state_;
    std::shared_ptr<Flight> flight_;
    dns::Question question_;
};

std::shared_ptr<Flight> Resolver::State::depart(const Shared& state, const dns::Question& question) {
    auto flight = std::make_shared<Flight>(state->executor);
    Landing landing(state, flight, question);
    state->in_flight[question] = flight;
    try {
        asio::co_spawn(state->executor, ask_in_turn(state, question),
                       asio::bind_cancellation_slot(flight->cancellation.slot(), std::move(landing)));
    } catch (const std::exception&) {  // no memory to begin: `landing` is destroyed, or will be
    }
    return flight;
}

/// Every server in each round, always from the first: the user's order is an order of preference.
asio::awaitable<Result<dns::Response>> Resolver::State::ask_in_turn(Shared state, dns::Question question) {
    co_await asio::this_coro::throw_if_cancelled(false);
    Error last{Errc::internal, "no upstream server"};
    for (unsigned round = 0; round < state->settings.attempts; ++round) {
        for (std::size_t server = 0; server < state->servers.size(); ++server) {
            Result<dns::Response> response = co_await ask(state, server, question);
            if (response || response.error().code == Errc::cancelled) co_return response;
            last = response.error();
        }
    }
    co_return last;
}

asio::awaitable<Result<dns::Response>> Resolver::State::ask(Shared state, std::size_t server,
                                                            dns::Question question) {
    Result<dns::Bytes> message = Error{Errc::internal, "no memory"};
    try {
        message = co_await exchange(state, server, std::move(question));
        if (message) co_return state->read(server, *message);
    } catch (const std::bad_alloc&) {  // our own fault, not the server's
        message = Error{Errc::internal, "no memory"};
    }
    if (message.error().code != Errc::cancelled) state->note_failure(server, message.error(), false);
    co_return message.error();
}

asio::awaitable<Result<dns::Bytes>> Resolver::State::exchange(Shared state, std::size_t server,
                                                              dns::Question question) {
    const SocketAddress address = state->servers[server];
    const bool may_ask = co_await take_budget(state, QueryBudget::udp_cost);
    if (!may_ask) co_return cancelled;
    std::uint16_t id = random_id();
    dns::Bytes query = dns::build_query(id, question);
    Accepts accepts = only_answers(id, question);
    state->server_counters[server].udp_queries.add();
    TimePoint sent = Clock::now();
    Result<dns::Bytes> message = co_await exchange_udp(address, std::move(query), std::move(accepts),
                                                       state->settings.timeout, &state->counters.ignored);
    if (message) state->note_answer(server, sent);
    if (!message || !dns::truncated(*message)) co_return message;

    const bool may_ask_again = co_await take_budget(state, QueryBudget::tcp_cost);
    if (!may_ask_again) co_return cancelled;
    id = random_id();
    query = dns::build_query(id, question);
    accepts = only_answers(id, question);
    state->server_counters[server].tcp_queries.add();
    sent = Clock::now();
    message = co_await exchange_tcp(address, std::move(query), std::move(accepts), state->settings.timeout,
                                    &state->counters.ignored);
    if (message) state->note_answer(server, sent);
    co_return message;
}

/// False if cancelled while waiting.
asio::awaitable<bool> Resolver::State::take_budget(Shared state, unsigned cost) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    asio::steady_timer timer(state->executor);
    for (bool waits = false; cancellation.cancelled() == asio::cancellation_type::none; waits = true) {
        const TimePoint now = Clock::now();
        if (state->budget.take(Purpose::poll, cost, now)) co_return true;
        if (!waits) state->counters.budget_waits.add();
        timer.expires_at(now + state->budget.wait(Purpose::poll, cost, now));
        co_await timer.async_wait(as_result);
    }
    co_return false;
}

void Resolver::State::note_answer(std::size_t server, TimePoint sent) {
    ServerHistory& history = histories[server];
    history.last_answer = Clock::now();
    history.round_trip = history.last_answer - sent;
    history.failing = false;
    server_counters[server].round_trip.observe(history.round_trip);
}

void Resolver::State::note_failure(std::size_t server, const Error& error, bool is_rcode) {
    histories[server].failing = true;
    histories[server].last_error = error.message;
    server_counters[server].count_failure(error.code, is_rcode);
}

Result<dns::Response> Resolver::State::read(std::size_t server, const dns::Bytes& message) {
    Result<dns::Response> response = dns::parse_response(message);
    // Over UDP it would have been asked for over TCP: whatever is left of it must not pass for all there are.
    if (response && response->truncated) response = Error{Errc::malformed, "truncated over TCP"};
    const std::string from = " from " + servers[server].to_string();
    if (!response) {
        const bool is_ours = response.error().code == Errc::internal;
        const std::string what = is_ours ? "cannot read the answer" : "malformed answer";
        const Error error{response.error().code, what + from + ": " + response.error().message};
        note_failure(server, error, false);
        return error;
    }
    const dns::Rcode rcode = response->rcode;
    if (rcode == dns::Rcode::noerror || rcode == dns::Rcode::nxdomain) return response;
    const Error error{rcode == dns::Rcode::refused ? Errc::refused : Errc::bad_rcode, dns::to_string(rcode) + from};
    note_failure(server, error, true);
    return error;
}

Resolver::Resolver(asio::any_io_executor executor, std::vector<SocketAddress> servers, config::Upstream settings,
                   QueryBudget& budget)
    : state_(std::make_shared<State>(std::move(executor), std::move(servers), std::move(settings), budget)) {}

Resolver::~Resolver() {
    // A flight may land, and leave the map, while its signal is being emitted: hold them first.
    const auto flights = state_->in_flight;
    for (const auto& [question, flight] : flights) flight->cancellation.emit(asio::cancellation_type::terminal);
}

asio::awaitable<Result<dns::Response>> Resolver::resolve(dns::Question question) {
    return State::resolve(state_, std::move(question));
}

const Counters& Resolver::counters() const { return state_->counters; }

const std::vector<SocketAddress>& Resolver::servers() const { return state_->servers; }

const std::vector<ServerCounters>& Resolver::server_counters() const { return state_->server_counters; }

std::vector<ServerStatus> Resolver::server_status() const {
    std::vector<ServerStatus> out;
    out.reserve(state_->servers.size());
    for (std::size_t i = 0; i < state_->servers.size(); ++i) {
        const ServerCounters& counters = state_->server_counters[i];
        const ServerHistory& history = state_->histories[i];
        out.push_back({.address = state_->servers[i],
                       .queries = counters.queries(),
                       .failures = counters.failures(),
                       .failing = history.failing,
                       .round_trip = history.round_trip,
                       .last_answer = history.last_answer,
                       .last_error = history.last_error});
    }
    return out;
}

}  // namespace taskdns::upstream
