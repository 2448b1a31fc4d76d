// The HTTP listeners. Layer: http_server.
#include "http_server/listener.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "base/task_group.hpp"
#include "http_server/render.hpp"
#include "http_server/session.hpp"

namespace taskdns::http_server {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr milliseconds pause_after_error{100};  // EMFILE and the like do not go away at once
constexpr int backlog = 128;
constexpr int largest_send_buffer = 64 * 1024;
constexpr milliseconds answer_time{1'000};  // for those who wait when the server stops
constexpr std::size_t buffer_slack = 1024;  // Beast's limit on the header must hit before the buffer is full

Error describe(const error_code& error, const SocketAddress& address) {
    const std::string what = "cannot listen for HTTP on " + address.to_string() + ": " + error.message();
    if (error == asio::error::address_in_use) {
        return {Errc::internal,
                what + "; another process has this port: stop it, or set another port in listen.http"};
    }
    if (error == asio::error::access_denied || error == asio::error::no_permission) return {Errc::denied, what};
    if (error == boost::system::errc::address_not_available) {
        return {Errc::internal, what + "; no interface here has that address: correct listen.http"};
    }
    return {Errc::internal, what};
}

struct Listening {
    explicit Listening(const asio::any_io_executor& executor) : acceptor(executor) {}

    tcp::acceptor acceptor;
    SocketAddress bound;
    Access access;
    bool accepting = false;
    bool loopback = true;
    bool accept_failing = false;  // said in the log already

    void set(const ServerSettings& settings) {
        access.hosts = settings.hosts;
        access.everything = loopback || settings.allow_admin;
    }
};

/// A connection is in a set as long as it lives, whatever ends its session, and is closed then.
class Member {
public:
    Member(std::set<std::shared_ptr<Connection>>& all, std::shared_ptr<Connection> one, Gauge* size)
        : all_(all), one_(std::move(one)), size_(size) {
        all_.insert(one_);
        show();
    }
    ~Member() {
        all_.erase(one_);
        one_->close();
        show();
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

private:
    void show() {
        if (size_ != nullptr) size_->set(all_.size());
    }

    std::set<std::shared_ptr<Connection>>& all_;
    std::shared_ptr<Connection> one_;
    Gauge* size_;  // null: not counted
};

error_code open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (error) return error;
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);  // old connections in TIME_WAIT do not matter
    if (error) return error;
    if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
    if (error) return error;
    acceptor.bind(endpoint, error);
    if (error) return error;
    acceptor.listen(backlog, error);
    return error;
}

/// `text` is written only where somebody reads it.
template <class Text>
void tell(Shared& shared, std::uint64_t index, Text text) {
    if (shared.events.wanted(Clock::now())) {
        shared.events.add(index, text());
        shared.counters.events.add();
    }
    shared.watchers.wake(shared.model);
}

}  // namespace

bool may_ask(const IpAddress& peer, bool loopback_listener, const std::vector<Network>& allow) {
    if (loopback_listener || peer.is_loopback()) return true;
    return std::any_of(allow.begin(), allow.end(),
                       [&peer](const Network& network) { return network.contains(peer); });
}

struct Server::State {
    State(asio::any_io_executor e, Model m, ServerSettings s)
        : executor(std::move(e)), settings(std::move(s)), tasks(executor) {
        shared.model = std::move(m);
        shared.limits = settings.limits;
    }

    void stop_accepting() {
        shared.stopping = true;
        for (const auto& listening : listeners) {
            error_code ignored;
            listening->acceptor.close(ignored);
        }
    }
    /// Stops accepting and ends every session at its next step.
    void close() {
        stop_accepting();
        for (const auto& connection : connections) connection->close();
        for (const auto& connection : crowded) connection->close();
        tasks.cancel_all();
    }

    asio::any_io_executor executor;
    ServerSettings settings;
    Shared shared;
    std::vector<std::shared_ptr<Listening>> listeners;
    std::set<std::shared_ptr<Connection>> connections;
    std::set<std::shared_ptr<Connection>> crowded;
    std::deque<std::weak_ptr<Connection>> crowd;  // the same in their order, and some that have ended
    TaskGroup tasks;

