// The kernel's word about TCP sockets: messages and requests of NETLINK_SOCK_DIAG. Layer: health.
// <linux/tcp.h> has the whole tcp_info; <netinet/tcp.h>, which cannot stand beside it, only its first 104 octets.
#include "health/tcp_diag.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace taskdns::health {
namespace {

using Octets = std::span<const std::uint8_t>;

/// net/tcp_states.h of the kernel; the names of <netinet/tcp.h> cannot be had here.
enum : std::uint8_t {
    established = 1,
    syn_sent,
    fin_wait1 = 4,
    fin_wait2,
    closed = 7,
    close_wait,
    last_ack,
    closing = 11
};

/// What of `octets` there is of a struct; the rest is 0. Messages lie at any address, so they are copied.
template <typename Struct>
Struct read(Octets octets) {
    Struct value{};
    std::memcpy(&value, octets.data(), std::min(octets.size(), sizeof value));
    return value;
}

constexpr std::size_t aligned(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

/// Whether a tcp_info of this length has the field that begins at `offset`, of 32 bits.
bool reaches(std::size_t length, std::size_t offset) { return length >= offset + sizeof(std::uint32_t); }

TcpState state_of(std::uint8_t state) {
    switch (state) {
        case established:
            return TcpState::established;
        case syn_sent:
            return TcpState::syn_sent;
        case closed:
            return TcpState::closed;
        default:
            return TcpState::other;
    }
}

std::optional<IpAddress> address_of(std::uint8_t family, const std::uint32_t (&words)[4]) {
    IpAddress::V6Bytes bytes;
    std::memcpy(bytes.data(), words, bytes.size());
    if (family == AF_INET) return IpAddress(IpAddress::V4Bytes{bytes[0], bytes[1], bytes[2], bytes[3]});
    if (family != AF_INET6) return std::nullopt;
    static constexpr IpAddress::V6Bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (!std::equal(mapped.begin(), mapped.begin() + 12, bytes.begin())) return IpAddress(bytes);
    return IpAddress(IpAddress::V4Bytes{bytes[12], bytes[13], bytes[14], bytes[15]});
}

struct Attributes {
    Octets info;  ///< INET_DIAG_INFO
    bool tcp = true;
};

Attributes read_attributes(Octets octets) {
    Attributes found;
    while (octets.size() >= sizeof(nlattr)) {
        const auto header = read<nlattr>(octets);
        if (header.nla_len < sizeof header || header.nla_len > octets.size()) break;
        const Octets value = octets.first(header.nla_len).subspan(sizeof header);
        if (header.nla_type == INET_DIAG_INFO) found.info = value;
        if (header.nla_type == INET_DIAG_PROTOCOL && !value.empty()) found.tcp = value[0] == IPPROTO_TCP;
        octets = octets.subspan(std::min(aligned(header.nla_len), octets.size()));
    }
    return found;
}

std::optional<TcpSocket> parse_socket(Octets payload) {
    if (payload.size() < sizeof(inet_diag_msg)) return std::nullopt;
    const auto message = read<inet_diag_msg>(payload);
    const auto address = address_of(message.idiag_family, message.id.idiag_dst);
    const Attributes attributes = read_attributes(payload.subspan(sizeof message));
    const std::size_t length = attributes.info.size();
    if (!address || !attributes.tcp || !reaches(length, offsetof(tcp_info, tcpi_segs_in))) return std::nullopt;
    const auto info = read<tcp_info>(attributes.info);

    TcpSocket socket;
    socket.remote = {*address, ntohs(message.id.idiag_dport)};
    socket.cookie = std::uint64_t{message.id.idiag_cookie[1]} << 32 | message.id.idiag_cookie[0];
    socket.state = state_of(message.idiag_state);
    socket.bytes_acked = info.tcpi_bytes_acked;
    // The kernel counts the FIN as an octet received; the segments with data it counts apart, since 4.6.
    const bool only_fin = reaches(length, offsetof(tcp_info, tcpi_data_segs_in)) && info.tcpi_data_segs_in == 0;
    socket.bytes_received = only_fin ? 0 : info.tcpi_bytes_received;
    socket.segments_out = info.tcpi_segs_out;
    socket.segments_in = info.tcpi_segs_in;
    socket.retransmits = std::max(message.idiag_retrans, info.tcpi_retransmits);
    socket.total_retransmits = info.tcpi_total_retrans;
    socket.rtt = std::chrono::microseconds(info.tcpi_rtt);
    constexpr std::uint32_t never = 0xFFFFFFFF;
    socket.was_connected = reaches(length, offsetof(tcp_info, tcpi_min_rtt)) && info.tcpi_min_rtt != never;
    return socket;
}

/// NLMSG_ERROR and NLMSG_DONE begin with an errno value, negative, or 0. None is beyond 4095 (MAX_ERRNO).
void take_error(Octets payload, DiagMessages& out) {
    if (payload.size() < sizeof(int)) return;
    const int error = read<int>(payload);
    if (error < 0 && error >= -4095) out.error = -error;
}

/// Where the ranges of ports begin and, one above their last, where they end, in turns: a port is wanted if an odd
/// number of edges is at it or below. A last range that reaches 65535 has no end.
std::vector<std::uint16_t> edges_of(std::span<const std::uint16_t> ports) {
    std::vector<std::uint16_t> sorted(ports.begin(), ports.end());
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    std::vector<std::uint16_t> edges;
    for (const std::uint16_t port : sorted) {
        if (!edges.empty() && edges.back() == port) {
            edges.pop_back();  // it goes on where the range before it ends
        } else {
            edges.push_back(port);
        }
        if (port != 65535) edges.push_back(static_cast<std::uint16_t>(port + 1));
    }
    return edges;
}

// What the kernel runs for every socket of a dump (inet_diag_bc_run): each operation jumps forward by `yes` or `no`
// octets. To arrive at the end is to accept, to go 4 octets beyond it is to refuse. Before that it follows the `yes`
// jumps and wants to meet the target of every `no` jump on its way, unless that is the end or beyond
// (inet_diag_bc_audit).

constexpr std::size_t op_size = sizeof(inet_diag_bc_op);
constexpr std::size_t comparison_size = 2 * op_size;  // the second holds the port

void append_op(std::vector<inet_diag_bc_op>& code, unsigned op, std::size_t yes, std::size_t no) {
    code.push_back(
        {static_cast<unsigned char>(op), static_cast<unsigned char>(yes), static_cast<unsigned short>(no)});
}

void append_comparison(std::vector<inet_diag_bc_op>& code, unsigned op, unsigned port, std::size_t no) {
    append_op(code, op, comparison_size, no);
    append_op(code, INET_DIAG_BC_NOP, 0, port);
}

/// Passes the edges upwards: the first one above the port decides. Blocks of edges below the port are skipped as a
/// whole, so that of 2,000 edges less than 100 are looked at; a tree would look at fewer, but the kernel would take
/// milliseconds to audit its jumps.
std::vector<inet_diag_bc_op> bytecode(std::span<const std::uint16_t> edges) {
    constexpr std::size_t block = 32;
    const auto begins_block = [&](std::size_t i) { return i % block == 0 && i + block < edges.size(); };
    const bool last_wanted = edges.size() % 2 == 1;
    std::size_t left = edges.size() * comparison_size + (last_wanted ? 0 : op_size);
    for (std::size_t i = 0; i < edges.size(); ++i) left += begins_block(i) ? comparison_size : 0;

    std::vector<inet_diag_bc_op> code;
    code.reserve(left / op_size);
    for (std::size_t i = 0; i < edges.size(); ++i) {
        if (begins_block(i)) {
            append_comparison(code, INET_DIAG_BC_D_LE, edges[i + block] - 1U, (block + 1) * comparison_size);
            left -= comparison_size;
        }
        const bool wanted_below = i % 2 == 1;
        append_comparison(code, INET_DIAG_BC_D_GE, edges[i], wanted_below ? left : left + op_size);
        left -= comparison_size;
    }
    if (!last_wanted) append_op(code, INET_DIAG_BC_JMP, op_size, 2 * op_size);
    return code;
}

template <typename Value>
void append(std::vector<std::uint8_t>& out, const Value* values, std::size_t count) {
    const auto* const octets = reinterpret_cast<const std::uint8_t*>(values);
    out.insert(out.end(), octets, octets + count * sizeof(Value));
}

constexpr std::uint32_t pass = 0xFFFFFFFF;
constexpr std::uint32_t drop = 0;

sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }

sock_filter jump(unsigned code, std::uint32_t k, std::size_t yes, std::size_t no) {
    return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | code), static_cast<std::uint8_t>(yes),
            static_cast<std::uint8_t>(no), k};
}

