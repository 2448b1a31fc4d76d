// The kernel's word about TCP sockets: the wire format of NETLINK_SOCK_DIAG (sock_diag(7), linux/inet_diag.h).
// Layer: health (may include base). Pure: octets in, values out. Whoever has the socket: connection_observer.cpp.
#pragma once

#include <linux/filter.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ip_address.hpp"

namespace taskdns::health {

/// The states of a TCP socket that matter here (net/tcp_states.h).
enum class TcpState : std::uint8_t { established, syn_sent, closed, other };

/// What the kernel says of one TCP socket of this network namespace, living or dying.
struct TcpSocket {
    SocketAddress remote;      ///< IPv4 also where the socket is IPv6 with a mapped address (::ffff:10.0.1.10)
    std::uint64_t cookie = 0;  ///< as SO_COOKIE: no other socket has had it since the machine's start
    TcpState state = TcpState::other;
    std::uint64_t bytes_acked = 0;     ///< of what we sent, the SYN counts as one: 0 until it is answered
    std::uint64_t bytes_received = 0;  ///< data only
    std::uint32_t segments_out = 0;
    std::uint32_t segments_in = 0;
    std::uint32_t retransmits = 0;        ///< of the segment that is not answered yet; living sockets only
    std::uint32_t total_retransmits = 0;  ///< over its whole life
    std::chrono::microseconds rtt{0};     ///< smoothed; 0: none measured
};

/// What a datagram of the netlink socket says.
struct DiagMessages {
    std::vector<TcpSocket> sockets;
    bool done = false;         ///< a dump ends here (NLMSG_DONE)
    int error = 0;             ///< of an NLMSG_ERROR: an errno value; 0: none
    bool interrupted = false;  ///< NLM_F_DUMP_INTR: sockets may be missing from the dump
};

/// Appends what `datagram` says to `out`, which is reused so that a busy observer allocates nothing. A message that
/// is cut short, or of a socket that is not TCP, is left out; so is a socket of a kernel before 4.2, whose tcp_info
/// ends before the segment counts, because then nothing can be concluded. Later fields that a kernel does not send
/// are 0.
void parse_diag_messages(std::span<const std::uint8_t> datagram, DiagMessages& out);

/// The request for all TCP sockets of `family` (AF_INET, AF_INET6; for mapped addresses the latter) that a client has
/// towards one of `ports`, in every state from SYN_SENT on but TIME_WAIT; filtered in the kernel (bytecode), unless
/// there are more than `most_filtered_ports`: then all are named, and whoever asks filters himself.
std::vector<std::uint8_t> make_dump_request(int family, std::span<const std::uint16_t> ports, std::uint32_t sequence);

/// A socket filter (SO_ATTACH_FILTER) that passes the events of sockets whose remote port is one of `ports` (each
/// once, any order), and every message that is no event (DONE, ERROR). None: no event passes. More than
/// `most_filtered_ports`: all pass.
std::vector<sock_filter> make_event_filter(std::span<const std::uint16_t> ports);

inline constexpr std::size_t most_filtered_ports = 1000;

}  // namespace taskdns::health
