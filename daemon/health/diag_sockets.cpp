// The two netlink sockets of the observer. Layer: health.
#include "health/diag_sockets.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "health/tcp_diag.hpp"

namespace taskdns::health {
namespace {

constexpr int receive_buffer =
    1 << 20;  // what is allowed of it (net.core.rmem_max) is enough for some hundred events

Error last_error(const char* what) {
    const int error = errno;
    return Error{Errc::internal, std::string(what) + ": " + std::strerror(error)};
}

Result<asio::posix::stream_descriptor> open_diag(const asio::any_io_executor& executor) {
    const int fd = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (fd < 0) return last_error("a socket of NETLINK_SOCK_DIAG");
    return asio::posix::stream_descriptor(executor, fd);
}

/// SKNLGRP_INET_TCP_DESTROY is a group's number; a bit of the address mask stands for each.
constexpr std::uint32_t destroy_groups =
    (1U << (SKNLGRP_INET_TCP_DESTROY - 1)) | (1U << (SKNLGRP_INET6_TCP_DESTROY - 1));

bool attach_filter(int fd, std::span<const std::uint16_t> ports) {
    std::vector<sock_filter> code = make_event_filter(ports);
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

}  // namespace

DestroyedSockets::DestroyedSockets(asio::posix::stream_descriptor descriptor)
    : descriptor_(std::move(descriptor)), socket_(descriptor_.native_handle()), buffer_(batch * datagram_octets) {}

DestroyedSockets::~DestroyedSockets() {
    if (muted_) ::close(socket_);
}

bool DestroyedSockets::mute(bool muted) {
    if (muted == muted_) return true;
    boost::system::error_code error;
    if (muted) {
        descriptor_.release();
    } else {
        descriptor_.assign(socket_, error);
    }
    muted_ = error ? muted_ : muted;
    return !error;
}

Result<std::unique_ptr<DestroyedSockets>> DestroyedSockets::open(const asio::any_io_executor& executor) {
    Result<asio::posix::stream_descriptor> descriptor = open_diag(executor);
    if (!descriptor) return std::move(descriptor).error();
    const int fd = descriptor->native_handle();
    // Before it joins: events of all the namespace's connections would come otherwise.
    if (!attach_filter(fd, {})) return last_error("a filter for NETLINK_SOCK_DIAG");
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = destroy_groups;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return last_error("the events of destroyed TCP sockets (SKNLGRP_INET_TCP_DESTROY)");
    }
    return std::unique_ptr<DestroyedSockets>(new DestroyedSockets(std::move(*descriptor)));
}

bool DestroyedSockets::set_ports(std::span<const std::uint16_t> ports) {
    if (attach_filter(socket_, ports)) return true;
    // The old one would keep those of the new ports out for good; without any, all come. (A filter is charged against
    // net.core.optmem_max, 20 KiB before Linux 6.8, which is some two hundred ports.)
    const int ignored = 0;
    ::setsockopt(socket_, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored));
    return false;
}

DestroyedSockets::Read DestroyedSockets::read(const std::function<void(std::span<const std::uint8_t>)>& take) {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> vectors{};
    for (std::size_t i = 0; i < batch; ++i) {
        vectors[i] = {buffer_.data() + i * datagram_octets, datagram_octets};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    Read out;
    const int received = ::recvmmsg(socket_, messages.data(), batch, MSG_DONTWAIT, nullptr);
    if (received < 0) {
        out.lost = errno == ENOBUFS;
        out.emptied = !out.lost && errno != EINTR;
        out.broken = out.emptied && errno != EAGAIN;
        return out;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        const std::size_t length = std::min<std::size_t>(messages[i].msg_len, datagram_octets);
        take({buffer_.data() + i * datagram_octets, length});
    }
    out.datagrams = static_cast<std::size_t>(received);
    out.emptied = out.datagrams < batch;
    return out;
}

Result<LivingSockets> LivingSockets::ask(const asio::any_io_executor& executor, int family,
                                         std::span<const std::uint16_t> ports) {
    Result<asio::posix::stream_descriptor> descriptor = open_diag(executor);
    if (!descriptor) return std::move(descriptor).error();
    const std::vector<std::uint8_t> request = make_dump_request(family, ports, 1);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const auto sent = ::sendto(descriptor->native_handle(), request.data(), request.size(), 0,
                               reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
    if (sent != static_cast<ssize_t>(request.size())) return last_error("a dump of TCP sockets");
    return LivingSockets(std::move(*descriptor));
}

Result<std::span<const std::uint8_t>> LivingSockets::read(std::vector<std::uint8_t>& buffer) {
    const auto received = ::recv(descriptor_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (received < 0) {
        if (errno == EAGAIN || errno == EINTR) return std::span<const std::uint8_t>();
        return last_error("a dump of TCP sockets");
    }
    const auto length = static_cast<std::size_t>(received);
    if (length > buffer.size()) return Error{Errc::internal, "a dump of TCP sockets: larger than the buffer"};
    return std::span<const std::uint8_t>(buffer.data(), length);
}

}  // namespace taskdns::health
