// What the tests of the probes stand on: servers of one connection on real sockets, and probes with a limit in time.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "health/probe.hpp"

namespace taskdns::health {

using namespace std::chrono_literals;
using boost::system::error_code;

using Tcp = asio::ip::tcp;

inline constexpr milliseconds patient = 20s;      // a probe that is meant to end by itself
inline constexpr milliseconds impatient = 100ms;  // a probe that is meant to time out

inline config::Health http_policy() {
    config::Health policy;
    policy.check = config::CheckKind::http;
    policy.path = "/healthz?deep=1";
    return policy;
}

inline SocketAddress address_of(const Tcp::acceptor& acceptor) {
    const auto endpoint = acceptor.local_endpoint();
    return {from_asio(endpoint.address()), endpoint.port()};
}

/// How a fake server treats its one connection.
struct Conduct {
    std::string answer;
    milliseconds before{0};   ///< waits before it answers
    milliseconds between{0};  ///< waits after each byte of the answer
    bool reset = false;       ///< closes with an RST instead of a FIN
    bool hold = false;        ///< does not close after the answer
    bool reads_request = true;
};

struct Seen {
    std::string request;
    error_code end;  ///< how the client's side of the connection ended
    bool done = false;
};

inline asio::awaitable<void> wait_for(milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(as_result);
}

inline asio::awaitable<void> serve(Tcp::acceptor* acceptor, Conduct conduct, Seen* seen) {
    auto [accept_error, socket] = co_await acceptor->async_accept(as_result);
    if (accept_error) co_return;
    if (conduct.reads_request) {
        const auto [error, length] =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(seen->request), "\r\n\r\n", as_result);
        seen->end = error;
    }
    if (conduct.before > 0ms) co_await wait_for(conduct.before);
    for (const char byte : conduct.between > 0ms ? conduct.answer : "") {
        const auto [error, length] = co_await asio::async_write(socket, asio::buffer(&byte, 1), as_result);
        if (error) co_return;
        co_await wait_for(conduct.between);
    }
    co_await asio::async_write(socket, asio::buffer(conduct.answer), as_result);
    if (conduct.reset) {
        socket.set_option(asio::socket_base::linger(true, 0));
        socket.close();
    } else if (!conduct.hold) {
        socket.shutdown(Tcp::socket::shutdown_send);
    }
    std::array<char, 1024> more{};
    while (socket.is_open() && !seen->end) {
        const auto [read_error, count] = co_await socket.async_read_some(asio::buffer(more), as_result);
        seen->end = read_error;
    }
    seen->done = true;
}

inline asio::awaitable<void> probe_into(Probe probe, Target target, milliseconds timeout,
                                        std::optional<Outcome>* outcome) {
    const Outcome seen = co_await probe(std::move(target), timeout);
    *outcome = seen;
}

class Probes : public testing::Test {
protected:
    void TearDown() override {
        servers.cancel_all();
        clients.cancel_all();
        context.restart();
        context.run_for(patient);
    }

    void run_until(const std::function<bool()>& reached) {
        const TimePoint give_up = Clock::now() + patient;
        context.restart();
        while (!reached() && Clock::now() < give_up) context.run_one_until(give_up);
        ASSERT_TRUE(reached());
    }

    Outcome look(const Target& target, milliseconds timeout = patient) {
        std::optional<Outcome> outcome;
        clients.spawn("probe", probe_into(probe, target, timeout, &outcome));
        run_until([&] { return outcome.has_value(); });
        return outcome.value_or(Outcome{});
    }

    Target tcp() const { return {.address = address_of(acceptor), .kind = config::CheckKind::tcp}; }
    Target http() const { return make_target(address_of(acceptor), http_policy(), "orders.local"); }

    Outcome look_at(Conduct conduct, milliseconds timeout = patient) {
        servers.spawn("server", serve(&acceptor, std::move(conduct), &seen));
        return look(http(), timeout);
    }

    const Probe probe = make_probe();
    asio::io_context context{1};
    Tcp::acceptor acceptor{context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    Seen seen;
    TaskGroup servers{context.get_executor()};
    TaskGroup clients{context.get_executor()};
};

}  // namespace taskdns::health
