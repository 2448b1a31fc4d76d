// The upstream servers as the forwarder asks them. Layer: forward.
#include "forward/upstreams.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.hpp"
#include "upstream/exchange.hpp"

namespace taskdns::forward {
namespace {

using upstream::QueryBudget;

constexpr unsigned rcode_mask = 0x0F;       // what a header can hold
constexpr unsigned failures_to_report = 3;  // in a row: a datagram that is lost is no news

/// What a server says that does not know EDNS (RFC 6891 section 7, and section 6.2.2 on trying again without).
bool knows_no_edns(const UpstreamAnswer& answer) {
    if (answer.had_opt) return false;
    return answer.rcode == static_cast<unsigned>(dns::Rcode::formerr) ||
           answer.rcode == static_cast<unsigned>(dns::Rcode::notimp);
}

Failure failure_of(Errc code) {
    switch (code) {
        case Errc::timeout:
            return Failure::timeout;
        case Errc::malformed:
            return Failure::unusable;
        case Errc::over_limit:
            return Failure::over_limit;
        case Errc::internal:
            return Failure::local_fault;
        case Errc::cancelled:
            return Failure::cancelled;
        default:
            return Failure::network;
    }
}

/// No other server would do better.
bool is_final(Failure failure) { return failure == Failure::over_limit || failure == Failure::cancelled; }

}  // namespace

UpstreamAnswer answer_of(Outcome outcome, const Question& question) {
    if (outcome.answer) return std::move(*outcome.answer);
    constexpr seconds uncached{0};
    switch (outcome.failure) {
        case Failure::timeout:
            return failed_answer(question, dns::Ede::no_reachable_authority, "the upstream did not answer",
                                 failure_ttl);
        case Failure::network:
            return failed_answer(question, dns::Ede::network_error, "the upstream could not be reached", failure_ttl);
        case Failure::unusable:
            return failed_answer(question, dns::Ede::no_reachable_authority,
                                 "the upstream's answer could not be read", failure_ttl);
        case Failure::over_limit:
            return failed_answer(question, dns::Ede::other, "too many queries to the upstream", uncached);
        case Failure::local_fault:
            return failed_answer(question, dns::Ede::other, "this host cannot ask: " + outcome.detail, uncached);
        case Failure::loop:
            return failed_answer(question, dns::Ede::other, "forwarding loop", uncached);
        case Failure::cancelled:
            break;
    }
    return failed_answer(question, dns::Ede::not_ready, "stopping", uncached);
}

Upstreams::Upstreams(std::vector<SocketAddress> servers, Settings settings, QueryBudget& budget, Counters& counters)
    : servers_(std::move(servers)),
      settings_(std::move(settings)),
      budget_(budget),
      counters_(counters),
      server_counters_(servers_.size()),
      health_(servers_.size()),
      probes_(servers_.size()) {}

bool Upstreams::take(unsigned cost) {
    const bool taken = budget_.take(upstream::Purpose::forward, cost, settings_.now());
    if (!taken) counters_.budget_refusals.add();
    return taken;
}

bool Upstreams::may_ask(TimePoint now) const {
    return budget_.wait(upstream::Purpose::forward, QueryBudget::udp_cost, now) <= Duration(0);
}

milliseconds Upstreams::time_for_a_try() {
    const milliseconds longest = settings_.upstream.timeout;
    std::uniform_int_distribution<milliseconds::rep> sooner(0, longest.count() / 10);
    return longest - milliseconds(sooner(random_));
}

std::vector<std::size_t> Upstreams::servers_to_ask() {
    std::vector<std::size_t> order = health_.order(settings_.now());
    std::erase_if(order, [this](std::size_t server) { return probes_.loops(server); });
    return order;
}

asio::awaitable<Outcome> Upstreams::ask(Shared self, QuestionPtr question) {
    Outcome outcome;
    outcome.failure = Failure::loop;
    const std::vector<std::size_t> order = self->servers_to_ask();
    std::vector<bool> has_said_no(self->servers_.size());
    for (unsigned round = 0; round < self->settings_.upstream.attempts; ++round) {
        for (const std::size_t server : order) {
            if (has_said_no[server]) continue;
            Attempt attempt = co_await ask_server(self, question, server);
            if (attempt.answer) outcome.answer = std::move(attempt.answer);
            if (attempt.verdict == Verdict::answered) co_return outcome;
            has_said_no[server] = attempt.verdict == Verdict::negative;
            outcome.failure = attempt.failure;
            outcome.detail = std::move(attempt.detail);
            if (attempt.verdict == Verdict::failed && is_final(attempt.failure)) co_return outcome;
        }
    }
    co_return outcome;
}

asio::awaitable<Upstreams::Attempt> Upstreams::ask_server(Shared self, QuestionPtr question, std::size_t server) {
    Attempt attempt = co_await exchange(self, question, server, true);
    if (!attempt.answer || !knows_no_edns(*attempt.answer)) co_return attempt;
    Attempt again = co_await exchange(self, question, server, false);
    co_return again;
}

/// UDP first; at once over TCP where the answer was cut, so that the whole of it can be cached for everybody.
asio::awaitable<Upstreams::Attempt> Upstreams::exchange(Shared self, QuestionPtr question, std::size_t server,
                                                        bool with_opt) {
    const std::uint16_t id = upstream::random_id();
    const SocketAddress address = self->servers_[server];
    const milliseconds timeout = self->time_for_a_try();
    const dns::Bytes message = upstream_query(*question, id, with_opt);
    const upstream::Accepts accepts = [question, id](std::span<const std::uint8_t> answer) {
        return is_answer_to(*question, id, answer);
    };
    upstream::Ignored* const ignored = &self->counters_.ignored;
    const Error no_budget{Errc::over_limit, ""};
    if (!self->take(QueryBudget::udp_cost)) co_return self->failed(server, no_budget);
    self->server_counters_[server].udp_queries.add();
    const TimePoint sent = self->settings_.now();
    Result<dns::Bytes> answer = co_await upstream::exchange_udp(address, message, accepts, timeout, ignored);
    if (answer) {
        const TimePoint now = self->settings_.now();
        self->answered(server, now - sent, now);
    }
    if (answer && dns::truncated(*answer)) {
        if (!self->take(QueryBudget::tcp_cost)) co_return self->failed(server, no_budget);
        self->server_counters_[server].tcp_queries.add();
        const TimePoint sent_again = self->settings_.now();
        answer = co_await upstream::exchange_tcp(address, message, accepts, timeout, ignored);
        if (answer) self->server_counters_[server].round_trip.observe(self->settings_.now() - sent_again);
        if (!answer) co_return self->failed(server, answer.error(), Blame::nobody);
    }
    if (!answer) co_return self->failed(server, answer.error());
    co_return self->read(server, std::move(*answer), *question);
}

Upstreams::Attempt Upstreams::failed(std::size_t server, const Error& error, Blame blame) {
    Attempt attempt;
    attempt.failure = failure_of(error.code);
    attempt.detail = error.message;
    const bool is_local = attempt.failure == Failure::local_fault;
    if (!is_final(attempt.failure)) server_counters_[server].count_failure(error.code, false);
    if (attempt.failure == Failure::unusable) counters_.unusable.add();
    if (is_local) counters_.local_faults.add();
    if (!is_final(attempt.failure)) {
        set_local_fault(is_local, error.message);
        if (!is_local && blame == Blame::server) unanswered(server, error.message);
    }
    return attempt;
}

void Upstreams::answered(std::size_t server, Duration round_trip, TimePoint now) {
    if (health_.failures(server) >= failures_to_report) {
        log::info("forward", "an upstream server answers again", {{"server", servers_[server].to_string()}});
    }
    health_.answered(server, round_trip, now);
    server_counters_[server].round_trip.observe(round_trip);
}

void Upstreams::unanswered(std::size_t server, const std::string& reason) {
    health_.failed(server, settings_.now());
    if (health_.failures(server) != failures_to_report) return;
    log::warning("forward", "an upstream server does not answer",
                 {{"server", servers_[server].to_string()}, {"reason", reason}});
}

Upstreams::Attempt Upstreams::read(std::size_t server, dns::Bytes message, const Question& question) {
    set_local_fault(false, "");
    const bool truncated = dns::truncated(message);
    auto answer = read_upstream_answer(std::move(message), question, settings_.forward);
    if (!answer || truncated || answer->rcode > rcode_mask) {
        return failed(server, Error{Errc::malformed, "an answer that is not whole"});
    }
    counters_.foreign_records.add(answer->foreign_records);
    Attempt attempt;
    attempt.verdict = answer->is_failure() ? Verdict::negative : Verdict::answered;
    if (attempt.verdict == Verdict::negative) server_counters_[server].count_failure(Errc::bad_rcode, true);
    attempt.answer = std::move(answer);
    return attempt;
}

void Upstreams::set_local_fault(bool is_fault, const std::string& reason) {
    if (is_fault == has_local_fault_) return;
    has_local_fault_ = is_fault;
    if (is_fault) {
        log::error("forward", "this host cannot ask the upstream", {{"reason", reason}});
    } else {
        log::info("forward", "this host can ask the upstream again");
    }
}

void Upstreams::report_loop(std::size_t server) {
    counters_.loops.add();
    log::error("forward", "an upstream server sends our queries back to us: it is not asked while it does",
               {{"server", servers_[server].to_string()},
                {"mend", "let upstream.servers name a resolver that does not forward to taskdns"}});
}

asio::awaitable<void> Upstreams::watch_for_loop(Shared self, std::size_t server) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    while (cancellation.cancelled() == asio::cancellation_type::none) {
        Question question;
        question.name = self->probes_.begin(server);
        question.form.type = static_cast<std::uint16_t>(dns::RrType::a);
        const std::uint16_t id = upstream::random_id();
        dns::Bytes message = upstream_query(question, id, true);
        const upstream::Accepts accepts = [question, id](std::span<const std::uint8_t> answer) {
            return is_answer_to(question, id, answer);
        };
        bool answered = false;
        if (self->take(QueryBudget::udp_cost)) {
            self->server_counters_[server].udp_queries.add();
            const Result<dns::Bytes> answer = co_await upstream::exchange_udp(
                self->servers_[server], std::move(message), accepts, self->settings_.upstream.timeout);
            answered = answer.has_value();
            if (!answered && answer.error().code != Errc::cancelled) {
                self->server_counters_[server].count_failure(answer.error().code, false);
            }
            if (self->probes_.end(server)) {
                log::info("forward", "an upstream server no longer sends our queries back",
                          {{"server", self->servers_[server].to_string()}});
            }
        }
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
        const bool is_well = answered && !self->probes_.loops(server);
        timer.expires_after(self->settings_.probe_interval);
        co_await timer.async_wait(as_result);
        // A copy may come back later, by a longer way than the answer's: until now it would have counted.
        if (is_well && !self->probes_.loops(server)) {
            self->probes_.forget(server);
            co_return;
        }
    }
}

}  // namespace taskdns::forward
