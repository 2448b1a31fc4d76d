// What a configuration leads to once all that it depends on is read, and whom it asks.
// Layer: app (may include all). Threads: read_surroundings() any; the rest is pure.
#pragma once

#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace taskdns::app {

/// What a configuration leads to once the files that it depends on are read.
struct Reading {
    config::Config config;
    struct Resolvers {
        std::vector<SocketAddress> heard;        ///< where we listen: see heard_addresses()
        std::vector<SocketAddress> resolv_conf;  ///< whom it names, or the fixed address instead: never ourselves
    } resolvers;
};

/// Error: an upstream server that the user wrote is one of our own listeners, with its place.
Result<Reading> read_surroundings(config::Config config);

/// Where the servers come from that are asked.
enum class UpstreamOrigin { configuration, task_metadata, resolv_conf };

const char* to_string(UpstreamOrigin origin);

struct UpstreamChoice {
    std::vector<SocketAddress> servers;
    UpstreamOrigin origin = UpstreamOrigin::resolv_conf;

    bool operator==(const UpstreamChoice&) const = default;
};

/// Those that the user wrote, else `metadata`'s, else resolv.conf's; never ourselves, whatever the task's metadata
/// say.
UpstreamChoice choose_upstream(const config::Upstream& configured, const Reading::Resolvers& resolvers,
                               const std::vector<IpAddress>& metadata);

}  // namespace taskdns::app
