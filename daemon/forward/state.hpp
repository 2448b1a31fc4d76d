// What the forwarder is made of. Layer: forward; only forwarder.cpp and state.cpp include it.
#pragma once

#include "base/task_group.hpp"
#include "forward/cache.hpp"
#include "forward/forwarder.hpp"

namespace taskdns::forward {

/// What is to be done for one query.
enum class Course : std::uint8_t {
    fresh,      ///< the entry is good
    stale,      ///< the entry has expired, and asking is over its time, just failed, or not possible now
    ask,        ///< join the flight, or begin one
    over_limit  ///< neither: SERVFAIL
};

struct Decision {
    Course course = Course::ask;
    Entry* entry = nullptr;  ///< with fresh and stale; with `ask` one that would do later, or null
    Flights::Shared flight;  ///< with `ask`: that is on its way
};

struct Forwarder::State : std::enable_shared_from_this<Forwarder::State> {
    State(asio::any_io_executor executor, std::vector<SocketAddress> servers, Settings settings,
          upstream::QueryBudget& budget);

    /// HOT PATH.
    Decision decide(const KeyView& key, TimePoint now);
    Served stale(const Entry& entry) const;
    /// Counts the hit; begins a prefetch if it is time for one.
    Served hit(Entry& entry, TimePoint now);

    void wait_for(const KeyView& key, Decision decision, Waiter waiter);
    void depart(const Flights::Shared& flight);
    void prefetch(const Question& question);
    class Landing;
    void land(const Flights::Shared& flight, Outcome outcome);
    void land_safely(const Flights::Shared& flight, Outcome outcome) noexcept;
    void fail(const Flights::Shared& flight, UpstreamAnswer answer, bool by_upstream);
    void store(const KeyView& key, const UpstreamAnswer& answer, TimePoint now) noexcept;
    void arm_stale_timer(const Flights::Shared& flight);
    void give_stale(const Flights::Shared& flight);
    /// Answers all who wait; `each` counts them.
    void answer_all(Flight& flight, const Served& served, Counter& each);
    void update_gauges();

    static asio::awaitable<void> fly(std::shared_ptr<State> self, Flights::Shared flight);

    asio::any_io_executor executor;
    Settings settings;
    Counters counters;
    KeyedHash hash;
    Cache cache;
    Flights flights;
    std::size_t waiting = 0;
    std::size_t most_waiting;
    std::shared_ptr<Upstreams> upstreams;
    bool stopping = false;
    TaskGroup tasks;
};

/// `served` for a client whose buffer does not hold it, as a message of its own.
dns::Bytes message_for(std::span<const std::uint8_t> head, const Client& client, const Served& served);

}  // namespace taskdns::forward
