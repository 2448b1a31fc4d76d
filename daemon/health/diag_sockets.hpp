// The two netlink sockets of the observer: opened, filtered, read. What the octets mean: tcp_diag.hpp.
// Layer: health (may include base, Asio). Threads: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/asio.hpp"
#include "base/result.hpp"

namespace taskdns::health {

/// The kernel's multicast groups of TCP sockets that are destroyed, both families, of this network namespace.
class DestroyedSockets {
public:
    /// Opens and joins; until set_ports() nothing comes.
    static Result<std::unique_ptr<DestroyedSockets>> open(const asio::any_io_executor& executor);
    DestroyedSockets(const DestroyedSockets&) = delete;
    DestroyedSockets& operator=(const DestroyedSockets&) = delete;
    ~DestroyedSockets();

    /// False: the kernel does not take a filter of that size, so the events of all ports come from now on.
    bool set_ports(std::span<const std::uint16_t> ports);
    /// For waiting; not while muted.
    asio::posix::stream_descriptor& descriptor() { return descriptor_; }
    /// Takes the socket out of the event loop, or puts it back. Inside, each event wakes the thread, though nobody
    /// waits for it: with 20,000 a second that is most of what they cost. False: it cannot be put back.
    bool mute(bool muted);

    struct Read {
        std::size_t datagrams = 0;  ///< that `take` was called with
        bool lost = false;          ///< the kernel has dropped some since the last call
        bool emptied = false;       ///< there are no more now
        bool broken = false;        ///< this socket will say nothing any more
    };
    /// Reads what is there, at most one batch; does not wait. Also while muted.
    Read read(const std::function<void(std::span<const std::uint8_t>)>& take);

private:
    explicit DestroyedSockets(asio::posix::stream_descriptor descriptor);

    static constexpr std::size_t batch = 32;
    static constexpr std::size_t datagram_octets = 1024;  // a message has about 400, and comes alone

    asio::posix::stream_descriptor descriptor_;
    int socket_;
    bool muted_ = false;
    std::vector<std::uint8_t> buffer_;
};

/// A socket of its own for one dump, so that nothing of an earlier one can come in between.
class LivingSockets {
public:
    /// Asks for all of `family` towards `ports`.
    static Result<LivingSockets> ask(const asio::any_io_executor& executor, int family,
                                     std::span<const std::uint16_t> ports);

    /// The next datagram; empty: none yet. Does not wait. It stands in `buffer`.
    Result<std::span<const std::uint8_t>> read(std::vector<std::uint8_t>& buffer);

private:
    explicit LivingSockets(asio::posix::stream_descriptor descriptor) : descriptor_(std::move(descriptor)) {}

    asio::posix::stream_descriptor descriptor_;
};

}  // namespace taskdns::health
