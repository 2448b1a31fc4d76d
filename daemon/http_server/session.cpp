// One HTTP connection. Layer: http_server.
#include "http_server/session.hpp"

#include <algorithm>

#include "http_server/event_stream.hpp"
#include "http_server/message.hpp"
#include "http_server/receive.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

// A peer that is told to go has this long to read why.
constexpr milliseconds farewell_time{1'000};
constexpr std::size_t farewell_bytes = 256 * 1024;
constexpr milliseconds reload_time{10'000};
constexpr milliseconds use_period{30'000};  // a service is in use for a minute after it was asked for

/// What the control plane and the coroutine that waits for it share.
struct Reloading {
    explicit Reloading(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    std::optional<ReloadStatus> status;
};

asio::awaitable<Response> reload(std::shared_ptr<Connection> connection, const Model& model) {
    const auto reloading = std::make_shared<Reloading>(connection->socket.get_executor());
    reloading->timer.expires_after(reload_time);
    model.reload([reloading](const ReloadStatus& status) {
        reloading->status = status;
        reloading->timer.cancel();
    });
    if (!reloading->status) co_await reloading->timer.async_wait(as_result);
    co_return answer_reload(reloading->status);
}

/// Counted as long as it lives.
class CountedWatch {
public:
    explicit CountedWatch(Gauge& gauge) : gauge_(gauge) { gauge_.add(); }
    ~CountedWatch() { gauge_.subtract(); }
    CountedWatch(const CountedWatch&) = delete;
    CountedWatch& operator=(const CountedWatch&) = delete;

private:
    Gauge& gauge_;
};

/// Until there is something to tell, the time is over, or the server stops; false if the peer is gone.
asio::awaitable<bool> wait_for_change(std::shared_ptr<Connection> connection, Shared& shared, Watch watch) {
    const CountedWatch counted(shared.counters.watchers);
    const Watchers::Place place(shared.watchers, connection, &watch);
    const TimePoint end = Clock::now() + shared.watchers.with_jitter(watch.wait);
    TimePoint use_again = Clock::now();
    while (!shared.stopping && !is_due(watch, shared.model)) {
        const TimePoint now = Clock::now();
        if (now >= end) break;
        if (watch.uses && now >= use_again) {
            if (shared.model.asked) shared.model.asked(watch.service);
            use_again = now + use_period;
        }
        const TimePoint next = watch.uses ? std::min(end, use_again) : end;
        const bool there = co_await Connection::pause(connection, std::chrono::ceil<milliseconds>(next - now));
        if (!there) co_return false;
    }
    co_return true;
}

Response too_many_watchers(std::size_t most) {
    Response response = problem(503, "Service Unavailable",
                                std::to_string(most) +
                                    " watches and event streams are open, and no more are kept; ask "
                                    "without index, or try again later");
    response.headers.emplace_back("Retry-After", "5");
    add_common_headers(response);
    return response;
}

void count_response(Counters& counters, unsigned status) { counters.responses[std::min(status / 100, 5U)].add(); }

/// Tells a peer what was wrong with its request, and that nothing more of it is read.
asio::awaitable<void> refuse(std::shared_ptr<Connection> connection, Shared& shared, Received refused) {
    shared.counters.bad_requests.add();
    count_response(shared.counters, refused.refusal->status);
    add_common_headers(*refused.refusal);
    Framing framing;
    framing.head = refused.head;
    const bool taken = co_await write(connection, std::move(*refused.refusal), framing, farewell_time);
    if (!taken) shared.counters.broken_connections.add();
}

/// Carries out a plan and answers; true if another request may follow.
asio::awaitable<bool> answer(std::shared_ptr<Connection> connection, Shared& shared, const Access& access,
                             Request request, Framing framing) {
    Plan planned = plan(request, access, shared.model);
    const bool waits = planned.kind == Plan::Kind::watch || planned.kind == Plan::Kind::events;
    if (waits && shared.watchers.size() >= shared.limits.watchers) {
        shared.counters.rejected_watchers.add();
        planned.kind = Plan::Kind::answer;
        planned.response = too_many_watchers(shared.limits.watchers);
    }
    if (planned.kind == Plan::Kind::events) {
        count_response(shared.counters, planned.response.status);
        co_await stream_events(connection, shared, std::move(planned), framing);
        co_return false;
    }
    if (planned.kind == Plan::Kind::watch) {
        request.body = {};
        const bool there = co_await wait_for_change(connection, shared, std::move(planned.watch));
        if (!there) co_return false;
        planned.response = respond(request, access, shared.model);
    }
    if (planned.kind == Plan::Kind::reload) planned.response = co_await reload(connection, shared.model);
    count_response(shared.counters, planned.response.status);
    framing.keep_alive = framing.keep_alive && !shared.stopping;
    const bool taken = co_await write(connection, std::move(planned.response), framing, shared.limits.request_time);
    if (!taken) shared.counters.broken_connections.add();
    co_return taken&& framing.keep_alive;
}

/// One request and its answer; true if another may follow.
asio::awaitable<bool> exchange(std::shared_ptr<Connection> connection, Shared& shared, const Access& access) {
    Limits limits = shared.limits;
    if (access.crowded) limits.request_time = limits.crowded_time;
    Received received = co_await receive(connection, limits);
    if (received.refusal) {
        co_await refuse(connection, shared, std::move(received));
        co_return false;
    }
    if (!received.request) {
        if (received.broken) shared.counters.broken_connections.add();
        co_return false;
    }
    shared.counters.requests.add();
    const Framing framing{received.request->version, received.request->method == "HEAD",
                          received.keep_alive && !access.crowded};
    const bool more = co_await answer(connection, shared, access, std::move(*received.request), framing);
    co_return more;
}

/// Waits for the first octet of the next request; false if there will be none.
asio::awaitable<bool> wait_for_request(std::shared_ptr<Connection> connection, milliseconds limit) {
    if (connection->buffer.size() > 0) co_return true;
    connection->buffer.shrink_to_fit();
    connection->idle_since = Clock::now();
    connection->limit_time(limit);
    const auto [error] = co_await connection->socket.async_wait(tcp::socket::wait_read, as_result);
    connection->idle_since.reset();
    co_return !error;
}

/// Closes so that the last response arrives: closing with unread octets would send a reset, and that may overtake it.
asio::awaitable<void> close_gently(std::shared_ptr<Connection> connection, const Shared& shared) {
    boost::system::error_code ignored;
    connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
    connection->buffer.clear();
    connection->limit_time(farewell_time);
    std::size_t total = 0;
    while (connection->socket.is_open() && total < farewell_bytes && !shared.stopping) {
        const auto space = connection->buffer.prepare(512);
        const auto [error, size] = co_await connection->socket.async_read_some(space, as_result);
        if (error) break;
        total += size;
    }
    connection->close();
}

}  // namespace

asio::awaitable<void> serve(std::shared_ptr<Connection> connection, Shared& shared, const Access& access) {
    bool more = true;
    while (more) {
        more = co_await exchange(connection, shared, access);
        if (more) more = co_await wait_for_request(connection, shared.limits.idle_time);
    }
    co_await close_gently(connection, shared);
}

}  // namespace taskdns::http_server
