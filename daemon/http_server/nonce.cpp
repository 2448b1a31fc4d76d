// A number that nobody can guess. Layer: http_server.
#include "http_server/nonce.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace taskdns::http_server {
namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string make_nonce() {
    std::array<std::uint8_t, 18> octets{};  // 16 and two zeros: six groups of three
    // Up to 256 octets come whole, but for a signal before the kernel's pool is ready.
    while (getrandom(octets.data(), 16, 0) < 0 && errno == EINTR) {
    }
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        const auto group = static_cast<std::uint32_t>(octets[i] << 16 | octets[i + 1] << 8 | octets[i + 2]);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) out.push_back(alphabet[group >> shift & 63U]);
    }
    out.resize(22);
    return out + "==";
}

}  // namespace taskdns::http_server
