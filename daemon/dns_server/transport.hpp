// What a query came over. Layer: dns_server.
#pragma once

#include <cstdint>

namespace taskdns::dns_server {

enum class Transport : std::uint8_t { udp, tcp };

}  // namespace taskdns::dns_server
