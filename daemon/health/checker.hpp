// The schedule of the checks: which endpoint is probed when, and what the verdicts are now.
// Layer: health (may include base, config, membership, Asio). Threads: the control thread's executor.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "base/counter.hpp"
#include "base/histogram.hpp"
#include "config/config.hpp"
#include "health/probe.hpp"
#include "health/schedule.hpp"
#include "health/verdict.hpp"

namespace taskdns::health {

/// A probe in the VPC takes about a millisecond; its timeout is at most some seconds.
inline constexpr std::array<std::chrono::nanoseconds, 12> probe_time_bounds{
    std::chrono::microseconds(500), std::chrono::milliseconds(1),   std::chrono::microseconds(2500),
    std::chrono::milliseconds(5),   std::chrono::milliseconds(10),  std::chrono::milliseconds(25),
    std::chrono::milliseconds(50),  std::chrono::milliseconds(100), std::chrono::milliseconds(250),
    std::chrono::milliseconds(500), std::chrono::seconds(1),        std::chrono::milliseconds(2500)};

struct Counters {
    Counter probes;  ///< begun
    // Of those that have ended:
    Counter successes;
    Counter failures;
    Counter late_timeouts;
    Counter local_faults;
    std::array<Counter, observed_words> outcomes;  ///< by Observed
    Histogram probe_time{probe_time_bounds};       ///< of those that say something of the endpoint
};

class Checker {
public:
    /// `on_outcome` is called after every outcome of an endpoint that `service` has; `changed` if its verdict did.
    /// Never from within a call of ours, and never after stop() or the destructor. It may call set_endpoints().
    using Event = health::Event;
    using OnOutcome = std::function<void(const Event& event)>;

    static constexpr unsigned max_in_flight = 256;

    /// `most_in_flight`: probes at once, fewer than the constant where descriptors are short; at least one.
    Checker(asio::any_io_executor executor, Probe probe, OnOutcome on_outcome, std::uint32_t seed,
            unsigned most_in_flight = max_in_flight);
    ~Checker();

    /// The endpoints of `service` from now on. New ones are probed at once, those no longer named are forgotten,
    /// the others keep their verdict. A service with check `none` has no endpoints here.
    void set_endpoints(ServiceIndex service, const std::string& service_name, const config::Health& policy,
                       const std::vector<SocketAddress>& endpoints);
    /// Whether nobody asks for `service`: see Schedule::set_idle().
    void set_idle(ServiceIndex service, bool idle);
    /// Null if it is not checked for this service. Valid until the next set_endpoints().
    const Verdict* find(ServiceIndex service, const SocketAddress& endpoint) const;
    /// What became of a connection of the application's: see Schedule::observe(). Does not call `on_outcome`.
    std::optional<Event> observe(ServiceIndex service, const SocketAddress& endpoint, Observed observed,
                                 TimePoint since);
    /// Stops probing for good; true when all probes have ended within `limit`.
    asio::awaitable<bool> stop(milliseconds limit);

    const Counters& counters() const;
    /// Probes that were not made, because the application's connections had said it already.
    std::uint64_t spared() const;
    unsigned in_flight() const;
    /// What is probed: each once, however many services share it.
    std::size_t targets() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns::health
