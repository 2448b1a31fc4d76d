// Endpoints and policies that the tests of the schedule and of the checker share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "health/verdict.hpp"

namespace taskdns::health {

using namespace std::chrono_literals;

inline SocketAddress endpoint(int number) {
    return {IpAddress(IpAddress::V4Bytes{10, 0, static_cast<std::uint8_t>(number / 256),
                                         static_cast<std::uint8_t>(number % 256)}),
            8080};
}

inline std::vector<SocketAddress> endpoints(int count, int first = 1) {
    std::vector<SocketAddress> out;
    out.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) out.push_back(endpoint(first + i));
    return out;
}

inline config::Health tcp_policy(milliseconds interval = 2s) {
    config::Health policy;
    policy.check = config::CheckKind::tcp;
    policy.interval = interval;
    return policy;
}

inline config::Health http_policy(std::string path) {
    config::Health policy = tcp_policy();
    policy.check = config::CheckKind::http;
    policy.path = std::move(path);
    return policy;
}

}  // namespace taskdns::health
