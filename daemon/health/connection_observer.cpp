// The observer at work: one loop that reads ends of connections, one that dumps the living. Layer: health.
#include "health/connection_observer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "base/task_group.hpp"
#include "health/diag_sockets.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;

constexpr auto dump_period = 1s;
constexpr int dump_share = 50;              // a dump costs CPU time per socket: at most 2 % of a core
constexpr auto longest_period = 5s;         // whatever it costs: what is older says nothing of now
constexpr auto dump_patience = 2s;          // for one family
constexpr auto own_sockets_kept = 2min;     // a probe's socket may live on until its FIN is answered
constexpr auto breath = 4ms;                // between batches while many connections end: one wake for all of them
constexpr std::size_t many = 4;             // in one batch: they come faster than one in a millisecond
constexpr std::size_t most_in_a_row = 16;   // batches, before others have their turn
constexpr std::size_t dump_octets = 32768;  // the kernel fills no more at a time

/// CPU time of this thread, in the kernel too: a dump is made on the time of whoever reads it.
Duration thread_time() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

struct ConnectionObserver::State {
    State(asio::any_io_executor run_on, std::shared_ptr<OwnSockets> own_sockets, Callbacks what_to_call)
        : executor(run_on),
          own(std::move(own_sockets)),
          callbacks(std::move(what_to_call)),
          ledger(callbacks.is_endpoint, *own),
          dump_timer(run_on, never),
          pause_timer(run_on),
          tasks(run_on) {}

    static asio::awaitable<void> watch_ends(std::shared_ptr<State> state);
    static asio::awaitable<void> watch_living(std::shared_ptr<State> state);
    static asio::awaitable<void> dump_all(std::shared_ptr<State> state);
    static asio::awaitable<bool> dump(std::shared_ptr<State> state, int family);
    static asio::awaitable<bool> read_dump(std::shared_ptr<State> state, LivingSockets& sockets, TimePoint give_up);
    void read_some();
    void report();
    void end();

    asio::any_io_executor executor;
    std::shared_ptr<OwnSockets> own;
    Callbacks callbacks;
    ConnectionLedger ledger;
    Counters counters;
    std::unique_ptr<DestroyedSockets> destroyed;
    std::vector<std::uint16_t> ports;
    bool in_use = false;
    bool ended = false;
    bool broken = false;
    bool filtered = true;
    TimePoint next_dump{};
    Duration dump_cost{};  // of the one in progress
    asio::steady_timer dump_timer;
    asio::steady_timer pause_timer;
    DiagMessages messages;                     // reused
    std::vector<std::uint8_t> dump_buffer;     // only while dumps are made
    std::vector<ConnectionEvidence> evidence;  // reused
    TaskGroup tasks;
};

/// Hands on what has been found. A callback may stop us.
void ConnectionObserver::State::report() {
    std::vector<ConnectionEvidence> found;
    found.swap(evidence);
    for (const ConnectionEvidence& one : found) {
        if (!ended) callbacks.on_evidence(one);
    }
    found.clear();
    if (evidence.empty()) evidence.swap(found);  // keeps its memory
}

/// Reads what is there, or as much of it as one turn allows.
void ConnectionObserver::State::read_some() {
    const TimePoint now = Clock::now();
    for (std::size_t i = 0; i < most_in_a_row; ++i) {
        const auto read = destroyed->read([&](std::span<const std::uint8_t> datagram) {
            messages.sockets.clear();
            parse_diag_messages(datagram, messages);
            for (const TcpSocket& socket : messages.sockets) ledger.destroyed(socket, now, evidence);
        });
        counters.events.add(read.datagrams);
        if (read.lost) counters.events_lost.add();  // the next dump knows the living, probes find the others
        broken = broken || read.broken;
        if (read.emptied || ended) return;
    }
}

/// Without a pause while few connections end, so that each is heard of at once; else in batches, out of the event
/// loop.
asio::awaitable<void> ConnectionObserver::State::watch_ends(std::shared_ptr<State> state) {
    co_await asio::this_coro::throw_if_cancelled(false);
    bool busy = false;
    while (!state->ended && !state->broken) {
        if (busy) {
            state->pause_timer.expires_after(breath);
            co_await state->pause_timer.async_wait(as_result);
        } else {
            co_await state->destroyed->descriptor().async_wait(asio::posix::stream_descriptor::wait_read, as_result);
        }
        if (state->ended) break;
        try {
            const std::uint64_t before = state->counters.events.value();
            state->read_some();
            busy = state->counters.events.value() - before >= (busy ? 1 : many);
            state->report();
        } catch (const std::exception&) {  // no memory: as if the kernel had lost them
            state->counters.events_lost.add();
            busy = true;
        }
        if (!state->destroyed->mute(busy)) state->broken = true;
    }
}

asio::awaitable<bool> ConnectionObserver::State::read_dump(std::shared_ptr<State> state, LivingSockets& sockets,
                                                           TimePoint give_up) {
    asio::steady_timer timer(state->executor);
    while (!state->ended && Clock::now() < give_up) {
        const Duration before = thread_time();
        const auto datagram = sockets.read(state->dump_buffer);
        if (!datagram) co_return false;
        if (datagram->empty()) {  // hardly ever: the kernel fills the next one while it gives one out
            timer.expires_after(1ms);
            co_await timer.async_wait(as_result);
            continue;
        }
        DiagMessages& messages = state->messages;
        messages = {.sockets = std::move(messages.sockets)};
        messages.sockets.clear();
        parse_diag_messages(*datagram, messages);
        for (const TcpSocket& socket : messages.sockets) state->ledger.living(socket);
        state->dump_cost += thread_time() - before;
        if (messages.error != 0 || messages.interrupted) co_return false;
        if (messages.done) co_return true;
        co_await asio::post(state->executor, asio::use_awaitable);  // others have their turn
    }
    co_return false;
}

