// When to look again, and the loop that does.
// Layer: discovery (may include base, dns, config, upstream, Asio). Threads: the control thread's executor.
#pragma once

#include <functional>
#include <random>

#include "base/asio.hpp"
#include "config/config.hpp"
#include "discovery/source.hpp"

namespace taskdns::discovery {

/// 1 s x 1.6^(consecutive_failures - 1), at most 30 s, +-20 % (jitter 0 is -20 %, 1 is +20 %). Pure.
milliseconds failure_delay(unsigned consecutive_failures, double jitter);

/// When the next poll is due after `observation`. Pure.
/// An answer: when its TTL has run out, within poll.min and poll.max, plus `jitter` (0 to 1) x 10 % of that, at most
/// 1 s: never earlier than the TTL, since an earlier poll would only reread the resolver's cache.
/// A failure: failure_delay().
milliseconds next_delay(const Observation& observation, unsigned consecutive_failures, const config::Poll& policy,
                        double jitter);

/// Called after each poll with what was seen and how long it is until the next one.
using OnObservation = std::function<void(const Observation& observation, milliseconds next_delay)>;

/// Polls at once and then for ever, until cancelled. Reports nothing after cancellation. `source` outlives it.
asio::awaitable<void> poll(Source& source, config::Poll policy, OnObservation on_observation, std::uint32_t seed);

}  // namespace taskdns::discovery