/// A binary search for the port in the accumulator: one comparison for each edge and one return for each gap between
/// two, so 4,001 instructions for 1,000 ports that do not touch; of BPF_MAXINSNS (4096) that leaves enough for the
/// few jumps that are too far for a comparison, and for what stands before.
std::vector<sock_filter> search(std::span<const std::uint16_t> edges, bool wanted) {
    if (edges.empty()) return {statement(BPF_RET | BPF_K, wanted ? pass : drop)};
    const std::size_t middle = edges.size() / 2;
    const std::vector<sock_filter> below = search(edges.first(middle), wanted);
    const std::vector<sock_filter> above = search(edges.subspan(middle + 1), wanted != (middle % 2 == 0));
    std::vector<sock_filter> code;
    code.reserve(below.size() + above.size() + 2);
    if (below.size() <= 255) {
        code.push_back(jump(BPF_JGE, edges[middle], below.size(), 0));
    } else {
        code.push_back(jump(BPF_JGE, edges[middle], 0, 1));
        code.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(below.size())));
    }
    code.insert(code.end(), below.begin(), below.end());
    code.insert(code.end(), above.begin(), above.end());
    return code;
}

/// Of the sockets without a remote port, those that have a remote address pass.
std::vector<sock_filter> wiped_ones() {
    constexpr std::uint32_t address_at = sizeof(nlmsghdr) + offsetof(inet_diag_msg, id.idiag_dst);
    std::vector<sock_filter> filter;
    for (std::uint32_t word = 0; word < 4; ++word) {
        filter.push_back(statement(BPF_LD | BPF_W | BPF_ABS, address_at + 4 * word));
        filter.push_back(jump(BPF_JEQ, 0, 1, 0));
        filter.push_back(statement(BPF_RET | BPF_K, pass));
    }
    filter.push_back(statement(BPF_RET | BPF_K, drop));
    return filter;
}

}  // namespace

