// A server with its own thread and a blocking client, for the tests of the listener.
#pragma once

#include <sys/socket.h>

#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include "http_server/listener.hpp"

namespace taskdns::http_server {

/// On a free port of `address`.
class RunningServer {
public:
    RunningServer(Model model, ServerSettings settings = {}, const char* address = "127.0.0.1")
        : server_(context_.get_executor(), std::move(model), std::move(settings)) {
        const auto bound = server_.listen({IpAddress::parse(address).value(), 0});
        port_ = bound.value().port;
        server_.start();
        thread_ = std::thread([this] { context_.run(); });
    }
    ~RunningServer() {
        stop();
        guard_.reset();
        thread_.join();
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;

    bool stop() { return asio::co_spawn(context_, server_.stop(std::chrono::seconds(5)), asio::use_future).get(); }
    std::uint16_t port() const { return port_; }
    const Counters& counters() const { return server_.counters(); }
    /// On the server's thread; returns when it has run.
    template <class Function>
    void run(Function function) {
        asio::post(context_, asio::use_future([&] { function(server_); })).get();
    }

private:
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
    Server server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// Waits 5 s for whatever it waits for.
class Client {
public:
    explicit Client(std::uint16_t port, const char* address = "127.0.0.1") : socket_(context_) {
        socket_.connect({asio::ip::make_address(address), port});
    }

    void send(std::string_view text) {
        boost::system::error_code ignored;
        asio::write(socket_, asio::buffer(text), ignored);
    }
    /// Up to and with `end`; empty if that did not come.
    std::string receive_until(const std::string& end) {
        boost::system::error_code error = asio::error::would_block;
        std::size_t size = 0;
        asio::async_read_until(socket_, asio::dynamic_buffer(received_), end, [&](auto e, std::size_t n) {
            error = e;
            size = n;
        });
        run();
        if (error) return "";
        std::string out = received_.substr(0, size);
        received_.erase(0, size);
        return out;
    }
    /// One response: its header and as much body as its Content-Length says, together. Empty if none came.
    std::string receive() {
        std::string response = receive_until("\r\n\r\n");
        const std::size_t field = response.find("Content-Length: ");
        if (field == std::string::npos) return response;
        const std::size_t length = std::stoul(response.substr(field + 16));
        if (received_.size() < length) {
            asio::async_read(socket_, asio::dynamic_buffer(received_),
                             asio::transfer_exactly(length - received_.size()), [](auto, std::size_t) {});
            run();
        }
        const std::size_t size = std::min(length, received_.size());
        response += received_.substr(0, size);
        received_.erase(0, size);
        return response;
    }
    /// True once the server has closed, with nothing more to say.
    bool closed() {
        boost::system::error_code error;
        asio::async_read(socket_, asio::dynamic_buffer(received_), asio::transfer_at_least(1),
                         [&](auto e, std::size_t) { error = e; });
        run();
        return received_.empty() && (error == asio::error::eof || error == asio::error::connection_reset);
    }
    void finish_sending() { socket_.shutdown(asio::ip::tcp::socket::shutdown_send); }

private:
    void run() {
        context_.restart();
        context_.run_for(std::chrono::seconds(5));
        if (context_.stopped()) return;
        socket_.cancel();
        context_.run();
    }

    asio::io_context context_;
    asio::ip::tcp::socket socket_;
    std::string received_;
};

constexpr std::string_view get_healthz = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

template <class Condition>
bool eventually(Condition condition) {
    for (int i = 0; i < 500; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

inline ServerSettings with_limits(Limits limits) {
    ServerSettings settings;
    settings.limits = limits;
    return settings;
}

}  // namespace taskdns::http_server