    // Coroutines: each holds the state by a pointer of its own, as it may outlive the Server.
    static asio::awaitable<void> accept(std::shared_ptr<State> state, std::shared_ptr<Listening> listening);
    static asio::awaitable<void> run_session(std::shared_ptr<State> state, std::shared_ptr<Listening> listening,
                                             std::shared_ptr<Connection> connection);
    static asio::awaitable<void> run_crowded(std::shared_ptr<State> state, std::shared_ptr<Listening> listening,
                                             std::shared_ptr<Connection> connection);
    static bool admit_safely(const std::shared_ptr<State>& state, const std::shared_ptr<Listening>& listening,
                             tcp::socket socket);
    static void admit(const std::shared_ptr<State>& state, const std::shared_ptr<Listening>& listening,
                      tcp::socket socket);
    /// Closes the connection that has been idle longest; false if none is idle.
    bool make_room();
    void make_room_in_crowd();
};

asio::awaitable<void> Server::State::accept(std::shared_ptr<State> state, std::shared_ptr<Listening> listening) {
    co_await asio::this_coro::throw_if_cancelled(false);
    asio::steady_timer pause(state->executor);
    while (listening->acceptor.is_open()) {
        auto [error, socket] = co_await listening->acceptor.async_accept(as_result);
        if (!listening->acceptor.is_open()) break;
        error_code failure = error;
        if (!failure && !admit_safely(state, listening, std::move(socket))) {
            failure = make_error_code(boost::system::errc::not_enough_memory);
        }
        if (!failure) {
            listening->accept_failing = false;
            continue;
        }
        state->shared.counters.accept_errors.add();
        if (failure == asio::error::connection_aborted) continue;  // the peer's doing, and its connection is gone
        if (!listening->accept_failing) log::warning("http_server", "cannot accept", {{"error", failure.message()}});
        listening->accept_failing = true;
        pause.expires_after(pause_after_error);
        co_await pause.async_wait(as_result);
    }
}

/// False: no memory for it. The connection is closed, and the listener goes on after a pause.
bool Server::State::admit_safely(const std::shared_ptr<State>& state, const std::shared_ptr<Listening>& listening,
                                 tcp::socket socket) try {
    admit(state, listening, std::move(socket));
    return true;
} catch (const std::exception&) {
    return false;
}

void Server::State::admit(const std::shared_ptr<State>& state, const std::shared_ptr<Listening>& listening,
                          tcp::socket socket) {
    state->shared.counters.connections.add();
    error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) {  // gone already
        state->shared.counters.broken_connections.add();
        return;
    }
    if (!may_ask(from_asio(peer.address()), listening->loopback, state->settings.allow)) {
        state->shared.counters.rejected_connections.add();
        return;
    }
    // An event must not wait for the acknowledgement of the one before.
    socket.set_option(tcp::no_delay(true), error);
    // What nobody reads stays with us, where it has a time limit; the kernel would take megabytes.
    socket.set_option(tcp::socket::send_buffer_size(largest_send_buffer), error);
    const Limits& limits = state->shared.limits;
    auto connection = std::make_shared<Connection>(std::move(socket), limits.header_bytes + buffer_slack);
    if (state->connections.size() < limits.connections || state->make_room()) {
        state->tasks.spawn("http session", run_session(state, listening, std::move(connection)));
    } else {
        if (state->crowded.size() >= limits.crowded) state->make_room_in_crowd();
        state->shared.counters.crowded_connections.add();
        if (state->crowd.size() > 2 * limits.crowded)
            std::erase_if(state->crowd, [](const auto& one) { return one.expired(); });
        state->crowd.push_back(connection);
        state->tasks.spawn("crowded http session", run_crowded(state, listening, std::move(connection)));
    }
}

