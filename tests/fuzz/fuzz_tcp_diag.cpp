// Any octets as a datagram of NETLINK_SOCK_DIAG. Seeds, recorded: tests/fuzz/corpus/tcp_diag/.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "health/tcp_diag.hpp"

namespace health = taskdns::health;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t smallest = 16 + 72 + 4 + 144;  // headers, inet_diag_msg, attribute, tcp_info of Linux 4.2
    health::DiagMessages said;
    health::parse_diag_messages({data, size}, said);
    const std::size_t sockets = said.sockets.size();
    if (sockets * smallest > size || said.error < 0 || said.error > 4095) std::abort();
    for (const health::TcpSocket& socket : said.sockets) {
        const auto address = socket.remote.address.bytes();
        if (address.size() != 4 && address.size() != 16) std::abort();
        if (socket.rtt < std::chrono::microseconds(0)) std::abort();
    }
    health::parse_diag_messages({data, size}, said);  // appends, and says the same again
    if (said.sockets.size() != 2 * sockets) std::abort();
    return 0;
}
