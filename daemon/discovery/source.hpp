// The interface of a registry: who is there for one service? Others (Cloud Map's API, Eureka) implement it beside
// `dns_source` and `static_source` without a change to any later stage.
// Layer: discovery (may include base, dns, config, upstream, Asio).
#pragma once

#include <cstdint>
#include <memory>

#include "base/asio.hpp"
#include "config/config.hpp"
#include "discovery/observation.hpp"

namespace taskdns::upstream {
class Resolver;
}

namespace taskdns::discovery {

class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    /// Looks once. Never throws; a failure is an Observation. Cancellation makes it return Failed soon.
    virtual asio::awaitable<Observation> observe() = 0;
    /// Records left out so far, since no endpoint can have their address.
    virtual std::uint64_t unusable_addresses() const { return 0; }
};

/// The source that `service` configures. Both outlive it.
std::unique_ptr<Source> make_source(const config::Service& service, upstream::Resolver& resolver);

}  // namespace taskdns::discovery
