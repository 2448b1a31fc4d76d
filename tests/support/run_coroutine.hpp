// Runs coroutines of the code under test on the test's own io_context, with a limit instead of a hang.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"

namespace taskdns::testing_support {

template <class T>
struct Started {
    std::optional<T> value;
    asio::cancellation_signal cancellation;
    std::exception_ptr exception;

    bool ended() const { return value.has_value() || exception; }
    void cancel() { cancellation.emit(asio::cancellation_type::terminal); }
};

/// Starts `task`; nothing happens until the io_context runs.
template <class T>
std::shared_ptr<Started<T>> start(asio::io_context& io, asio::awaitable<T> task) {
    auto started = std::make_shared<Started<T>>();
    asio::co_spawn(io, std::move(task),
                   asio::bind_cancellation_slot(started->cancellation.slot(),
                                                [started](const std::exception_ptr& exception, T value) {
                                                    started->exception = exception;
                                                    if (!exception) started->value = std::move(value);
                                                }));
    return started;
}

/// Runs the io_context until `done`; throws if that takes longer than 10 s.
template <class Done>
void run_until(asio::io_context& io, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        io.restart();
        io.run_one_until(deadline);
        if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("not done after 10 s");
    }
}

template <class T>
T finish(asio::io_context& io, const std::shared_ptr<Started<T>>& started) {
    run_until(io, [&started] { return started->ended(); });
    if (started->exception) std::rethrow_exception(started->exception);
    return *std::move(started->value);
}

template <class T>
T run(asio::io_context& io, asio::awaitable<T> task) {
    return finish(io, start(io, std::move(task)));
}

}  // namespace taskdns::testing_support
