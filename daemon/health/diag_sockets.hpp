// The two netlink sockets of the observer: opened, filtered, read. What the octets mean: tcp_diag.hpp.
// Layer: health (may include base, Asio). Threads: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
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
    static Result<DestroyedSockets> open(const asio::any_io_executor& executor);

    /// False: the kernel does not take a filter of that size, so the events of all ports come from now on.
    bool set_ports(std::span<const std::uint16_t> ports);
    asio::posix::stream_descriptor& descriptor() { return descriptor_; }

    struct Read {
        std::size_t datagrams = 0;  ///< that `take` was called with
        bool lost = false;          ///< the kernel has dropped some since the last call
        bool emptied = false;       ///< there are no more now
        bool broken = false;        ///< this socket will say nothing any more
    };
    /// Reads what is there, at most one batch; does not wait.
    Read read(const std::function<void(std::span<const std::uint8_t>)>& take);

private:
    explicit DestroyedSockets(asio::posix::stream_descriptor descriptor);

    static constexpr std::size_t batch = 32;
    static constexpr std::size_t datagram_octets = 1024;  // a message has about 400, and comes alone

    asio::posix::stream_descriptor descriptor_;
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
