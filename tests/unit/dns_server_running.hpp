// The DNS server on real loopback sockets with its dns thread, and clients for it.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "dns_server/server.hpp"
#include "support/dns_client.hpp"
#include "support/forwarding.hpp"
#include "support/small_view.hpp"

namespace taskdns::dns_server {

using namespace std::chrono_literals;
using testing_support::DnsQuery;
using testing_support::DnsReply;
using testing_support::encode_query;
using testing_support::WireBytes;

/// Waits for what another thread is about to do; the limit only ends a failing test.
template <class Condition>
bool eventually(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// Binds, and has the server answer there.
inline taskdns::Result<SocketAddress> listen(Server& server, const SocketAddress& address) {
    auto bound = bind_sockets(address);
    if (!bound) return bound.error();
    const SocketAddress at = bound->address;
    server.add(std::move(*bound));
    return at;
}

/// A server with its dns thread. The test's thread is the control thread.
class RunningServer {
public:
    explicit RunningServer(Settings settings = {}, testing_support::FakeForwarding::Forward forward = {},
                           const char* address = "127.0.0.1")
        : forwarding(std::move(forward)), server(context, publisher, std::move(settings), &forwarding) {
        const auto bound = listen(server, *SocketAddress::parse(address));
        if (!bound) throw std::runtime_error(bound.error().message);
        port = bound->port;
        server.start();
        thread_ = std::thread([this] { context.run(); });
    }
    ~RunningServer() {
        asio::post(context, [this] { server.stop(); });
        thread_.join();
    }

    /// Returns when the server has seen it.
    void publish(std::vector<testing_support::SmallService> services) {
        publisher.publish(testing_support::small_view(services));
        std::promise<void> seen;
        asio::post(context, [&] {
            server.on_published();
            seen.set_value();
        });
        seen.get_future().wait();
    }
    DnsReply ask(DnsQuery query) const {
        query.port = port;
        return testing_support::ask(query);
    }
    std::future<DnsReply> ask_later(DnsQuery query) const {
        return std::async(std::launch::async, [this, query] { return ask(query); });
    }
    const Counters& counters() const { return server.counters(); }

    asio::io_context context{1};
    view::Publisher publisher{testing_support::small_view()};
    testing_support::FakeForwarding forwarding;
    Server server;
    std::uint16_t port = 0;

private:
    std::thread thread_;
};

/// The services with `pending.local` polled by now.
inline std::vector<testing_support::SmallService> services_polled() {
    auto services = testing_support::small_services();
    services.at(2).rung = view::Rung::healthy;
    services.at(2).endpoints = {"10.0.8.1"};
    return services;
}

/// A TCP client that can be slow, pipeline, and close half.
class TcpClient {
public:
    explicit TcpClient(std::uint16_t port) : socket_(context_) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        const timeval limit{20, 0};  // only ends a failing test
        setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }

    static WireBytes framed(const DnsQuery& query, std::uint16_t id) {
        const WireBytes message = encode_query(query, id);
        WireBytes out{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size())};
        out.insert(out.end(), message.begin(), message.end());
        return out;
    }
    void send(const WireBytes& octets) { asio::write(socket_, asio::buffer(octets)); }
    void send(const DnsQuery& query, std::uint16_t id) { send(framed(query, id)); }
    void close_half() { socket_.shutdown(asio::ip::tcp::socket::shutdown_send); }

    /// The next answer; not arrived if the server has closed.
    DnsReply receive() {
        boost::system::error_code error;
        std::array<std::uint8_t, 2> prefix{};
        asio::read(socket_, asio::buffer(prefix), error);
        if (error) return {};
        WireBytes message(static_cast<std::size_t>(prefix[0] << 8 | prefix[1]));
        asio::read(socket_, asio::buffer(message), error);
        return error ? DnsReply{} : testing_support::parse_reply(message);
    }
    unsigned receive_id() {
        const DnsReply reply = receive();
        return reply.bytes.size() < 2 ? 0 : static_cast<unsigned>(reply.bytes[0] << 8 | reply.bytes[1]);
    }
    bool is_closed_by_server() { return !receive().arrived; }

private:
    asio::io_context context_;
    asio::ip::tcp::socket socket_;
};

}  // namespace taskdns::dns_server
