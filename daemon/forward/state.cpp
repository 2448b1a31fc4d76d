// What the forwarder does with a question: fresh, stale, asked, refused. Layer: forward. HOT PATH: decide(), hit().
#include "forward/state.hpp"

#include <random>

#include <boost/asio/post.hpp>

#include "base/log.hpp"

namespace taskdns::forward {
namespace {

constexpr std::size_t waiting_per_flight = 4;
constexpr std::uint32_t stale_ttl = 30;  // RFC 8767 section 5
constexpr seconds retry_after{5};        // RFC 8767 section 5: no more often than every 5 s where a try has failed
constexpr std::uint32_t popular = 2;     // questions since the answer was fetched

const dns::ExtendedError stale_answer{dns::Ede::stale_answer, {}};
const dns::ExtendedError stale_nxdomain{static_cast<dns::Ede>(19), {}};  // RFC 8914 section 4.20
const dns::ExtendedError cached_error{static_cast<dns::Ede>(13), {}};    // RFC 8914 section 4.14

/// The upstream could tell, and says no: what failed validation (RFC 8914 sections 4.6 to 4.13) or is blocked (4.16
/// to 4.19) does not come back as a stale answer.
bool is_refusal(std::span<const std::uint8_t> errors) {
    for (std::size_t at = 0; at + 6 <= errors.size(); at += std::size_t{4} + dns::read_u16(&errors[at + 2])) {
        const unsigned code = dns::read_u16(&errors[at + 4]);
        if ((code >= 5 && code <= 12) || (code >= 15 && code <= 18)) return true;
    }
    return false;
}

KeyedHash::Key random_key() {
    std::random_device random;
    const auto word = [&random] { return std::uint64_t{random()} << 32 | random(); };
    const std::uint64_t first = word();
    return {first, word()};
}

}  // namespace

dns::Bytes message_for(std::span<const std::uint8_t> head, const Client& client, const Served& served) {
    dns::Bytes message(answer_size(client, served));
    std::copy(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(client.question_end), message.begin());
    message.resize(write_answer(message, client, served));
    return message;
}

Forwarder::State::State(asio::any_io_executor e, std::vector<SocketAddress> servers, Settings s,
                        upstream::QueryBudget& budget)
    : executor(e),
      settings(std::move(s)),
      hash(random_key()),
      cache(settings.forward.cache_bytes, settings.forward.serve_stale),
      most_waiting(waiting_per_flight * settings.forward.max_in_flight),
      upstreams(std::make_shared<Upstreams>(std::move(servers), settings, budget, counters)),
      tasks(std::move(e)) {
    update_gauges();
}

Decision Forwarder::State::decide(const KeyView& key, TimePoint now) {
    Decision out;
    Entry* const entry = cache.find(key);
    if (entry != nullptr && now < entry->expiry) {
        out.course = Course::fresh;
        out.entry = entry;
        return out;
    }
    if (entry != nullptr && cache.is_usable_when_stale(*entry, now)) out.entry = entry;
    out.flight = flights.find(key);
    const bool has_room =
        waiting < most_waiting &&
        (out.flight != nullptr || (flights.size() < settings.forward.max_in_flight && upstreams->may_ask(now)));
    const bool waits_too_long = out.flight != nullptr && out.flight->overdue;
    if (out.entry != nullptr && (now < out.entry->retry_at || waits_too_long || !has_room)) {
        out.course = Course::stale;
    } else if (!has_room) {
        out.course = Course::over_limit;
    }
    return out;
}

Served Forwarder::State::stale(const Entry& entry) const {
    // A name that does not exist is looked for again as soon as the upstream is back: people wait for it.
    const auto negative = static_cast<std::uint32_t>(settings.forward.negative_ttl.count());
    const std::uint32_t ttl = entry.kind == Kind::positive ? stale_ttl : std::clamp(negative, 1U, stale_ttl);
    return {entry.message(),
            entry.ttls(),
            entry.errors(),
            entry.additional(),
            false,  // nobody vouches for it any more
            0,
            ttl,
            entry.kind == Kind::nxdomain ? &stale_nxdomain : &stale_answer};
}

Served Forwarder::State::hit(Entry& entry, TimePoint now) {
    counters.hits.add();
    ++entry.hits;
    if (now >= entry.prefetch_at && entry.hits >= popular && !entry.prefetched && !entry.is_failure()) {
        entry.prefetched = true;
        // Not here: whoever asked shall not wait while a query is sent.
        asio::post(executor,
                   [state = shared_from_this(), question = Question::of(entry.key())] { state->prefetch(question); });
    }
    Served served = Served::fresh(entry, now);
    if (entry.is_failure()) served.error = &cached_error;
    return served;
}

/// Half of the room for questions stays free for those that somebody waits for.
void Forwarder::State::prefetch(const Question& question) {
    if (stopping || flights.size() >= settings.forward.max_in_flight / 2 || flights.find(question.key()) != nullptr) {
        return;
    }
    if (!upstreams->may_ask(settings.now())) return;
    counters.prefetches.add();
    depart(flights.add(std::make_shared<const Question>(question)));
}

void Forwarder::State::wait_for(const KeyView& key, Decision decision, Waiter waiter) {
    counters.queries.add();
    const bool joins = decision.flight != nullptr;
    if (joins) counters.joined.add();
    const Flights::Shared flight =
        joins ? decision.flight : flights.add(std::make_shared<const Question>(Question::of(key)));
    flight->waiters.push_back(std::move(waiter));
    ++waiting;
    if (!joins) depart(flight);
    if (decision.entry != nullptr && !flight->stale_timer && !flight->waiters.empty()) arm_stale_timer(flight);
    update_gauges();
}

void Forwarder::State::depart(const Flights::Shared& flight) {
    try {
        tasks.spawn("forward", fly(shared_from_this(), flight));
    } catch (const std::exception&) {  // no memory: nobody shall wait for a flight that never began
        Outcome outcome;
        outcome.failure = Failure::local_fault;
        outcome.detail = "no memory";
        land_safely(flight, std::move(outcome));
    }
    update_gauges();
}

/// Lands with its coroutine, also where that is destroyed for want of memory: those who wait are told.
class Forwarder::State::Landing {
public:
    Landing(State& state, const Flights::Shared& flight) : state_(state), flight_(flight) {
        outcome.failure = Failure::local_fault;
        outcome.detail = "no memory";
    }
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    ~Landing() { state_.land_safely(flight_, std::move(outcome)); }

