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
///
/// A socket that was disconnected before it died says nothing: remote port 0, all counts 0 (but `retransmits`). That
/// is what becomes of a blocking connect() that failed, refused or not, and of one that SO_LINGER reset when it was
/// closed; only with a connect() that does not block does the kernel leave things as they were.
struct TcpSocket {
    SocketAddress remote;      ///< IPv4 also where the socket is IPv6 with a mapped address (::ffff:10.0.1.10)
    std::uint64_t cookie = 0;  ///< as SO_COOKIE: no other socket has had it since the machine's start
    TcpState state = TcpState::other;
    std::uint64_t bytes_acked = 0;  ///< of what we sent, the SYN counts as one: 0 until it is answered
    /// Data only, or 0: a FIN, which the kernel counts as one octet, is left out where nothing came before it.
    std::uint64_t bytes_received = 0;
    std::uint32_t segments_out = 0;
    std::uint32_t segments_in = 0;  ///< resets too; ICMP errors not
    /// Of the segment that is not answered yet. In an event: of the one that was not when the socket closed.
    std::uint32_t retransmits = 0;
    /// Over its whole life, of those that left the machine: with no neighbour (ARP) at the other end of the wire it
    /// remains 0 while `retransmits` grows.
    std::uint32_t total_retransmits = 0;
    std::chrono::microseconds rtt{0};  ///< smoothed; 0: none measured
    /// A round trip has been measured at some time, so its SYN was answered. Outlasts a disconnect; false also where
    /// a kernel before 4.6 does not say.
    bool was_connected = false;
};

/// What a datagram of the netlink socket says.
struct DiagMessages {
    std::vector<TcpSocket> sockets;
    bool done = false;         ///< a dump ends here (NLMSG_DONE)
    int error = 0;             ///< of an NLMSG_ERROR, or of a dump that ended early: an errno value; 0: none
    bool interrupted = false;  ///< NLM_F_DUMP_INTR: sockets may be missing from the dump
};

/// Appends what `datagram` says to `out`, which is reused so that a busy observer allocates nothing. A message that
/// is cut short, or of a socket that is not TCP, is left out; so is a socket of a kernel before 4.2, whose tcp_info
/// ends before the segment counts, because then nothing can be concluded, and one that has no tcp_info any more
/// (TIME_WAIT). Later fields that a kernel does not send are 0.
void parse_diag_messages(std::span<const std::uint8_t> datagram, DiagMessages& out);

/// The request for all TCP sockets of `family` (AF_INET, AF_INET6; for mapped addresses the latter) that a client has
/// towards one of `ports`, in every state from SYN_SENT on but TIME_WAIT; filtered in the kernel (bytecode), unless
/// there are more than `most_filtered_ports`: then all are named, and whoever asks filters himself. No ports: none is
/// named, and the kernel looks at none. A server's socket
/// whose client has such a port is named too.
std::vector<std::uint8_t> make_dump_request(int family, std::span<const std::uint16_t> ports, std::uint32_t sequence);

/// A socket filter (SO_ATTACH_FILTER) that passes the events of sockets whose remote port is one of `ports` (each
/// once, any order), and every message that is no event (DONE, ERROR). None: no event passes. More than
/// `most_filtered_ports`: all pass. Sockets pass, too, that have a remote address but no remote port any more. What
/// belongs to a dump passes too. Of one datagram only the first message is looked at; the kernel sends each event
/// alone.
std::vector<sock_filter> make_event_filter(std::span<const std::uint16_t> ports);

inline constexpr std::size_t most_filtered_ports = 1000;

}  // namespace taskdns::health
