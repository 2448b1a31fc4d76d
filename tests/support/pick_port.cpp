// A port for a server under test.
#include "support/pick_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace taskdns::testing_support {

namespace {

constexpr unsigned first_port = 10'000;
constexpr unsigned ports = 22'000;  // 32000 and above: Linux' default ip_local_port_range begins at 32768

bool can_bind(const std::string& address, std::uint16_t port, int type) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) {
        throw std::runtime_error("pick_port: not an IPv4 address: " + address);
    }
    const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const bool bound = bind(descriptor, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    close(descriptor);
    return bound;
}

}  // namespace

std::uint16_t pick_port(const std::vector<std::string>& addresses) {
    static unsigned next = static_cast<unsigned>(getpid()) * 37;  // neighbours in time have neighbouring ids
    for (unsigned tries = 0; tries < ports; ++tries) {
        const auto port = static_cast<std::uint16_t>(first_port + next++ % ports);
        const bool is_free = std::all_of(addresses.begin(), addresses.end(), [port](const std::string& address) {
            return can_bind(address, port, SOCK_DGRAM) && can_bind(address, port, SOCK_STREAM);
        });
        if (is_free) return port;
    }
    throw std::runtime_error("pick_port: no free port");
}

}  // namespace taskdns::testing_support