    Outcome outcome;

private:
    State& state_;
    const Flights::Shared& flight_;
};

asio::awaitable<void> Forwarder::State::fly(std::shared_ptr<State> self, Flights::Shared flight) {
    co_await asio::this_coro::throw_if_cancelled(false);
    Landing landing(*self, flight);
    try {
        landing.outcome = co_await Upstreams::ask(self->upstreams, flight->question);
    } catch (const std::exception&) {  // no memory: those who wait are answered all the same
        landing.outcome.failure = Failure::local_fault;
    }
}

/// Without memory even for that, those who wait ask again: nobody joins a flight that has ended.
void Forwarder::State::land_safely(const Flights::Shared& flight, Outcome outcome) noexcept try {
    land(flight, std::move(outcome));
} catch (const std::exception&) {
    flights.remove(*flight);
    if (flight->stale_timer) flight->stale_timer->cancel();
    waiting -= flight->waiters.size();
    counters.failures.add(flight->waiters.size());
    flight->waiters.clear();
    update_gauges();
}

void Forwarder::State::land(const Flights::Shared& flight, Outcome outcome) {
    flights.remove(*flight);
    if (flight->stale_timer) flight->stale_timer->cancel();
    const bool by_upstream =
        outcome.answer || (outcome.failure != Failure::over_limit && outcome.failure != Failure::local_fault &&
                           outcome.failure != Failure::cancelled);
    const bool is_limit = !outcome.answer && outcome.failure == Failure::over_limit;
    const bool was_answered = outcome.answer.has_value();
    UpstreamAnswer answer = answer_of(std::move(outcome), *flight->question);
    if (answer.is_failure()) {
        const KeyView key = flight->question->key();
        const TimePoint now = settings.now();
        Entry* const entry = cache.find(key);
        const bool good =
            entry != nullptr && !entry->is_failure() &&
            (now < entry->expiry || (cache.is_usable_when_stale(*entry, now) && !is_refusal(answer.errors)));
        if (good) {
            if (by_upstream) entry->retry_at = now + retry_after;
            answer_all(*flight, now < entry->expiry ? Served::fresh(*entry, now) : stale(*entry), counters.stale);
        } else {
            store(key, answer, now);  // a limit or fault of ours has a lifetime of 0
            answer_all(*flight, Served::fresh(answer),
                       was_answered ? counters.answers
                       : is_limit   ? counters.over_limit
                                    : counters.failures);
        }
    } else {
        // NOERROR and NXDOMAIN replace what there was, also where they cannot be cached (RFC 8767 section 4).
        store(flight->question->key(), answer, settings.now());
        answer_all(*flight, Served::fresh(answer), counters.answers);
    }
    update_gauges();
}

/// Without memory for it, it is given to those who wait all the same, and the next who asks has it asked again.
void Forwarder::State::store(const KeyView& key, const UpstreamAnswer& answer, TimePoint now) noexcept try {
    cache.store(key, answer, now);
} catch (const std::exception&) {
    counters.uncached.add();
}

void Forwarder::State::arm_stale_timer(const Flights::Shared& flight) {
    flight->stale_timer.emplace(executor, settings.forward.stale_after);
    flight->stale_timer->async_wait([state = weak_from_this(), flight](const boost::system::error_code& error) {
        const auto self = state.lock();
        if (!error && self) self->give_stale(flight);
    });
}

/// The query goes on: its answer is for the next who asks.
void Forwarder::State::give_stale(const Flights::Shared& flight) {
    flight->overdue = true;
    Entry* const entry = cache.find(flight->question->key());
    if (entry == nullptr || !cache.is_usable_when_stale(*entry, settings.now())) return;
    answer_all(*flight, stale(*entry), counters.stale);
    update_gauges();
}

void Forwarder::State::answer_all(Flight& flight, const Served& served, Counter& each) {
    const std::vector<Waiter> waiters = std::move(flight.waiters);
    flight.waiters.clear();
    waiting -= waiters.size();
    for (const Waiter& waiter : waiters) {
        try {
            waiter.reply(message_for(waiter.head, waiter.client, served));
            each.add();
        } catch (const std::exception&) {  // no memory for this one: it asks again; the others have theirs
            counters.failures.add();
        }
    }
}

void Forwarder::State::update_gauges() {
    counters.cache_entries.set(cache.entries());
    counters.cache_bytes.set(cache.bytes());
    counters.in_flight.set(flights.size());
    counters.waiting.set(waiting);
    counters.evictions.add(cache.evictions() - counters.evictions.value());
}

}  // namespace taskdns::forward