/// The longest there goes: who asks at once, as a health check does, is answered before its turn comes.
void Server::State::make_room_in_crowd() {
    while (!crowd.empty()) {
        const std::shared_ptr<Connection> longest = crowd.front().lock();
        crowd.pop_front();
        if (!longest || crowded.erase(longest) == 0) continue;  // it has ended
        shared.counters.rejected_connections.add();
        longest->close();
        return;
    }
}

bool Server::State::make_room() {
    std::shared_ptr<Connection> longest;
    for (const auto& connection : connections) {
        if (!connection->idle_since) continue;
        if (!longest || *connection->idle_since < *longest->idle_since) longest = connection;
    }
    if (!longest) return false;
    shared.counters.evicted_connections.add();
    connections.erase(longest);
    longest->idle_since.reset();
    longest->close();
    return true;
}

asio::awaitable<void> Server::State::run_session(std::shared_ptr<State> state, std::shared_ptr<Listening> listening,
                                                 std::shared_ptr<Connection> connection) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const Member member(state->connections, connection, &state->shared.counters.open_connections);
    try {
        co_await serve(connection, state->shared, listening->access);
    } catch (const std::bad_alloc&) {  // it is closed, and asks again
        state->shared.counters.broken_connections.add();
    }
}

asio::awaitable<void> Server::State::run_crowded(std::shared_ptr<State> state, std::shared_ptr<Listening> listening,
                                                 std::shared_ptr<Connection> connection) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const Member member(state->crowded, connection, nullptr);
    Access access = listening->access;
    access.crowded = true;
    co_await serve(connection, state->shared, access);
}

Server::Server(asio::any_io_executor executor, Model model, ServerSettings settings)
    : state_(std::make_shared<State>(std::move(executor), std::move(model), std::move(settings))) {}

Server::~Server() { state_->close(); }

Result<SocketAddress> Server::listen(const SocketAddress& address) {
    auto listening = std::make_shared<Listening>(state_->executor);
    if (const error_code error = open(listening->acceptor, to_tcp(address))) return describe(error, address);
    error_code error;
    const tcp::endpoint bound = listening->acceptor.local_endpoint(error);
    if (error) return describe(error, address);
    listening->loopback = address.address.is_loopback();
    listening->bound = {from_asio(bound.address()), bound.port()};
    listening->set(state_->settings);
    state_->listeners.push_back(listening);
    return listening->bound;
}

void Server::start() {
    for (const auto& listening : state_->listeners) {
        if (std::exchange(listening->accepting, true)) continue;
        state_->tasks.keep("http listener", [state = std::weak_ptr(state_), listening] {
            return State::accept(state.lock(), listening);
        });
    }
}

void Server::set(ServerSettings settings) {
    state_->settings = std::move(settings);
    state_->shared.limits = state_->settings.limits;
    for (const auto& listening : state_->listeners) listening->set(state_->settings);
}

void Server::close(const SocketAddress& address) {
    const auto found = std::find_if(state_->listeners.begin(), state_->listeners.end(),
                                    [&address](const auto& listening) { return listening->bound == address; });
    if (found == state_->listeners.end()) return;
    error_code ignored;
    (*found)->acceptor.close(ignored);
    state_->listeners.erase(found);  // its sessions hold it
}

void Server::changed(const ServiceStatus& summary) {
    tell(state_->shared, summary.index, [&summary] { return changed_event(summary); });
}

void Server::removed(const std::string& name, std::uint64_t index) {
    tell(state_->shared, index, [&name, index] { return removed_event(name, index); });
}

asio::awaitable<bool> Server::stop(milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    state->stop_accepting();
    const auto connections = state->connections;
    for (const auto& connection : connections) {
        if (connection->pausing()) {
            connection->wake();
        } else {
            connection->close();
        }
    }
    for (const auto& connection : std::set(state->crowded)) connection->close();
    const bool answered = co_await state->tasks.join(std::min(limit, answer_time));
    state->close();
    if (answered) co_return true;
    const bool ended = co_await state->tasks.join(limit);
    co_return ended;
}

const Counters& Server::counters() const { return state_->shared.counters; }

}  // namespace taskdns::http_server
