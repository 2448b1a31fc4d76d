// The source `static`: the addresses that the configuration names, for tests and local development.
// Layer: discovery (may include base, config).
#pragma once

#include "discovery/source.hpp"

namespace taskdns::discovery {

class StaticSource final : public Source {
public:
    explicit StaticSource(const config::Service& service);

    /// The same each time, fresh and exhaustive, with a TTL of `poll.max`.
    asio::awaitable<Observation> observe() override;

private:
    Observation observation_;
};

}  // namespace taskdns::discovery
