// The source `static`: the addresses that the configuration names, for tests and local development.
// Layer: discovery (may include base, config).
#pragma once

#include "discovery/source.hpp"

namespace taskdns::discovery {

class StaticSource final : public Source {
public:
    /// `service` outlives it: its addresses are kept there only.
    explicit StaticSource(const config::Service& service) : service_(service) {}
    StaticSource(config::Service&&) = delete;

    /// The same each time, fresh and exhaustive, with a TTL of `poll.max`.
    asio::awaitable<Observation> observe() override;

private:
    const config::Service& service_;
};

}  // namespace taskdns::discovery
