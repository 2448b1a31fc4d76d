// DNS over UDP: batches of queries read, answered in place, and sent with one system call each way.
// Layer: dns_server (may include base, view, Asio). Threads: the dns thread. HOT PATH: no allocation per query,
// unless it is held or forwarded.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <optional>

#include "base/alarm.hpp"
#include "dns_server/responder.hpp"
#include "dns_server/sockets.hpp"

namespace taskdns::dns_server {

/// The buffers of one batch. One for all listeners: a batch never outlives a handler of the dns thread.
struct UdpBatch;
std::shared_ptr<UdpBatch> make_udp_batch();

class UdpListener : public std::enable_shared_from_this<UdpListener> {
public:
    UdpListener(asio::io_context& context, Descriptor socket, const SocketAddress& address,
                std::shared_ptr<Responder> responder, std::shared_ptr<UdpBatch> batch);
    UdpListener(const UdpListener&) = delete;
    UdpListener& operator=(const UdpListener&) = delete;
    ~UdpListener();

    void start();
    void stop();
    /// Answers what has come already, then stops. What was to be answered later is not: the client asks again.
    void finish();

private:
    struct Peer;

    void wait();
    void wait_later();
    void leave_reactor();
    void serve();
    bool drain();
    /// Reads, answers and sends one batch; how many datagrams it read.
    std::size_t serve_batch();
    /// How many it has answered.
    std::size_t answer_batch(std::size_t received);
    void defer(Action action, std::size_t i, std::size_t length, const view::View& view);
    bool may_be_answered(const sockaddr_storage& source, const IpAddress& local) const;
    void send_batch(std::size_t answers);
    int send_some(mmsghdr* first, std::size_t count);
    void send_later(const Peer& peer, std::span<const std::uint8_t> answer);

    Descriptor socket_;
    asio::ip::udp::socket readiness_;  // socket_ while it is watched; never closes it
    std::optional<Alarm> retry_;       // until it is stopped
    SocketAddress address_;
    bool wildcard_;
    std::shared_ptr<Responder> responder_;
    std::shared_ptr<UdpBatch> batch_;
};

}  // namespace taskdns::dns_server
