// Every name that is not a service's. Layer: forward. HOT PATH: answer_now().
#include "forward/forwarder.hpp"

#include <boost/asio/steady_timer.hpp>

#include "forward/state.hpp"

namespace taskdns::forward {
namespace {

constexpr milliseconds drain_period{50};

const dns::ExtendedError too_many{dns::Ede::other, "too many queries to the upstream"};
const dns::ExtendedError stopping{dns::Ede::not_ready, "stopping"};
const dns::ExtendedError not_a_query{dns::Ede::other, "not a query"};
const dns::ExtendedError looped{dns::Ede::other, "forwarding loop"};

dns::Bytes failure(std::span<const std::uint8_t> head, const Client& client, const dns::ExtendedError& error) {
    dns::Bytes message(client.question_end + dns::opt_size + error.size());
    std::copy(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(client.question_end), message.begin());
    message.resize(write_failure(message, client, dns::Rcode::servfail, error));
    return message;
}

}  // namespace

Forwarder::Forwarder(asio::any_io_executor executor, std::vector<SocketAddress> servers, Settings settings,
                     upstream::QueryBudget& budget)
    : state_(std::make_shared<State>(std::move(executor), std::move(servers), std::move(settings), budget)) {}

Forwarder::~Forwarder() { state_->tasks.cancel_all(); }

void Forwarder::start() {
    for (std::size_t server = 0; server < state_->upstreams->size(); ++server) {
        state_->tasks.keep("loop probe", [upstreams = state_->upstreams, server] {
            return Upstreams::watch_for_loop(upstreams, server);
        });
    }
}

std::size_t Forwarder::answer_now(std::span<std::uint8_t> buffer, const dns::Query& query, bool over_tcp) {
    State& state = *state_;
    const Client client = Client::of(query, buffer.data(), over_tcp);
    if (state.upstreams->is_returned_probe(query.wire())) {
        return write_failure(buffer, client, dns::Rcode::nxdomain, looped);
    }
    const KeyView key(query.wire(), form_of(query, buffer.data()).packed(), state.hash);
    const TimePoint now = state.settings.now();
    const Decision decision = state.decide(key, now);
    switch (decision.course) {
        case Course::fresh: {
            const Served served = Served::fresh(*decision.entry, now);
            if (answer_size(client, served) > buffer.size()) return 0;  // counted by forward()
            return write_answer(buffer, client, state.hit(*decision.entry, now));
        }
        case Course::stale: {
            const Served served = state.stale(*decision.entry);
            if (answer_size(client, served) > buffer.size()) return 0;
            state.counters.stale.add();
            return write_answer(buffer, client, served);
        }
        case Course::over_limit:
            state.counters.over_limit.add();
            return write_failure(buffer, client, dns::Rcode::servfail, too_many);
        case Course::ask:
            break;
    }
    return 0;
}

void Forwarder::forward(std::span<const std::uint8_t> message, bool over_tcp, Reply reply) {
    State& state = *state_;
    dns::Query query;
    const dns::ParseOutcome parsed = dns::parse_query(message, query);
    if (parsed != dns::ParseOutcome::ok || state.stopping) {
        // The caller has parsed it, so it is a query; an answer is owed all the same.
        dns::Bytes head(message.begin(), message.end());
        head.resize(std::max({head.size(), dns::header_size, std::size_t{query.question_end}}));
        if (query.question_end == 0) query.question_end = dns::header_size;
        const Client client = Client::of(query, head.data(), over_tcp);
        state.counters.failures.add();
        reply(failure(head, client, state.stopping ? stopping : not_a_query));
        return;
    }
    const Client client = Client::of(query, message.data(), over_tcp);
    const KeyView key(query.wire(), form_of(query, message.data()).packed(), state.hash);
    const TimePoint now = state.settings.now();
    Decision decision = state.decide(key, now);
    switch (decision.course) {
        case Course::fresh:
            reply(message_for(message, client, state.hit(*decision.entry, now)));
            return;
        case Course::stale:
            state.counters.stale.add();
            reply(message_for(message, client, state.stale(*decision.entry)));
            return;
        case Course::over_limit:
            state.counters.over_limit.add();
            reply(failure(message, client, too_many));
            return;
        case Course::ask:
            break;
    }
    const auto head = message.first(client.question_end);
    state.wait_for(key, std::move(decision), {{head.begin(), head.end()}, client, std::move(reply)});
}

asio::awaitable<void> Forwarder::drain() {
    const std::shared_ptr<State> state = state_;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!state->stopping && state->flights.size() > 0) {
        timer.expires_after(drain_period);
        co_await timer.async_wait(as_result);
    }
}

asio::awaitable<bool> Forwarder::stop(milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    state->stopping = true;
    state->tasks.cancel_all();
    const bool ended = co_await state->tasks.join(limit);
    Outcome cancelled;
    cancelled.failure = Failure::cancelled;
    for (const Flights::Shared& flight : state->flights.all()) state->land(flight, cancelled);  // that never began
    co_return ended;
}

const Counters& Forwarder::counters() const { return state_->counters; }

const std::vector<SocketAddress>& Forwarder::servers() const { return state_->upstreams->servers(); }

const std::vector<upstream::ServerCounters>& Forwarder::server_counters() const {
    return state_->upstreams->server_counters();
}

}  // namespace taskdns::forward
