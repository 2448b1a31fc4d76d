// DNS over UDP in batches. Layer: dns_server. HOT PATH.
#include "dns_server/udp_listener.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/post.hpp>

namespace taskdns::dns_server {
namespace {

constexpr std::size_t batch_size = 16;     // measured beforehand: more gains nothing (design.md, section 11)
constexpr std::size_t buffer_step = 4352;  // buffers are not a multiple of a page apart: they share no cache sets
constexpr int batches_per_wake = 8;        // then TCP, timers and forwarding have their turn
constexpr int most_final_turns = 64;       // more than a socket's buffer holds
constexpr milliseconds retry_pause{100};
constexpr std::size_t control_size = CMSG_SPACE(sizeof(in6_pktinfo));

static_assert(buffer_step >= buffer_size);

/// The address a datagram came to, from its control message; ours again in the answer's. IPv4: no interface is
/// prescribed, the route decides.
IpAddress local_address(msghdr& header) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            in_pktinfo packet{};
            std::memcpy(&packet, CMSG_DATA(control), sizeof packet);
            IpAddress::V4Bytes bytes{};
            std::memcpy(bytes.data(), &packet.ipi_spec_dst, bytes.size());
            packet.ipi_ifindex = 0;
            std::memcpy(CMSG_DATA(control), &packet, sizeof packet);
            return IpAddress(bytes);
        }
        if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo packet{};
            std::memcpy(&packet, CMSG_DATA(control), sizeof packet);
            IpAddress::V6Bytes bytes{};
            std::memcpy(bytes.data(), &packet.ipi6_addr, bytes.size());
            return IpAddress(bytes);
        }
    }
    return {};
}

}  // namespace

/// Who asked, and through which of our addresses.
struct UdpListener::Peer {
    sockaddr_storage source{};
    socklen_t source_length = 0;
    alignas(cmsghdr) std::array<std::uint8_t, control_size> control{};
    std::size_t control_length = 0;
};

struct UdpBatch {
    std::array<mmsghdr, batch_size> received{};
    std::array<mmsghdr, batch_size> answers{};
    std::array<iovec, batch_size> received_octets{};
    std::array<iovec, batch_size> answer_octets{};
    std::array<sockaddr_storage, batch_size> sources{};
    struct alignas(cmsghdr) Control {
        std::array<std::uint8_t, control_size> octets;
    };
    std::array<Control, batch_size> controls{};
    alignas(64) std::array<std::uint8_t, batch_size * buffer_step> octets{};

    std::uint8_t* buffer(std::size_t i) { return octets.data() + i * buffer_step; }
};

std::shared_ptr<UdpBatch> make_udp_batch() { return std::make_shared<UdpBatch>(); }

UdpListener::UdpListener(asio::io_context& context, Descriptor socket, const SocketAddress& address,
                         std::shared_ptr<Responder> responder, std::shared_ptr<UdpBatch> batch)
    : socket_(std::move(socket)),
      readiness_(context),
      retry_(std::in_place, context.get_executor(), "watch a UDP socket", [this] { serve(); }),
      address_(address),
      wildcard_(address.address.is_unspecified()),
      responder_(std::move(responder)),
      batch_(std::move(batch)) {}

UdpListener::~UdpListener() { stop(); }

void UdpListener::start() { wait(); }

void UdpListener::stop() {
    leave_reactor();
    retry_.reset();
    socket_ = Descriptor();
}

void UdpListener::finish() {
    for (int turn = 0; turn < most_final_turns && drain(); ++turn) continue;
    stop();
}

/// A socket that epoll watches costs a callback per datagram *sent* too (the kernel tells every watcher that there is
/// room again): 8 to 10 % of an answer (docs/benchmarks.md). So it is watched only while there is nothing to read.
void UdpListener::leave_reactor() {
    boost::system::error_code ignored;  // then it stays watched: slower, nothing else
    if (readiness_.is_open()) static_cast<void>(readiness_.release(ignored));
}

void UdpListener::wait() {
    boost::system::error_code error;
    if (!readiness_.is_open()) {
        const bool v4 = address_.address.is_v4();
        readiness_.assign(v4 ? asio::ip::udp::v4() : asio::ip::udp::v6(), socket_.number(), error);
    }
    if (error) {
        wait_later();
        return;
    }
    readiness_.async_wait(asio::ip::udp::socket::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& failed) {
                              if (!failed) self->serve();
                          });
}

/// There was no memory to watch the socket.
void UdpListener::wait_later() {
    responder_->counters().receive_failures.add();
    if (retry_) retry_->set(Clock::now() + retry_pause);
}

void UdpListener::serve() {
    if (!socket_.open()) return;  // stopped
    try {
        if (!drain()) {
            wait();  // reports at once what came meanwhile
            return;
        }
        leave_reactor();
        asio::post(readiness_.get_executor(), [self = shared_from_this()] { self->serve(); });
    } catch (const std::exception&) {
        wait_later();
    }
}

/// Answers what has come, in up to batches_per_wake batches. True: there is more, as far as one can tell.
bool UdpListener::drain() {
    try {
        for (int batch = 0; batch < batches_per_wake; ++batch) {
            const std::size_t received = serve_batch();
            // One datagram alone: the next is not there yet, most likely. More: they come faster than a wait takes.
            if (received < 2) return false;
        }
    } catch (const std::exception&) {  // no memory to hold or forward a query: it is lost, the listener is not
        responder_->counters().dropped_no_memory.add();
    }
    return true;
}

