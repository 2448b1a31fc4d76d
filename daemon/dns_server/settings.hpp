// What the DNS server is given: who may ask, its bounds, and the way to ask elsewhere.
// Layer: dns_server (may include base, view).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "dns_server/answer.hpp"
#include "dns_server/held_queries.hpp"

namespace taskdns::dns_server {

/// Tells the state of a service's endpoints for people: one line each. `name`: the service's, or an alias. Called on
/// the dns thread; calls `done` once, there too, soon, or never when the daemon stops.
using Describe = std::function<void(const dns::Name& name, std::function<void(std::vector<std::string> lines)> done)>;

struct Settings {
    std::vector<Network> allow;  ///< who may ask beside loopback; others get no answer
    std::string identity;        ///< what `CH TXT id.server` says
    Describe describe;           ///< for `CH TXT <service>`; empty: SERVFAIL
    // What design.md, section 8, states; tests shorten it.
    std::size_t max_held = 256;
    milliseconds hold_limit{2000};
    std::size_t max_describing = 32;  ///< descriptions that are awaited at a time
    std::size_t max_tcp_connections = 64;
    milliseconds tcp_idle{10'000};
};

}  // namespace taskdns::dns_server
