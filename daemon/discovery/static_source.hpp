// The source `static`: the addresses that the configuration names, for tests and local development.
// Layer: discovery (may include base, config).
#pragma once

#include <cstdint>
#include <vector>

#include "discovery/source.hpp"

namespace taskdns::discovery {

class StaticSource final : public Source {
public:
    explicit StaticSource(const config::Service& service)
        : addresses_(service.addresses), port_(service.port), ttl_(service.poll.max) {}

    /// The same each time, fresh and exhaustive, with a TTL of `poll.max`.
    asio::awaitable<Observation> observe() override;

private:
    const std::vector<SocketAddress> addresses_;  // a reload may replace the configuration that they came from
    const std::uint16_t port_;
    const milliseconds ttl_;
};

}  // namespace taskdns::discovery
