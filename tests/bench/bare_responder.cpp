// bench_bare_responder PORT: the floor of what a DNS server on plain sockets can cost: it answers every query with
// the same 4 A records, without looking at it. What design.md, section 11, calls the bare responder.
//
// recvmmsg in batches of 16, the answer built in place, one sendmmsg per batch (sendto for a single answer). It
// waits in recvmmsg itself: no readiness call.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

constexpr unsigned batch_size = 16;
constexpr std::size_t buffer_size = 4096;
constexpr std::size_t buffer_step = 4352;  // not a multiple of a page: buffers share no cache sets
constexpr int socket_buffer = 4 << 20;
constexpr std::size_t header_size = 12;
constexpr unsigned records = 4;

struct Batch {
    std::array<mmsghdr, batch_size> received{};
    std::array<mmsghdr, batch_size> answers{};
    std::array<iovec, batch_size> received_octets{};
    std::array<iovec, batch_size> answer_octets{};
    std::array<sockaddr_in, batch_size> sources{};
    alignas(64) std::array<std::uint8_t, batch_size * buffer_step> octets{};

    std::uint8_t* buffer(unsigned i) { return octets.data() + i * buffer_step; }
};

/// The answer's length; 0 for what is no query. An OPT record of the query's is answered with one of ours.
std::size_t answer_in_place(std::uint8_t* message, std::size_t length) {
    if (length < header_size + 5 || (message[2] & 0x80) != 0) return 0;
    std::size_t at = header_size;
    while (at < length && message[at] != 0) at += message[at] + 1U;
    at += 5;  // the root, type and class
    if (at > length) return 0;
    const bool has_opt = message[11] != 0;
    message[2] = 0x84 | (message[2] & 0x01);  // QR, AA, RD as it was
    message[3] = 0x80;                        // RA
    message[7] = records;
    for (unsigned record = 0; record < records; ++record) {
        const std::uint8_t octets[16] = {0xC0, 0x0C, 0, 1, 0,  1, 0, 0,
                                         0,    60,   0, 4, 10, 0, 1, static_cast<std::uint8_t>(record + 1)};
        std::memcpy(message + at, octets, sizeof octets);
        at += sizeof octets;
    }
    if (has_opt) {
        constexpr std::uint8_t opt[11] = {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0};
        std::memcpy(message + at, opt, sizeof opt);
        at += sizeof opt;
    }
    return at;
}

int open_socket(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    constexpr int probe = IP_PMTUDISC_PROBE;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &socket_buffer, sizeof socket_buffer);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
    setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
    return descriptor;
}

void serve_batch(int descriptor, Batch& batch) {
    for (unsigned i = 0; i < batch_size; ++i) {
        batch.received_octets[i] = {batch.buffer(i), buffer_size};
        msghdr& header = batch.received[i].msg_hdr;
        header.msg_name = &batch.sources[i];
        header.msg_namelen = sizeof(sockaddr_in);
        header.msg_iov = &batch.received_octets[i];
        header.msg_iovlen = 1;
    }
    const int received = ::recvmmsg(descriptor, batch.received.data(), batch_size, MSG_WAITFORONE, nullptr);
    unsigned answers = 0;
    for (unsigned i = 0; received > 0 && i < static_cast<unsigned>(received); ++i) {
        const std::size_t length = answer_in_place(batch.buffer(i), batch.received[i].msg_len);
        if (length == 0) continue;
        batch.answer_octets[answers] = {batch.buffer(i), length};
        msghdr& header = batch.answers[answers].msg_hdr;
        header = batch.received[i].msg_hdr;
        header.msg_iov = &batch.answer_octets[answers];
        ++answers;
    }
    if (answers == 1) {
        const msghdr& header = batch.answers[0].msg_hdr;
        static_cast<void>(::sendto(descriptor, header.msg_iov->iov_base, header.msg_iov->iov_len, 0,
                                   static_cast<const sockaddr*>(header.msg_name), header.msg_namelen));
    } else if (answers > 1) {
        static_cast<void>(::sendmmsg(descriptor, batch.answers.data(), answers, 0));
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int descriptor = argc == 2 ? open_socket(static_cast<std::uint16_t>(std::atoi(argv[1]))) : -1;
    if (descriptor < 0) {
        std::fprintf(stderr, "bench_bare_responder: usage: bench_bare_responder PORT; %s\n", std::strerror(errno));
        return 1;
    }
    const auto batch = std::make_unique<Batch>();
    for (;;) serve_batch(descriptor, *batch);
}
