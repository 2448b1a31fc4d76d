// Does somebody answer DNS at an address? Before resolv.conf is pointed there, or away from there.
// Layer: app (may include base, dns, dns_server, Asio). Threads: blocks the caller, who has no event loop.
#pragma once

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace taskdns::app {

/// One query over UDP that taskdns answers by itself, ready or not (CH TXT version.bind); an answer of any kind,
/// within `limit`, will do. False as soon as the port is closed.
bool answers_dns(const SocketAddress& address, milliseconds limit);

}  // namespace taskdns::app