asio::awaitable<bool> ConnectionObserver::State::dump(std::shared_ptr<State> state, int family) {
    auto sockets = LivingSockets::ask(state->executor, family, state->ports);
    if (!sockets) co_return false;
    const TimePoint give_up = Clock::now() + dump_patience;
    const bool complete = co_await read_dump(state, *sockets, give_up);
    co_return complete;
}

asio::awaitable<void> ConnectionObserver::State::watch_living(std::shared_ptr<State> state) {
    co_await asio::this_coro::throw_if_cancelled(false);
    TimePoint next_aging = Clock::now() + own_sockets_kept;
    while (!state->ended) {
        const bool wanted = state->in_use && !state->ports.empty();
        if (!wanted || Clock::now() < state->next_dump) {
            state->dump_timer.expires_at(wanted ? state->next_dump : never);
            co_await state->dump_timer.async_wait(as_result);
            continue;
        }
        const TimePoint begin = Clock::now();
        if (begin >= next_aging) {
            state->own->age();
            next_aging = begin + own_sockets_kept;
        }
        state->next_dump = begin + dump_period;
        state->dump_cost = Duration::zero();
        try {
            co_await dump_all(state);
        } catch (const std::exception&) {  // no memory: the next one may go well
            state->counters.failed_dumps.add();
        }
        state->next_dump = begin + std::clamp<Duration>(dump_share * state->dump_cost, dump_period, longest_period);
    }
}

asio::awaitable<void> ConnectionObserver::State::dump_all(std::shared_ptr<State> state) {
    state->dump_buffer.resize(dump_octets);
    state->ledger.begin_dump(Clock::now());
    const bool v4 = co_await dump(state, AF_INET);
    const bool v6 = co_await dump(state, AF_INET6);
    if (state->ended) co_return;
    const bool complete = v4 && v6;
    state->ledger.end_dump(complete, state->evidence);
    (complete ? state->counters.dumps : state->counters.failed_dumps).add();
    state->report();
    if (complete && !state->ended) state->callbacks.on_dump();
}

void ConnectionObserver::State::end() {
    ended = true;
    tasks.cancel_all();
}

ConnectionObserver::ConnectionObserver(asio::any_io_executor executor, std::shared_ptr<OwnSockets> own,
                                       Callbacks callbacks)
    : state_(std::make_shared<State>(std::move(executor), std::move(own), std::move(callbacks))) {}

ConnectionObserver::~ConnectionObserver() { state_->end(); }

/// Whether the kernel answers: one without the module for TCP takes the question, too.
Result<void> ConnectionObserver::try_dump() {
    auto living = LivingSockets::ask(state_->executor, AF_INET, {});
    if (!living) return std::move(living).error();
    std::vector<std::uint8_t> buffer(dump_octets);
    const auto reply = living->read(buffer);
    if (!reply) return reply.error();
    DiagMessages messages;
    parse_diag_messages(*reply, messages);
    if (messages.error == 0) return {};
    return Error{Errc::internal, std::string("a dump of TCP sockets: ") + std::strerror(messages.error)};
}

Result<void> ConnectionObserver::start() {
    auto destroyed = DestroyedSockets::open(state_->executor);
    if (!destroyed) return std::move(destroyed).error();
    const Result<void> dumps = try_dump();
    if (!dumps) return dumps.error();
    state_->destroyed = std::move(*destroyed);
    const std::weak_ptr<State> state = state_;
    state_->tasks.keep("ends of connections", [state] { return State::watch_ends(state.lock()); });
    state_->tasks.keep("living connections", [state] { return State::watch_living(state.lock()); });
    return {};
}

void ConnectionObserver::set_ports(const std::vector<std::uint16_t>& ports) {
    if (ports == state_->ports) return;
    state_->ports = ports;
    state_->ledger.pause();  // connections to a new port are not known to be old
    if (!state_->destroyed) return;
    const bool filtered = state_->destroyed->set_ports(ports);
    if (std::exchange(state_->filtered, filtered) && !filtered) {
        log::warning("health", "too many ports for a filter in the kernel: the ends of all connections are read",
                     {{"ports", ports.size()}, {"see", "net.core.optmem_max"}});
    }
    state_->dump_timer.cancel();
}

void ConnectionObserver::set_in_use(bool in_use) {
    if (state_->in_use == in_use) return;
    state_->in_use = in_use;
    if (in_use) {
        state_->dump_timer.cancel();
        return;
    }
    state_->ledger.pause();
    state_->dump_buffer = {};
}

const EndpointConnections* ConnectionObserver::find(const SocketAddress& endpoint) const {
    return state_->ledger.find(endpoint);
}

void ConnectionObserver::each(
    const std::function<void(const SocketAddress&, const EndpointConnections&)>& visit) const {
    state_->ledger.each(visit);
}

void ConnectionObserver::count_refused(const SocketAddress& endpoint) {
    state_->ledger.count_refused(endpoint, Clock::now());
}

bool ConnectionObserver::seen_any() const { return state_->ledger.seen_any(); }

bool ConnectionObserver::works() const { return !state_->broken; }

const ConnectionObserver::Counters& ConnectionObserver::counters() const { return state_->counters; }

asio::awaitable<bool> ConnectionObserver::stop(milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    state->end();
    const bool all_ended = co_await state->tasks.join(limit);
    co_return all_ended;
}

}  // namespace taskdns::health
