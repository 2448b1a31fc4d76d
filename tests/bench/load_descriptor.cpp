// The load generator's sockets. Part of bench_load.
#include "bench/load_descriptor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace taskdns::bench {
namespace {

constexpr int socket_buffer = 4 << 20;
constexpr std::uint32_t first_source = 0x7F000101;  // 127.0.1.1
constexpr unsigned source_addresses = 250;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

sockaddr_in address(std::uint32_t host, std::uint16_t port) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_addr.s_addr = htonl(host);
    native.sin_port = htons(port);
    return native;
}

void set_option(const Descriptor& socket, int level, int name, int value) {
    if (setsockopt(socket.get(), level, name, &value, sizeof value) != 0) fail("setsockopt");
}

int connect_to(const Descriptor& socket, std::uint16_t port) {
    const sockaddr_in server = address(INADDR_LOOPBACK, port);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server);
}

}  // namespace

Descriptor::~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Descriptor udp_socket(std::uint16_t port) {
    Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) fail("socket");
    set_option(socket, SOL_SOCKET, SO_RCVBUF, socket_buffer);
    set_option(socket, SOL_SOCKET, SO_SNDBUF, socket_buffer);
    if (connect_to(socket, port) != 0) fail("connect");
    return socket;
}

Descriptor tcp_socket(std::uint16_t port, unsigned turn) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) fail("socket");
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const sockaddr_in source = address(first_source + turn % source_addresses, 0);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) fail("bind");
    if (connect_to(socket, port) != 0 && errno != EINPROGRESS) fail("connect");
    return socket;
}

bool is_not_ready(int error_number) {
    return error_number == EAGAIN || error_number == EINTR || error_number == ENOBUFS || error_number == ENOTCONN;
}

void pin(pid_t pid, int cpu) {
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (sched_setaffinity(pid, sizeof set, &set) != 0) fail("sched_setaffinity");
}

}  // namespace taskdns::bench
