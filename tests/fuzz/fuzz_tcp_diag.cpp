// Fuzz entry: any octets as a datagram of NETLINK_SOCK_DIAG, beside a reader made of the kernel's own macros. The
// same sockets are found, they say the same, and messages say one by one what they say together.
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutate.hpp"
#include "health/tcp_diag.hpp"

// The kernel's macros are C.
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-align"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;

// Offsets in the kernel's struct tcp_info, which <linux/tcp.h> declares and <netinet/in.h> cannot stand beside.
constexpr std::size_t rtt_at = 68;
constexpr std::size_t bytes_acked_at = 120;
constexpr std::size_t segments_in_at = 140;

/// What a socket's message comes to: its remote port, its cookie, and a few of its figures.
struct Found {
    std::uint16_t port = 0;
    std::uint64_t cookie = 0;
    std::uint64_t bytes_acked = 0;
    std::uint32_t segments_in = 0;
    std::uint32_t rtt = 0;

    bool operator==(const Found&) const = default;
};

template <class Value>
Value read(const unsigned char* at) {
    Value value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// What the kernel's macros find in a message about a socket; false: nothing that can be used.
bool find_socket(nlmsghdr* message, Found& found) {
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return false;
    const auto* const socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
    if (socket->idiag_family != AF_INET && socket->idiag_family != AF_INET6) return false;
    auto* attribute = reinterpret_cast<rtattr*>(reinterpret_cast<unsigned char*>(NLMSG_DATA(message)) +
                                                NLMSG_ALIGN(sizeof *socket));
    auto left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof *socket));
    const unsigned char* info = nullptr;
    std::size_t length = 0;
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        const auto* const value = static_cast<const unsigned char*>(RTA_DATA(attribute));
        const auto size = static_cast<std::size_t>(RTA_PAYLOAD(attribute));
        if (attribute->rta_type == INET_DIAG_INFO) {
            info = value;
            length = size;
        }
        if (attribute->rta_type == INET_DIAG_PROTOCOL && size > 0) {
            found.segments_in = value[0] == IPPROTO_TCP ? 0 : 1;  // for now: whether another protocol's
        }
    }
    const bool other_protocol = found.segments_in != 0;
    if (other_protocol || info == nullptr || length < segments_in_at + 4) return false;
    found = {ntohs(socket->id.idiag_dport),
             std::uint64_t{socket->id.idiag_cookie[1]} << 32 | socket->id.idiag_cookie[0],
             read<std::uint64_t>(info + bytes_acked_at), read<std::uint32_t>(info + segments_in_at),
             read<std::uint32_t>(info + rtt_at)};
    return true;
}

struct Reading {
    std::vector<Found> sockets;
    bool done = false;
    bool interrupted = false;
    std::vector<std::span<const std::uint8_t>> messages;
    bool whole = true;  ///< the messages fill the datagram
};

Reading read_slowly(std::span<const std::uint8_t> datagram) {
    Reading out;
    // A copy that is aligned, and has zeros where the last alignment lies.
    std::vector<std::uint64_t> aligned(datagram.size() / 8 + 2);
    std::memcpy(aligned.data(), datagram.data(), datagram.size());
    auto* const begin = reinterpret_cast<unsigned char*>(aligned.data());
    auto* message = reinterpret_cast<nlmsghdr*>(begin);
    auto left = static_cast<int>(datagram.size());
    for (; NLMSG_OK(message, static_cast<unsigned>(left)); message = NLMSG_NEXT(message, left)) {
        const auto at = static_cast<std::size_t>(reinterpret_cast<unsigned char*>(message) - begin);
        out.messages.push_back(
            datagram.subspan(at, std::min<std::size_t>(NLMSG_ALIGN(message->nlmsg_len), datagram.size() - at)));
        out.interrupted = out.interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        out.done = out.done || message->nlmsg_type == NLMSG_DONE;
        Found found;
        if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY && find_socket(message, found)) out.sockets.push_back(found);
        if (left < static_cast<int>(NLMSG_ALIGN(message->nlmsg_len)))
            return out;  // the last one ends within its alignment
    }
    return out;
}

Found found_of(const health::TcpSocket& socket) {
    return {socket.remote.port, socket.cookie, socket.bytes_acked, socket.segments_in,
            static_cast<std::uint32_t>(socket.rtt.count())};
}

bool same(const health::TcpSocket& a, const health::TcpSocket& b) {
    return a.remote == b.remote && a.state == b.state && found_of(a) == found_of(b) &&
           a.bytes_received == b.bytes_received && a.segments_out == b.segments_out &&
           a.retransmits == b.retransmits && a.total_retransmits == b.total_retransmits &&
           a.was_connected == b.was_connected;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_netlink({data, size, max_size, seed});
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> datagram(data, size);
    health::DiagMessages said;
    health::parse_diag_messages(datagram, said);
    const Reading slowly = read_slowly(datagram);
    require(said.error >= 0 && said.error <= 4095, "an errno value");
    require(said.sockets.size() == slowly.sockets.size(), "as many sockets as the kernel's macros find");
    for (std::size_t i = 0; i < said.sockets.size(); ++i) {
        require(found_of(said.sockets[i]) == slowly.sockets[i], "and the same ones");
        require(said.sockets[i].rtt >= std::chrono::microseconds(0), "no time below zero");
    }
    require(said.done == slowly.done && said.interrupted == slowly.interrupted, "the same end of a dump");

    health::DiagMessages one_by_one;
    for (const auto message : slowly.messages) health::parse_diag_messages(message, one_by_one);
    require(one_by_one.sockets.size() == said.sockets.size(), "one by one as together");
    for (std::size_t i = 0; i < said.sockets.size(); ++i)
        require(same(one_by_one.sockets[i], said.sockets[i]), "and the same");
    require(one_by_one.done == said.done && one_by_one.error == said.error, "to the end");
    return 0;
}