std::size_t UdpListener::serve_batch() {
    UdpBatch& batch = *batch_;
    for (std::size_t i = 0; i < batch_size; ++i) {
        batch.received_octets[i] = {batch.buffer(i), buffer_size};
        msghdr& header = batch.received[i].msg_hdr;
        header = {};
        header.msg_name = &batch.sources[i];
        header.msg_namelen = sizeof(sockaddr_storage);
        header.msg_iov = &batch.received_octets[i];
        header.msg_iovlen = 1;
        if (wildcard_) {
            header.msg_control = batch.controls[i].octets.data();
            header.msg_controllen = control_size;
        }
    }
    const int received = ::recvmmsg(socket_.number(), batch.received.data(), batch_size, MSG_DONTWAIT, nullptr);
    if (received < 0) {
        if (errno != EAGAIN && errno != EINTR) responder_->counters().receive_failures.add();
        return 0;
    }
    responder_->counters().udp_queries.add(static_cast<unsigned>(received));
    const TimePoint began = Clock::now();
    const std::size_t answers = answer_batch(static_cast<std::size_t>(received));
    if (answers != 0) responder_->counters().answer_time.observe(Clock::now() - began, answers);
    return static_cast<std::size_t>(received);
}

std::size_t UdpListener::answer_batch(std::size_t received) {
    UdpBatch& batch = *batch_;
    const view::Publisher::Lease lease(responder_->publisher());
    std::size_t answers = 0;
    for (std::size_t i = 0; i < received; ++i) {
        msghdr& header = batch.received[i].msg_hdr;
        const std::size_t length = batch.received[i].msg_len;
        const IpAddress local = wildcard_ ? local_address(header) : address_.address;
        if ((header.msg_flags & MSG_TRUNC) != 0) {
            responder_->counters().dropped_too_long.add();
            continue;
        }
        if (!may_be_answered(batch.sources[i], local)) {
            responder_->counters().dropped_source.add();
            continue;
        }
        const Outcome result =
            responder_->answer({batch.buffer(i), buffer_size}, length, Transport::udp, lease.view());
        if (result.action == Action::send) {
            batch.answer_octets[answers] = {batch.buffer(i), result.length};
            batch.answers[answers].msg_hdr = header;
            batch.answers[answers].msg_hdr.msg_iov = &batch.answer_octets[answers];
            batch.answers[answers].msg_hdr.msg_flags = 0;
            ++answers;
        } else if (result.action != Action::drop) {
            defer(result.action, i, length, lease.view());
        }
    }
    send_batch(answers);
    return answers;
}

void UdpListener::defer(Action action, std::size_t i, std::size_t length, const view::View& view) {
    const msghdr& header = batch_->received[i].msg_hdr;
    Peer peer;
    peer.source = batch_->sources[i];
    peer.source_length = header.msg_namelen;
    peer.control_length = wildcard_ ? header.msg_controllen : 0;
    peer.control = batch_->controls[i].octets;
    auto reply = [listener = weak_from_this(), peer](const std::vector<std::uint8_t>& answer) {
        if (const auto self = listener.lock()) self->send_later(peer, answer);
    };
    responder_->defer(action, {batch_->buffer(i), length}, Transport::udp, std::move(reply), view);
}

bool UdpListener::may_be_answered(const sockaddr_storage& source, const IpAddress& local) const {
    const auto address = from_native(source);
    return address && address->port != 0 && responder_->may_ask(address->address) &&
           !responder_->may_loop(*address, local);
}

/// How many were sent, or -1 and errno. One message alone costs less without the batch's machinery.
int UdpListener::send_some(mmsghdr* first, std::size_t count) {
    if (count > 1) {
        return ::sendmmsg(socket_.number(), first, static_cast<unsigned>(count), MSG_DONTWAIT);
    }
    return ::sendmsg(socket_.number(), &first->msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1;
}

void UdpListener::send_batch(std::size_t answers) {
    std::size_t done = 0;
    while (done < answers) {
        const int sent = send_some(batch_->answers.data() + done, answers - done);
        if (sent > 0) {
            done += static_cast<std::size_t>(sent);
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            responder_->counters().send_failures.add(answers - done);  // the clients ask again
            return;
        } else if (errno != EINTR) {
            responder_->counters().send_failures.add();
            ++done;  // this one cannot be sent, the others perhaps can
        }
    }
}

void UdpListener::send_later(const Peer& peer, std::span<const std::uint8_t> answer) {
    if (!socket_.open()) return;  // stopped
    Peer to = peer;
    iovec octets{const_cast<std::uint8_t*>(answer.data()), answer.size()};  // sendmsg only reads it
    msghdr header{};
    header.msg_name = &to.source;
    header.msg_namelen = to.source_length;
    header.msg_iov = &octets;
    header.msg_iovlen = 1;
    header.msg_control = to.control_length != 0 ? to.control.data() : nullptr;
    header.msg_controllen = to.control_length;
    if (::sendmsg(socket_.number(), &header, MSG_DONTWAIT) < 0) responder_->counters().send_failures.add();
}

}  // namespace taskdns::dns_server