void parse_diag_messages(Octets datagram, DiagMessages& out) {
    while (datagram.size() >= sizeof(nlmsghdr)) {
        const auto header = read<nlmsghdr>(datagram);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) return;
        const Octets payload = datagram.first(header.nlmsg_len).subspan(sizeof header);
        if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) out.interrupted = true;
        if (header.nlmsg_type == NLMSG_DONE) out.done = true;
        if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) take_error(payload, out);
        if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            if (const auto socket = parse_socket(payload)) out.sockets.push_back(*socket);
        }
        datagram = datagram.subspan(std::min(aligned(header.nlmsg_len), datagram.size()));
    }
}

std::vector<std::uint8_t> make_dump_request(int family, std::span<const std::uint16_t> ports,
                                            std::uint32_t sequence) {
    std::vector<inet_diag_bc_op> code;
    nlattr attribute{};
    attribute.nla_type = INET_DIAG_REQ_BYTECODE;
    if (ports.size() <= most_filtered_ports) {
        code = bytecode(edges_of(ports));
        attribute.nla_len = static_cast<std::uint16_t>(sizeof attribute + code.size() * op_size);
    }
    inet_diag_req_v2 request{};
    request.sdiag_family = static_cast<std::uint8_t>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_ext = 1 << (INET_DIAG_INFO - 1);
    if (!ports.empty()) {  // else the kernel would walk through all sockets to find none
        for (const unsigned state : {established, syn_sent, fin_wait1, fin_wait2, close_wait, last_ack, closing})
            request.idiag_states |= 1U << state;
    }
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + sizeof request + attribute.nla_len);
    header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.nlmsg_seq = sequence;

    std::vector<std::uint8_t> out;
    out.reserve(header.nlmsg_len);
    append(out, &header, 1);
    append(out, &request, 1);
    if (attribute.nla_len != 0) {
        append(out, &attribute, 1);
        append(out, code.data(), code.size());
    }
    return out;
}

std::vector<sock_filter> make_event_filter(std::span<const std::uint16_t> ports) {
    if (ports.size() > most_filtered_ports) return {statement(BPF_RET | BPF_K, pass)};
    constexpr std::uint32_t port_at = sizeof(nlmsghdr) + offsetof(inet_diag_msg, id.idiag_dport);
    // A filter reads numbers in network byte order; those of the header are in the machine's.
    std::vector<sock_filter> filter{
        statement(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
        jump(BPF_JEQ, htons(SOCK_DIAG_BY_FAMILY), 1, 0),
        statement(BPF_RET | BPF_K, pass),
        statement(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_flags)),
        jump(BPF_JSET, htons(NLM_F_MULTI), 0, 1),
        statement(BPF_RET | BPF_K, pass),
        statement(BPF_LD | BPF_H | BPF_ABS, port_at),
    };
    if (!ports.empty()) {
        const std::vector<sock_filter> wiped = wiped_ones();
        filter.push_back(jump(BPF_JEQ, 0, 0, wiped.size()));
        filter.insert(filter.end(), wiped.begin(), wiped.end());
    }
    const std::vector<sock_filter> found = search(edges_of(ports), false);
    filter.insert(filter.end(), found.begin(), found.end());
    return filter;
}

}  // namespace taskdns::health
